// The FastAPI example alone: what its dependency takes for an identity, and what not.
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { runApp } from './harness/app.js';
import { freePort, send, upgrade } from './harness/loopback.js';

const ISSUER = 'https://notes.example.com';
const AUDIENCE = 'notes.example.com';
const ours = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const foreign = generateKeyPairSync('ec', { namedCurve: 'P-256' });

let app;
let keys;
let fetches = 0;

before(async () => {
  keys = http.createServer((_, response) => {
    fetches += 1;
    const jwk = { ...ours.publicKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: 'ES256' };
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }));
  });
  await new Promise((resolve) => keys.listen(0, '127.0.0.1', resolve));
  const jwksUrl = `http://127.0.0.1:${keys.address().port}/jwks.json`;
  app = await runApp({ port: await freePort(), issuer: ISSUER, audience: AUDIENCE, jwksUrl });
});

after(async () => {
  await app?.stop();
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

test('a token of the gateway tells who is there', async () => {
  const answer = await me(token());
  assert.equal(answer.status, 200);
  assert.equal(JSON.parse(answer.text).email, 'maria@example.com');
});

test('whichever proxy is in front, BMAuth is configured the same way', async () => {
  const [one, ...others] = await Promise.all(
    ['nginx', 'caddy', 'traefik', 'envoy'].map((name) => readFile(new URL(`../../examples/${name}/bmauth.toml`, import.meta.url), 'utf8')),
  );
  for (const other of others) assert.equal(other, one);
});

test('a stranger gets 401, and the pages for everybody', async () => {
  assert.equal((await me()).status, 401);
  assert.equal((await me('')).status, 401);
  const empty = await send(app.origin, '/optional', { headers: ['X-BMAuth-JWT', ''] });
  assert.match(empty.text, /Hello, stranger/);
  assert.equal((await send(app.origin, '/public')).status, 200);
  assert.match((await send(app.origin, '/optional')).text, /Hello, stranger/);
});

const now = () => Math.floor(Date.now() / 1000);
const refused = {
  'signed by another key': () => token({ key: foreign.privateKey }),
  'for another audience': () => token({ claims: { aud: 'other.example.com' } }),
  'of another issuer': () => token({ claims: { iss: 'https://evil.example' } }),
  'that has expired': () => token({ claims: { exp: now() - 40 } }),
  'that is not valid yet': () => token({ claims: { nbf: now() + 600 } }),
  'without an expiry': () => token({ claims: { exp: undefined } }),
  'without an account': () => token({ claims: { sub: undefined } }),
  'without a signature': () => `${encode({ alg: 'none', kid: 'one' })}.${token().split('.')[1]}.`,
  'that names another algorithm': () => token({ head: { alg: 'HS256' } }),
  'that names no key': () => token({ head: { kid: undefined } }),
  'that is no token': () => 'maria@example.com',
  'that is empty': () => '',
};
for (const [what, make] of Object.entries(refused)) {
  test(`a token ${what} is refused`, async () => assert.equal((await me(make())).status, 401));
}

test('a clock that is half a minute wrong refuses nobody', async () => {
  for (const claims of [{ exp: now() - 20 }, { nbf: now() + 20, iat: now() + 20 }]) {
    assert.equal((await me(token({ claims }))).status, 200);
  }
});

test('two tokens are refused, even if both are good', async () => {
  assert.equal((await me(token(), token())).status, 401);
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
