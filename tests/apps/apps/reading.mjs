// The same with Node's own http, whose apps read the target themselves: node reading.mjs PORT decoded|lowercased
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

const server = http.createServer((request, response) => {
  const path = pathOf(request.url);
  const area = path === '/admin' || path.startsWith('/admin/') ? 'admin area' : 'open';
  const { method, url: target, rawHeaders: fields, httpVersion: version, socket } = request;
  const told = { method, path, fields, version, client: socket.remoteAddress };
  const body = JSON.stringify({ area, target, told });
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }).end(body);
});
server.listen(Number(port), '127.0.0.1');
