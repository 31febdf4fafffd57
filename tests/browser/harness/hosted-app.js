// One small app for several hosts, which believes what the gateway tells it and shows that.
import { createHash, createPublicKey, verify } from 'node:crypto';
import http from 'node:http';

export async function openHostedApp() {
  const seen = [];
  const server = http.createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://app');
    seen.push({ host: request.headers.host, pathname, cookie: request.headers.cookie ?? '' });
    (answers[pathname] ?? answers['/'])({ request, response, searchParams });
  });
  // A WebSocket that stays open and says nothing.
  server.on('upgrade', (request, socket) => {
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash('sha1').update(key).digest('base64');
    socket.on('error', () => {});
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: server.address().port,
    // Every request that it got: host, path and cookies.
    seen,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

const WORKER = `
const seen = [];
addEventListener('install', () => skipWaiting());
addEventListener('activate', (event) => event.waitUntil(clients.claim()));
addEventListener('fetch', (event) => event.respondWith((async () => {
  const response = await fetch(event.request);
  const { method, url, referrer } = event.request;
  seen.push({ method, url, referrer, headers: [...response.headers], location: response.url });
  return response;
})()));
addEventListener('message', (event) => event.ports[0].postMessage(seen));
`;

const answers = {
  // A page that shows what the app was told.
  '/': ({ request, response }) => {
    const { host, 'x-bmauth-jwt': token, 'remote-email': email, cookie = null } = request.headers;
    const told = JSON.stringify({ host, url: request.url, token, email, cookie });
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end(`<!doctype html><html lang="en"><title>${host}</title><h1>${host}</h1><pre>${told.replaceAll('<', '&lt;')}</pre>`);
  },
  // Sends its visitors on.
  '/away': ({ response, searchParams }) => {
    response.writeHead(302, { location: searchParams.get('to') });
    response.end();
  },
  '/events': ({ response }) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: listening\n\n');
  },
  // Network first, as many apps have it; this one also keeps what it sees.
  '/sw.js': ({ response }) => {
    response.writeHead(200, { 'content-type': 'text/javascript' });
    response.end(WORKER);
  },
  // A cookie that goes along wherever its visitor's browser lets it.
  '/public/set-cookie': ({ response }) => {
    response.writeHead(200, { 'content-type': 'text/html', 'set-cookie': 'everywhere=1; Secure; SameSite=None' });
    response.end('<!doctype html><html lang="en"><title>A cookie</title><h1>A cookie</h1>');
  },
};

// What the page that a browser shows was told, with the token's claims, which one of `keys` has signed.
export async function told(page, keys) {
  const said = JSON.parse(await page.locator('pre').innerText());
  const [head, body, signature] = said.token.split('.');
  const read = (part) => JSON.parse(Buffer.from(part, 'base64url'));
  const key = keys.find(({ kid }) => kid === read(head).kid);
  const from = { key: createPublicKey({ key, format: 'jwk' }), dsaEncoding: 'ieee-p1363' };
  if (!verify('sha256', `${head}.${body}`, from, Buffer.from(signature, 'base64url'))) throw new Error('the signature is wrong');
  return { ...said, claims: read(body) };
}

// The page of the app at that address.
export const isAt = async ({ page }, whole) => {
  await page.waitForURL(whole, { waitUntil: 'load' });
  await page.getByRole('heading', { level: 1, name: new URL(whole).host, exact: true }).waitFor();
};

// Goes where no question is asked.
export async function goes(visitor, target) {
  await visitor.goto(target);
  await isAt(visitor, target);
}

// In the tab that stands at a sign-in page.
export async function signsIn(visitor, email, target) {
  await visitor.heading('Sign in');
  await visitor.email.fill(email);
  await visitor.device.touched(async () => {
    await visitor.button('Continue').click();
    await isAt(visitor, target);
  });
}
