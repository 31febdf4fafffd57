// What the app takes for an identity, and what not: with keys that this test serves in the place of the gateway.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose';

const ISSUER = 'https://notes.example.com';
const ours = await generateKeyPair('ES256', { extractable: true });
const foreign = await generateKeyPair('ES256');
const now = () => Math.floor(Date.now() / 1000);

let app;
let keys;
let port;
let log = '';

const starts = (env) => spawn(process.execPath, ['app.js'], { cwd: import.meta.dirname, env: { PATH: process.env.PATH, ...env } });

async function freePort() {
  const server = http.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

before(async () => {
  const jwk = { ...(await exportJWK(ours.publicKey)), kid: 'one', use: 'sig', alg: 'ES256' };
  keys = http.createServer((_, response) => response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] })));
  await once(keys.listen(0, '127.0.0.1'), 'listening');
  port = await freePort();
  app = starts({ PORT: port, BMAUTH_URL: `${ISSUER}/`, BMAUTH_JWKS_URL: `http://127.0.0.1:${keys.address().port}/jwks.json` });
  for (const stream of [app.stdout, app.stderr]) stream.setEncoding('utf8').on('data', (text) => (log += text));
  await until(() => ask('/optional'));
});

async function until(answers) {
  for (let tries = 0; tries < 400; tries += 1) {
    if (await answers().then(() => true, () => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`the app does not listen: ${log}`);
}

after(async () => {
  app?.kill();
  if (app) await once(app, 'close');
  keys?.closeAllConnections();
  keys?.close();
});

function ask(path, ...rest) {
  const { at = port } = typeof rest[0] === 'object' ? rest.shift() : {};
  const tokens = rest;
  const headers = tokens.flatMap((token) => ['X-BMAuth-JWT', token]);
  return new Promise((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port: at, path, agent: false, headers: ['Host', 'notes.example.com', ...headers] }, async (response) => {
      const text = (await response.setEncoding('utf8').toArray()).join('');
      resolve([response.statusCode, text.trim()]);
    });
    request.once('error', reject);
  });
}

function token({ head = {}, claims = {}, key = ours.privateKey } = {}) {
  const whole = { iss: ISSUER, aud: 'notes.example.com', sub: 'account', email: 'ann@example.com', iat: now(), nbf: now(), exp: now() + 60, ...claims };
  return new SignJWT(whole).setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid: 'one', ...head }).sign(key);
}

test('a token of the gateway tells who is there', async () => {
  assert.deepEqual(await ask('/', await token()), [200, 'Hello, ann@example.com']);
  assert.equal(JSON.parse((await ask('/api/me', await token()))[1]).sub, 'account');
  assert.deepEqual(await ask('/staff', await token({ claims: { groups: ['staff'] } })), [200, 'Hello, staff']);
  assert.deepEqual(await ask('/staff', await token({ claims: { groups: 'staff' } })), [403, 'Only members of staff may do this']);
});

test('a visitor without a session gets 401, and the pages that are open', async () => {
  for (const tokens of [[], ['']]) {
    assert.deepEqual(await ask('/', ...tokens), [401, 'Sign in first']);
    assert.deepEqual(await ask('/optional', ...tokens), [200, 'Hello, guest']);
  }
});

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const refused = {
  'signed by another key': () => token({ key: foreign.privateKey }),
  'for another audience': () => token({ claims: { aud: 'other.example.com' } }),
  'of another issuer': () => token({ claims: { iss: 'https://evil.example' } }),
  'that has expired': () => token({ claims: { exp: now() - 40 } }),
  'that is not valid yet': () => token({ claims: { nbf: now() + 600 } }),
  'without an expiry': () => token({ claims: { exp: undefined } }),
  'without an account': () => token({ claims: { sub: undefined } }),
  'without a signature': async () => `${encode({ alg: 'none', kid: 'one' })}.${(await token()).split('.')[1]}.`,
  'signed by the public key as a secret': async () => {
    const secret = new TextEncoder().encode(await exportSPKI(ours.publicKey));
    return token({ head: { alg: 'HS256' }, key: secret });
  },
  'of a key that is not known': () => token({ head: { kid: 'two' } }),
  'that is no token': () => 'ann@example.com',
  'that a server has joined with another': async () => `${await token()}, ${await token()}`,
};
for (const [what, make] of Object.entries(refused)) {
  test(`a token ${what} is refused everywhere, and not written to the log`, async () => {
    const bad = await make();
    for (const path of ['/', '/optional']) assert.deepEqual(await ask(path, bad), [401, 'The identity header is not valid']);
    assert.match(log, /x-bmauth-jwt was refused: /);
    assert.ok(!log.includes(bad));
  });
}

test('two tokens are refused, even if both are good', async () => {
  assert.equal((await ask('/', await token(), await token()))[0], 401);
  assert.equal((await ask('/', await token(), ''))[0], 401);
});

test('keys that cannot be fetched are 503, and the log says so', async () => {
  const [lost, closed] = [await freePort(), await freePort()];
  const child = starts({ PORT: lost, BMAUTH_URL: ISSUER, BMAUTH_JWKS_URL: `http://127.0.0.1:${closed}/jwks.json` });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (said += text));
  try {
    await until(() => ask('/optional', { at: lost }));
    assert.deepEqual(await ask('/optional', { at: lost }, await token()), [503, "The gateway's keys cannot be fetched"]);
    assert.match(said, /The gateway's keys cannot be fetched/);
  } finally {
    child.kill();
    await once(child, 'close');
  }
});

test('without BMAUTH_URL the app does not start, and says what is missing', async () => {
  for (const url of [undefined, '', 'notes.example.com', 'http://notes.example.com', 'https://notes.example.com/app', 'https://a:b@notes.example.com']) {
    const child = starts(url === undefined ? {} : { BMAUTH_URL: url });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text) => (said += text));
    const [code] = await once(child, 'close');
    assert.equal(code, 1);
    assert.match(said, /Error: BMAUTH_URL has to say where people sign in, like BMAUTH_URL=https:/);
  }
});
