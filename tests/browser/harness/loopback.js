// Plain HTTP to a port of this machine, for what a browser would not send or would hide.
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';

// Ports of this process alone, below those that the system hands out by itself: a port that was free a moment ago must
// not be given to another part of the test, to a test file that runs at the same time, or to an outgoing connection.
const BLOCK = 40;
const FIRST = 15_000 + (process.pid % 425) * BLOCK;
let given = 0;

// A port that nothing listens on, and that is given out once.
export async function freePort() {
  while (given < BLOCK) {
    const port = FIRST + given;
    given += 1;
    if (await isFree(port)) return port;
  }
  throw new Error(`no port is free from ${FIRST} on`);
}

async function isFree(port) {
  const server = net.createServer();
  const listening = new Promise((resolve) => {
    server.once('listening', () => resolve(true)).once('error', () => resolve(false));
  });
  server.listen(port, '127.0.0.1');
  if (!(await listening)) return false;
  await new Promise((resolve) => server.close(resolve));
  return true;
}

// The certificate that `send` takes over https.
let trusted;
export const trust = (pem) => (trusted = pem);

// One request on a connection of its own. `headers` is a flat list (name, value, name, value …), so that spelling and
// repetition arrive as written. `body` is a string, a Buffer or a readable stream.
// `localAddress` is where it comes from: another address of loopback.
// The answer's body is read whole, unless `stream` is set; then `response` is the stream itself.
export function send(origin, path, { method = 'GET', headers = [], body, stream = false, localAddress } = {}) {
  const { port, host, hostname, protocol } = new URL(origin);
  const tls = protocol === 'https:' ? { servername: hostname, ca: trusted } : {};
  return new Promise((resolve, reject) => {
    const request = (tls.ca ? https : http).request({
      ...tls,
      host: '127.0.0.1',
      port,
      path,
      method,
      localAddress,
      agent: false,
      headers: has(headers, 'host') ? headers : ['Host', host, ...headers],
    });
    request.once('error', reject);
    request.once('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode, headers: response.headers, list: response.rawHeaders, text: '' });
    });
    request.once('response', (response) => {
      const answer = { status: response.statusCode, headers: response.headers, list: response.rawHeaders, response };
      if (stream) return resolve(answer);
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => resolve({ ...answer, text: Buffer.concat(chunks).toString('utf8') }));
    });
    if (body && typeof body.pipe === 'function') {
      body.once('error', (error) => request.destroy(error));
      body.pipe(request);
    } else {
      request.end(body);
    }
  });
}

function has(list, name) {
  return list.some((text, at) => at % 2 === 0 && text.toLowerCase() === name);
}

// The headers of a WebSocket handshake from a page of `origin`.
export function upgrade(origin) {
  return [
    'Connection', 'Upgrade',
    'Upgrade', 'websocket',
    'Origin', origin,
    'Sec-WebSocket-Version', '13',
    'Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ==',
  ];
}
