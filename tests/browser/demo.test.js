// `bmauth demo`, as the first person who tries it sees it: no configuration, the code in the terminal.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Child } from './harness/child.js';
import { binary } from './harness/gateway.js';
import { freePort, send } from './harness/loopback.js';
import { Visitor } from './harness/visitor.js';
import { address, launch } from './harness/world.js';

let browser;
let directory;
let demo;
let origin;

before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'bmauth-demo-'));
  const port = await freePort();
  origin = `http://localhost:${port}`;
  demo = new Child('bmauth demo', binary, ['demo', '--port', String(port)], {
    cwd: directory,
    env: { NO_COLOR: '1', TMPDIR: directory },
  });
  [browser] = await Promise.all([
    launch(),
    demo.until(async () => (await send(origin, '/_bmauth/sign-in')).status === 200),
  ]);
});

after(async () => {
  await Promise.all([browser?.close(), demo?.stop()]);
  await rm(directory, { recursive: true, force: true });
});

test('the demo says where it is, prints the code, and its sample app knows who is there', async () => {
  assert.ok(demo.log.includes(origin), demo.log);
  const maria = await Visitor.enter({ browser, origin, origins: [origin] });
  const email = address();
  await maria.askToRegister(email);
  const printed = /(\d{3})\s(\d{3}) is your/;
  await demo.until(async () => printed.test(demo.log), 15_000);
  await maria.enterCode(printed.exec(demo.log).slice(1).join(''));
  await maria.at('/');
  await maria.page.getByText(email).first().waitFor();
  await maria.signOut();
  await maria.leave();
  assert.deepEqual(maria.troubles, []);
});
