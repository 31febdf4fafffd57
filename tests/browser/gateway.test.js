// Between browser and app: who gets through, what the app is told, and that everything streams.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { send, upgrade } from './harness/loopback.js';
import { address, openWorld } from './harness/world.js';

const scenario = openWorld();
const MIB = 1024 * 1024;
// 64 MiB, or what scripts/stream-1g asks for.
const STREAMED = Number(process.env.BMAUTH_STREAM_BYTES ?? 64 * MIB);
const FLAT = 24 * MIB;

scenario('a visitor is sent to sign in by a page, and told 401 by everything else', async ({ origin }) => {
  const page = await send(origin, '/notes/1?a=b', { headers: ['Accept', 'text/html'] });
  assert.equal(page.status, 303);
  const where = new URL(page.headers.location, origin);
  assert.equal(where.origin, origin);
  assert.equal(where.pathname, '/_bmauth/sign-in');
  assert.equal(where.searchParams.get('return_to'), '/notes/1?a=b');

  for (const request of [
    { headers: ['Accept', 'application/json'] },
    { headers: ['Accept', '*/*', 'Sec-Fetch-Mode', 'cors'] },
    { method: 'POST', headers: ['Content-Length', '0'] },
  ]) {
    const answer = await send(origin, '/api/me', request);
    assert.equal(answer.status, 401);
    assert.match(answer.headers['content-type'], /^application\/problem\+json/);
    const problem = JSON.parse(answer.text);
    assert.equal(problem.status, 401);
    assert.equal(new URL(problem.sign_in_url, origin).pathname, '/_bmauth/sign-in');
  }
});

scenario('public and optional pages are open to everyone, and optional ones know who is signed in', async ({ enter, origin }) => {
  assert.match((await send(origin, '/public')).text, /Hello, everyone/);
  assert.match((await send(origin, '/optional')).text, /Hello, guest/);
  assert.equal((await send(origin, '/publicity', { headers: ['Accept', 'application/json'] })).status, 401);
  const maria = await enter();
  const email = address();
  await maria.register(email);
  assert.match((await maria.send('/optional')).text, new RegExp(`Hello, ${email}`));
  const told = JSON.parse((await maria.send('/public/headers')).text);
  assert.deepEqual(told.filter(([name]) => fold(name) === 'xbmauthjwt'), []);
});

scenario('the public keys are the same on both listeners', async ({ origin, gateway }) => {
  const [outside, inside] = [await send(origin, '/_bmauth/jwks.json'), await send(gateway.admin, '/jwks.json')];
  assert.equal(outside.status, 200);
  assert.deepEqual(JSON.parse(outside.text), JSON.parse(inside.text));
  for (const key of JSON.parse(outside.text).keys) {
    assert.deepEqual(Object.keys(key).filter((name) => ['d', 'p', 'q', 'k'].includes(name)), []);
    assert.equal(key.alg, 'ES256');
  }
  for (const path of ['/livez', '/readyz', '/metrics']) {
    assert.notEqual((await send(origin, path)).status, 200, `${path} is public`);
  }
});

// Names that a server or framework may read as one of ours: other case, other separators.
const SPOOFED = [
  'X-BMAuth-JWT', 'x-bmauth-jwt', 'X-BMAUTH-JWT', 'X_BMAuth_JWT', 'x.bmauth.jwt', 'X-BMAuth_JWT', 'x-bmauth.jwt',
  'XBMAuthJWT', 'X--BMAuth--JWT', 'X-BMAuth-JWT-', '_X-BMAuth-JWT',
  'Remote-User', 'remote_user', 'REMOTE.USER', 'RemoteUser',
  'Remote-Email', 'remote_email', 'Remote-Name', 'remote.name', 'Remote-Groups', 'Remote_Groups',
];
const fold = (name) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');

scenario('no spelling of an identity header gets through, signed in or not', async ({ enter, origin }) => {
  const maria = await enter();
  await maria.register(address());
  const forged = SPOOFED.flatMap((name) => [name, 'spoofed', name, 'spoofed again']);
  const named = ['Connection', 'close, X-BMAuth-JWT, Remote-User'];
  for (const extra of [[], named]) {
    const headers = [...forged, ...extra];
    const told = JSON.parse((await maria.send('/headers', { headers })).text);
    assert.deepEqual(told.filter(([, value]) => value.includes('spoofed')), []);
    const ours = told.filter(([name]) => fold(name) === 'xbmauthjwt');
    assert.equal(ours.length, 1, 'exactly one token');
    assert.match(ours[0][1], /^[\w-]+\.[\w-]+\.[\w-]+$/);
    const identity = JSON.parse((await maria.send('/api/me', { headers })).text);
    assert.ok(identity.email.endsWith('@example.com'));

    const open = JSON.parse((await send(origin, '/public/headers', { headers })).text);
    assert.deepEqual(open.filter(([name, value]) => value.includes('spoofed') || fold(name) === 'xbmauthjwt'), []);
    assert.match((await send(origin, '/optional', { headers })).text, /Hello, guest/);
  }
});

scenario('a client cannot say where it comes from', async ({ enter }) => {
  const maria = await enter();
  await maria.register(address());
  const claimed = [
    'X-Forwarded-For', '203.0.113.9',
    'X-Forwarded-Host', 'evil.example',
    'X-Forwarded-Proto', 'gopher',
    'Forwarded', 'for=203.0.113.9;host=evil.example',
    'X-Real-IP', '203.0.113.9',
  ];
  const told = JSON.parse((await maria.send('/headers', { headers: claimed })).text);
  assert.deepEqual(told.filter(([, value]) => /203\.0\.113\.9|evil\.example|gopher/.test(value)), []);
  const forwarded = Object.fromEntries(told);
  assert.equal(forwarded['x-forwarded-for'], '127.0.0.1');
  assert.equal(forwarded['x-forwarded-proto'], 'http');
  assert.equal(forwarded['x-forwarded-host'], new URL(maria.world.origin).host);
});

scenario('the app never sees our cookies and cannot set them', async ({ enter, origin }) => {
  const maria = await enter();
  await maria.register(address());
  const before = (await maria.cookie()).value;
  for (const path of ['/set-cookie', '/public/set-cookie']) {
    await maria.goto(path);
    const answer = await maria.send(path);
    assert.deepEqual(answer.headers['set-cookie'].map((line) => line.split('=')[0]), ['theme']);
  }
  assert.equal((await maria.cookie()).value, before);
  assert.equal((await maria.cookie('theme')).value, 'dark');
  const told = JSON.parse((await maria.send('/headers')).text);
  const cookies = told.filter(([name]) => name === 'cookie').map(([, value]) => value);
  assert.deepEqual(cookies, ['theme=dark']);
  const open = await send(origin, '/public/headers', { headers: ['Cookie', `bmauth=${before}; a=1`, 'Cookie', 'bmauth-flow=x; b=2'] });
  assert.doesNotMatch(open.text, /bmauth/);
});

scenario('two session cookies count as none', async ({ enter, origin }) => {
  const maria = await enter();
  await maria.register(address());
  const { value } = await maria.cookie();
  const both = ['Cookie', `bmauth=${value}; bmauth=${'A'.repeat(43)}`];
  assert.equal((await send(origin, '/api/me', { headers: both })).status, 401);
});

scenario('odd hosts and paths are refused before anything is decided', async ({ enter, origin }) => {
  const maria = await enter();
  await maria.register(address());
  assert.equal((await maria.send('/', { headers: ['Host', 'evil.example'] })).status, 421);
  for (const path of ['/public/../api/me', '/public/%2e%2e/api/me', '/public%2fheaders', '/a\\b', '/%00']) {
    assert.equal((await maria.send(path)).status, 400, path);
    assert.equal((await send(origin, path)).status, 400, path);
  }
  // Every reading of this one asks for the same.
  assert.equal((await send(origin, '//api/me')).status, 401);
});

scenario('a WebSocket opens for a signed-in person, on its own pages, and for no one else', async ({ enter, origin }) => {
  const maria = await enter();
  const email = address();
  await maria.register(email);
  await maria.goto('/');
  const heard = await maria.page.evaluate(() => new Promise((resolve, reject) => {
    const socket = new WebSocket('/ws');
    const heard = [];
    socket.onerror = () => reject(new Error('the WebSocket failed'));
    socket.onmessage = ({ data }) => {
      heard.push(data);
      if (heard.length === 1) socket.send('ping');
      if (heard.length === 2) socket.send('x'.repeat(100_000));
      if (heard.length === 3) {
        socket.close();
        resolve(heard.map((text) => (text.length > 100 ? text.length : text)));
      }
    };
  }));
  assert.deepEqual(heard, [`Hello, ${email}`, 'ping', 100_000]);
  assert.equal((await send(origin, '/ws', { headers: upgrade(origin) })).status, 401);
  const { value } = await maria.cookie();
  const cookie = ['Cookie', `bmauth=${value}`];
  assert.equal((await send(origin, '/ws', { headers: [...upgrade(origin), ...cookie] })).status, 101);
  assert.equal((await send(origin, '/ws', { headers: [...upgrade('https://evil.example'), ...cookie] })).status, 403);
});

scenario('events arrive one by one while the stream is open', async ({ enter }) => {
  const maria = await enter();
  await maria.register(address());
  await maria.goto('/');
  await maria.page.evaluate(() => {
    window.notices = [];
    window.source = new EventSource('/events');
    window.source.addEventListener('ready', () => (window.ready = true));
    window.source.onmessage = ({ data }) => window.notices.push(data);
  });
  await maria.page.waitForFunction(() => window.ready);
  for (const [at, notice] of ['one', 'two', 'three'].entries()) {
    await maria.page.evaluate((body) => fetch('/events', { method: 'POST', body }), notice);
    await maria.page.waitForFunction(({ at, notice }) => window.notices[at] === notice, { at, notice });
  }
  assert.deepEqual(await maria.page.evaluate(() => window.notices), ['one', 'two', 'three']);
});

scenario('large bodies stream both ways in flat memory', async ({ enter, gateway }) => {
  const maria = await enter();
  await maria.register(address());
  assert.equal(await uploaded(maria, 4 * MIB), 4 * MIB); // buffers and pools are there before the count begins
  assert.equal(await downloaded(maria, 4 * MIB), 4 * MIB);

  const before = await gateway.peakMemory({ reset: true });
  assert.equal(await uploaded(maria, STREAMED), STREAMED);
  assert.equal(await downloaded(maria, STREAMED), STREAMED);
  const grown = (await gateway.peakMemory()) - before;
  assert.ok(grown < FLAT, `the gateway's memory grew by ${Math.round(grown / MIB)} MiB`);
});

async function uploaded(visitor, size) {
  const chunk = Buffer.alloc(256 * 1024);
  const body = Readable.from((function* () {
    for (let left = size; left > 0; left -= chunk.length) yield chunk.subarray(0, Math.min(left, chunk.length));
  })(), { objectMode: false });
  const answer = await visitor.send('/upload', { method: 'POST', body });
  assert.equal(answer.status, 200);
  return JSON.parse(answer.text).bytes;
}

async function downloaded(visitor, size) {
  const { response, status } = await visitor.send(`/download?bytes=${size}`, { stream: true });
  assert.equal(status, 200);
  assert.equal(Number(response.headers['content-length']), size);
  let received = 0;
  response.on('data', (chunk) => (received += chunk.length));
  await once(response, 'end');
  return received;
}

scenario('an app that is down is told plainly, and the gateway stays up', async ({ enter }) => {
  const maria = await enter();
  await maria.register(address());
  const answer = await maria.goto('/down');
  assert.equal(answer.status(), 502);
  await maria.heading(/^Acme Notes isn.t answering$/);
  await maria.link('Try again').or(maria.button('Try again')).waitFor();
  assert.doesNotMatch(await maria.page.locator('body').innerText(), /127\.0\.0\.1|refused|pingora/i);
  assert.equal((await maria.send('/api/me')).status, 200);
});
