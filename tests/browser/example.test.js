// The FastAPI examples alone, with the package and by hand: what they take for an identity, and what not.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { directoryOf, python, runApp } from './harness/app.js';
import { freePort, send, upgrade } from './harness/loopback.js';

const ISSUER = 'https://notes.example.com';
const AUDIENCE = 'notes.example.com';
const ours = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const foreign = generateKeyPairSync('ec', { namedCurve: 'P-256' });

let app;
let keys;
let fetches = 0;
const keysAt = () => `http://127.0.0.1:${keys.address().port}`;

before(async () => {
  keys = http.createServer((_, response) => {
    fetches += 1;
    const jwk = { ...ours.publicKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: 'ES256' };
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }));
  });
  await new Promise((resolve) => keys.listen(0, '127.0.0.1', resolve));
});

after(() => {
  keys?.closeAllConnections();
  keys?.close();
});

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function token({ head = {}, claims = {}, key = ours.privateKey } = {}) {
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: 'ES256', typ: 'JWT', kid: 'one', ...head };
  const payload = {
    iss: ISSUER, aud: AUDIENCE, sub: 'account', email: 'maria@example.com', iat: now, nbf: now, exp: now + 60, ...claims,
  };
  const signed = `${encode(header)}.${encode(payload)}`;
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

const me = (...tokens) => send(app.origin, '/api/me', { headers: tokens.flatMap((each) => ['X-BMAuth-JWT', each]) });

test('whichever proxy is in front, BMAuth is configured the same way', async () => {
  const [one, ...others] = await Promise.all(
    ['nginx', 'caddy', 'traefik', 'envoy'].map((name) => readFile(new URL(`../../examples/${name}/bmauth.toml`, import.meta.url), 'utf8')),
  );
  for (const other of others) assert.equal(other, one);
});

const now = () => Math.floor(Date.now() / 1000);
// Each with what the log says of it.
const refused = {
  'signed by another key': [() => token({ key: foreign.privateKey }), /its signature is not that of the key 'one'/],
  'for another audience': [
    () => token({ claims: { aud: 'other.example.com' } }),
    /it is for 'other\.example\.com', and not for 'notes\.example\.com'; BMAUTH_AUDIENCE has to be/,
  ],
  'of another issuer': [
    () => token({ claims: { iss: 'https://evil.example' } }),
    /its issuer is 'https:\/\/evil\.example', and BMAUTH_URL is 'https:\/\/notes\.example\.com'/,
  ],
  'that has expired': [() => token({ claims: { exp: now() - 40 } }), /it expired 4\d s ago, by the clock of this machine/],
  'that is not valid yet': [() => token({ claims: { nbf: now() + 600 } }), /it is good in (600|59\d) s, by the clock/],
  'without an expiry': [() => token({ claims: { exp: undefined } }), /missing the "exp" claim/],
  'without an account': [() => token({ claims: { sub: undefined } }), /missing the "sub" claim/],
  'without a signature': [() => `${encode({ alg: 'none', kid: 'one' })}.${token().split('.')[1]}.`, /alg/],
  'that names another algorithm': [() => token({ head: { alg: 'HS256' } }), /alg/],
  'that names no key': [() => token({ head: { kid: undefined } }), /its key '' is not among those at http:\/\/127/],
  'that names an unknown key': [() => token({ head: { kid: 'x\n'.repeat(99) } }), /its key 'x\\nx\\n.{0,80} is not among/],
  'whose key has no name but a number': [() => token({ head: { kid: 7 } }), /refused/],
  'that is no token': [() => 'maria@example.com', /it is no token/],
};
const run = (example, args, env) =>
  new Promise((resolve) => {
    const options = { cwd: directoryOf(example), env: { PATH: process.env.PATH, PYTHONDONTWRITEBYTECODE: '1', ...env } };
    execFile(python, args, options, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, said: stdout + stderr }));
  });

for (const example of ['fastapi', 'fastapi-by-hand']) describe(example, () => {
  before(async () => {
    app = await runApp({ example, port: await freePort(), url: `${ISSUER}/`, jwksUrl: `${keysAt()}/jwks.json` });
  });

  after(() => app?.stop());

  test('a token of the gateway tells who is there', async () => {
    const answer = await me(token());
    assert.equal(answer.status, 200);
    assert.equal(JSON.parse(answer.text).email, 'maria@example.com');
  });

  test('a visitor without a session gets 401, and the public pages', async () => {
    assert.equal((await me()).status, 401);
    assert.equal((await me('')).status, 401);
    const empty = await send(app.origin, '/optional', { headers: ['X-BMAuth-JWT', ''] });
    assert.match(empty.text, /Hello, guest/);
    assert.equal((await send(app.origin, '/public')).status, 200);
    assert.match((await send(app.origin, '/optional')).text, /Hello, guest/);
  });

  for (const [what, [make, reason]] of Object.entries(refused)) {
    test(`a token ${what} is refused, and the log says why`, async () => {
      const before = app.child.log.length;
      const bad = make();
      const answer = await me(bad);
      assert.deepEqual([answer.status, answer.text], [401, '{"detail":"The identity header is not valid"}']);
      const said = () => app.child.log.slice(before).split('\n').filter((line) => line.includes('X-BMAuth-JWT was refused'));
      await app.child.until(async () => said().length > 0);
      assert.equal(said().length, 1);
      assert.match(said()[0], reason);
      assert.ok(!app.child.log.includes(bad), 'the token is in the log');
    });
  }

  test('a request that did not come through the gateway is refused, and the log says so', async () => {
    const before = app.child.log.length;
    const answer = await me();
    assert.deepEqual([answer.status, answer.text], [401, '{"detail":"Sign in first"}']);
    await app.child.until(async () => /There is no X-BMAuth-JWT: the request did not come/.test(app.child.log.slice(before)));
  });

  test('a clock that is half a minute wrong refuses no one', async () => {
    for (const claims of [{ exp: now() - 20 }, { nbf: now() + 20, iat: now() + 20 }]) {
      assert.equal((await me(token({ claims }))).status, 200);
    }
  });

  test('two tokens are refused, even if both are good', async () => {
    assert.equal((await me(token(), token())).status, 401);
    await app.child.until(async () => /refused: it came more than once/.test(app.child.log));
  });

  test('tokens with made-up key ids do not make the app ask for keys again and again', async () => {
    await me(token());
    const before = fetches;
    for (let number = 0; number < 20; number += 1) {
      assert.equal((await me(token({ head: { kid: `made-up-${number}` } }))).status, 401);
    }
    assert.ok(fetches - before <= 1, `${fetches - before} fetches`);
  });

  test('a WebSocket without a token is turned down before it opens', async () => {
    const headers = upgrade(app.origin);
    assert.equal((await send(app.origin, '/ws', { headers })).status, 401);
    assert.equal((await send(app.origin, '/ws', { headers: [...headers, 'X-BMAuth-JWT', token()] })).status, 101);
  });

  test('keys that cannot be fetched are 503, and the log says from where and why', async () => {
    const dead = `http://127.0.0.1:${await freePort()}`;
    // No proxy is used for this machine itself.
    const lost = await runApp({ example, port: await freePort(), url: dead, env: { HTTP_PROXY: keysAt(), http_proxy: keysAt() } });
    try {
      for (const times of [1, 2]) {
        const answer = await send(lost.origin, '/api/me', { headers: ['X-BMAuth-JWT', token()] });
        assert.deepEqual([answer.status, answer.text], [503, '{"detail":"The gateway\'s keys cannot be fetched"}']);
        const said = `keys cannot be fetched from ${dead}/_bmauth/jwks.json: <urlopen error [Errno 111] Connection refused>`;
        await lost.child.until(async () => lost.child.log.split(said).length > times);
      }
    } finally {
      await lost.stop();
    }
  });

  test('another audience and the keys of this machine do with a variable each', async () => {
    const other = await runApp({
      example, port: await freePort(), url: ISSUER, audience: 'wiki.example.com', jwksUrl: `${keysAt()}/jwks.json`,
    });
    try {
      const ask = (aud) => send(other.origin, '/api/me', { headers: ['X-BMAuth-JWT', token({ claims: { aud } })] });
      assert.deepEqual([(await ask('wiki.example.com')).status, (await ask(AUDIENCE)).status], [200, 401]);
    } finally {
      await other.stop();
    }
  });

  test('without BMAUTH_URL the app does not start, and says what is missing', async () => {
    for (const env of [{}, { BMAUTH_URL: '' }, { BMAUTH_URL: 'notes.example.com' }]) {
      const { code, said } = await run(example, ['-m', 'uvicorn', 'app:app', '--port', '1'], env);
      assert.notEqual(code, 0);
      assert.match(said.trim().split('\n').at(-1), /^(RuntimeError|bmauth\.ConfigurationError): BMAUTH_URL has to say where people sign in, like BMAUTH_URL=https:/);
    }
  });

  test('the app is tested without the gateway as its README says', async () => {
    const { code, said } = await run(example, ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', 'test_app.py'], { BMAUTH_URL: 'http://localhost:8080' });
    assert.equal(code, 0, said);
  });
});
