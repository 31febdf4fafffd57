// The same with Node's own http (and a WebSocket of one message), whose apps read the target themselves: node reading.mjs PORT decoded|lowercased
import { createHash } from 'node:crypto';
import http from 'node:http';

const [port, way] = process.argv.slice(2);

const pathOf = {
  decoded(target) {
    const { pathname } = new URL(target, 'http://app');
    try {
      return decodeURIComponent(pathname);
    } catch {
      return pathname;
    }
  },
  lowercased: (target) => target.split('?')[0].toLowerCase(),
}[way];

function said(request) {
  const path = pathOf(request.url);
  const area = path === '/admin' || path.startsWith('/admin/') ? 'admin area' : 'open';
  const { method, url: target, rawHeaders: fields, httpVersion: version, socket } = request;
  const told = { method, path, fields, version, client: socket.remoteAddress };
  return JSON.stringify({ area, target, told });
}

const server = http.createServer((request, response) => {
  const body = said(request);
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }).end(body);
});
server.on('upgrade', (request, socket) => {
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash('sha1').update(key).digest('base64');
  const text = Buffer.from(said(request));
  const length = Buffer.alloc(2);
  length.writeUInt16BE(text.length);
  socket.write(`HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  socket.end(Buffer.concat([Buffer.from([0x81, 126]), length, text, Buffer.from([0x88, 0])]));
});
server.listen(Number(port), '127.0.0.1');
