// `bmauth demo`, as the first person who tries it sees it: no configuration, the code in the terminal.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { runApp } from './harness/app.js';
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

// Whoever registers with the demo that writes this log, where it is.
async function registers(demo, origin) {
  const visitor = await Visitor.enter({ browser, origin, origins: [origin] });
  const email = address();
  await visitor.askToRegister(email);
  const printed = /(\d{3})\s(\d{3}) is your/;
  await demo.until(async () => printed.test(demo.log), 15_000);
  await visitor.enterCode(printed.exec(demo.log).slice(1).join(''));
  await visitor.at('/');
  return { visitor, email };
}

test('the demo says where it is, prints the code, and its sample app knows who is there', async () => {
  assert.ok(demo.log.includes(origin), demo.log);
  const { visitor: maria, email } = await registers(demo, origin);
  await maria.page.getByText(email).first().waitFor();
  await maria.signOut();
  await maria.leave();
  assert.deepEqual(maria.troubles, []);
});

test('an app of one’s own starts after the demo, as the demo says, and knows who is there', async () => {
  const [port, appPort] = [await freePort(), await freePort()];
  const own = new Child('bmauth demo --upstream', binary, ['demo', '--port', String(port), '--upstream', `http://127.0.0.1:${appPort}`], {
    cwd: directory,
    env: { NO_COLOR: '1', TMPDIR: directory },
  });
  let app;
  try {
    const said = /Start the app with BMAUTH_URL=(\S+)\n/;
    await own.until(async () => said.test(own.log) && (await send(`http://localhost:${port}`, '/_bmauth/sign-in')).status === 200);
    const [, url] = said.exec(own.log);
    app = await runApp({ port: appPort, url });
    const { visitor, email } = await registers(own, url);
    await visitor.goto('/api/me');
    const claims = JSON.parse(await visitor.page.locator('body').innerText());
    assert.deepEqual([claims.email, claims.iss, claims.aud], [email, url, 'localhost']);
    await visitor.leave();
    assert.ok(!app.child.log.includes('refused'), app.child.log);
  } finally {
    await Promise.all([app?.stop(), own.stop()]);
  }
});
