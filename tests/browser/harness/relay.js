// Lines between people and the gateway that are not what they should be.
import net from 'node:net';
import { freePort } from './loopback.js';

// Passes bytes on to `port`. What `line` says may change at any time, and holds for what comes after:
// - `delay`: each way takes so many milliseconds.
// - `mute`: event streams say nothing after their first event, and stay open.
// - `repeat`: whatever is sent on a new connection is sent on another one too, and nothing waits for its answers.
export async function openRelay(port, line) {
  const sockets = new Set();
  const kept = (socket) => {
    socket.setNoDelay(true);
    sockets.add(socket);
    // A waiting reader is told by the other side.
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    return socket;
  };
  const relay = { port: await freePort(), line };

  function pass(from, to, through = (chunk) => chunk) {
    const late = (act) => setTimeout(() => !to.destroyed && act(), relay.line.delay ?? 0);
    from.on('data', (chunk) => {
      const passed = through(chunk);
      if (passed) late(() => to.write(passed));
    });
    from.on('end', () => late(() => to.end()));
    from.on('close', () => late(() => to.destroy()));
  }

  // What is left of an answer for a client behind a line that mutes streams.
  function muting() {
    let heard = null;
    return (chunk) => {
      const text = chunk.toString('latin1');
      if (/^content-type: text\/event-stream/im.test(text)) heard = 0;
      if (!relay.line.mute || heard === null) return chunk;
      heard += text.split('data:').length - 1;
      return heard <= 1 ? chunk : null;
    };
  }

  const server = net.createServer((socket) => {
    const near = kept(socket);
    const far = kept(net.connect(port, '127.0.0.1'));
    pass(near, far);
    pass(far, near, muting());
    if (relay.line.repeat) {
      const other = kept(net.connect(port, '127.0.0.1'));
      pass(near, other);
      other.resume();
    }
  });
  await new Promise((resolve) => server.listen(relay.port, '127.0.0.1', resolve));
  relay.close = () => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  };
  return relay;
}
