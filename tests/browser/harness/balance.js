// A load balancer before several gateways, without stickiness.
import http from 'node:http';
import net from 'node:net';
import { freePort } from './loopback.js';

// What is of one connection, not of the message.
const OF_THE_CONNECTION = new Set(['connection', 'keep-alive', 'transfer-encoding']);
// Pictures and scripts, of which a page has as many as it likes.
const ASSETS = '/_bmauth/assets/';

// Passes each request on to another of these ports than the one before it: so the gateway that shows a page is not the one
// that takes what the page sends. Files of pages do not count. `choose` may say, of a request, which gateway takes it, by its
// number; `taken` says of each that counts which one took it.
export async function openBalance(ports) {
  const sockets = new Set();
  let turn = 0;
  const balance = { port: await freePort(), choose: () => undefined, taken: [] };

  function gateway(request) {
    const chosen = balance.choose(request);
    if (request.url.startsWith(ASSETS)) return ports[chosen ?? 0];
    const at = chosen ?? (turn += 1) % ports.length;
    balance.taken.push({ method: request.method, path: request.url.split('?')[0], at });
    return ports[at];
  }

  const server = http.createServer((asked, answer) => {
    const { method, url, rawHeaders } = asked;
    const headers = [...fields(rawHeaders), 'Connection', 'close'];
    const onward = http.request({ host: '127.0.0.1', port: gateway(asked), path: url, method, headers, agent: false });
    onward.on('response', (answered) => {
      answer.writeHead(answered.statusCode, fields(answered.rawHeaders));
      answer.flushHeaders();
      answered.pipe(answer);
      // An answer that was broken off is no whole one.
      answered.on('close', () => answered.complete || answer.destroy());
    });
    onward.on('error', () => answer.destroy());
    answer.on('close', () => onward.destroy());
    asked.pipe(onward);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (asked, near, head) => {
    const far = net.connect(gateway(asked), '127.0.0.1');
    const lines = [`${asked.method} ${asked.url} HTTP/1.1`];
    for (let at = 0; at < asked.rawHeaders.length; at += 2) lines.push(`${asked.rawHeaders[at]}: ${asked.rawHeaders[at + 1]}`);
    far.write(`${lines.join('\r\n')}\r\n\r\n`);
    far.write(head);
    near.pipe(far).pipe(near);
    for (const [one, other] of [[near, far], [far, near]]) {
      one.on('error', () => {});
      one.on('close', () => other.destroy());
    }
  });
  await new Promise((resolve) => server.listen(balance.port, '127.0.0.1', resolve));
  balance.close = () => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  };
  return balance;
}

function fields(list) {
  return list.filter((_, at) => !OF_THE_CONNECTION.has(list[at - (at % 2)].toLowerCase()));
}
