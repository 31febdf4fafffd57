// The app as Node's own http has it: node node.mjs PORT KEEP_ALIVE_SECONDS
import http from 'node:http';
import net from 'node:net';
import { createInterface } from 'node:readline';

const [port, keepAlive] = process.argv.slice(2).map(Number);
const CYCLE = 251;
const PIECE = 64 * 1024;
const plain = { 'Content-Type': 'text/plain' };

const some = Buffer.from(Array.from({ length: PIECE + CYCLE }, (_, place) => place % CYCLE));

function* pieces(count, size = PIECE) {
  for (let place = 0; place < count; place += size) {
    const start = place % CYCLE;
    yield some.subarray(start, start + Math.min(size, count - place));
  }
}

// The wire to the test; without `tell` nothing listens.
function wireOf(query) {
  if (!query.has('tell')) return { say() {}, close() {} };
  const socket = net.connect(Number(query.get('tell')), '127.0.0.1');
  socket.on('error', () => {});
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  return {
    say: (line) => socket.write(`${line}\n`),
    hear: async () => (await lines.next()).value ?? '',
    close: () => socket.end(),
  };
}

// Whether there is room again; false where the client has left.
function drained(response) {
  return new Promise((resolve) => {
    const settle = (has) => () => {
      response.off('drain', room).off('close', gone);
      resolve(has);
    };
    const room = settle(true);
    const gone = settle(false);
    response.on('drain', room).on('close', gone);
  });
}

const routes = {
  hello: ({ response }) => response.writeHead(200, { ...plain, 'Content-Length': 5 }).end('hello'),

  async echo({ request, response }) {
    const body = Buffer.concat(await request.toArray());
    response.writeHead(200, { ...plain, 'Content-Length': body.length }).end(body);
  },

  status({ response, more }) {
    const body = ['204', '304'].includes(more) ? '' : `status ${more}`;
    response.writeHead(Number(more), { ETag: '"v1"', ...(body && { 'Content-Length': body.length }) }).end(body);
  },

  redirect: ({ response }) => response.writeHead(303, { Location: '/hello', 'Content-Length': 0 }).end(),

  cookies({ response }) {
    const all = Array.from({ length: 30 }, (_, n) => `c${n}=v${n}; Path=/`);
    response.writeHead(200, { 'Set-Cookie': all, 'Content-Length': 0 }).end();
  },

  seen({ request, response }) {
    const raw = request.rawHeaders;
    const fields = raw.flatMap((name, n) => (n % 2 ? [] : [[name.toLowerCase(), raw[n + 1]]]));
    response.end(JSON.stringify({ method: request.method, target: request.url, fields }));
  },

  unsized({ response, query }) {
    response.writeHead(200, plain);
    for (const piece of pieces(Number(query.get('bytes')), 8000)) response.write(piece);
    response.end();
  },

  async sized({ response, query, wire }) {
    const count = Number(query.get('bytes'));
    let sent = 0;
    let left = false;
    response.once('close', () => { left = sent < count; });
    response.writeHead(200, { ...plain, 'Content-Length': count });
    for (const piece of pieces(count)) {
      if (left || (!response.write(piece) && !(await drained(response)))) {
        wire.say(`ended ${sent}`);
        return;
      }
      sent += piece.length;
      wire.say(`sent ${sent}`);
    }
    response.end();
  },

  early({ response, query }) {
    const close = query.get('close') === '1' ? { Connection: 'close' } : {};
    response.writeHead(Number(query.get('status')), { ...plain, ...close, 'Content-Length': 9 }).end('too early');
  },

  async events({ response, wire }) {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.flushHeaders();
    for (let line; (line = await wire.hear()) && line !== 'end';) response.write(`data: ${line}\n\n`);
    response.end();
  },

  async take({ request, response, wire }) {
    await wire.hear();
    let taken = 0;
    try {
      for await (const piece of request) {
        taken += piece.length;
        wire.say(`took ${taken}`);
      }
    } catch {
      wire.say(`broken ${taken}`);
      return;
    }
    wire.say(`whole ${taken}`);
    response.end(String(taken));
  },

  hints({ response }) {
    response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
    response.writeHead(200, { 'Content-Length': 5 }).end('hello');
  },
};

const server = http.createServer(async (request, response) => {
  const { pathname, searchParams: query } = new URL(request.url, 'http://app');
  const [, route, more] = pathname.split('/');
  if (!routes[route]) return response.writeHead(404, { 'Content-Length': 13 }).end('no such thing');
  const wire = wireOf(query);
  request.on('error', () => {});
  try {
    await routes[route]({ request, response, query, more, wire });
  } catch (error) {
    // The client left within its request.
    if (error.code !== 'ECONNRESET') throw error;
  }
  wire.close();
});
server.keepAliveTimeout = keepAlive * 1000;
server.keepAliveTimeoutBuffer = 0;
server.listen(port, '127.0.0.1');
