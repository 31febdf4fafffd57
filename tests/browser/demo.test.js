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
import { address, launch, screenshots } from './harness/world.js';

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
    launch({ args: ['--host-resolver-rules=MAP unknown.example 127.0.0.1'] }),
    demo.until(async () => (await send(origin, '/_bmauth/sign-in')).status === 200),
  ]);
});

after(async () => {
  await Promise.all([browser?.close(), demo?.stop()]);
  await rm(directory, { recursive: true, force: true });
});

// The person who registers with the demo that writes this log, where it is.
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

test('by its number the demo is found too, and leads to where passkeys work', async () => {
  const page = await browser.newPage();
  const port = new URL(origin).port;
  await page.goto(`http://127.0.0.1:${port}/notes?all=1`);
  const at = new URL(page.url());
  assert.equal(at.origin, origin);
  assert.equal(new URLSearchParams(at.search).get('return_to'), '/notes?all=1');
  await page.close();
});

test('the page about a host that is not known has its style in light and dark', async () => {
  const page = await browser.newPage();
  const port = new URL(origin).port;
  for (const [host, status] of [
    ['unknown.example', 421],
    ['other.localhost', 421],
  ]) {
    const grounds = [];
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      const answer = await page.goto(`http://${host}:${port}/`);
      assert.equal(answer.status(), status);
      const loaded = await page.evaluate(() => [...document.styleSheets].every((sheet) => sheet.cssRules.length > 0));
      assert.ok(loaded, `${host}: every stylesheet is there`);
      await page.screenshot({ path: `${screenshots}unknown-host-${host}-${colorScheme}.png` });
      grounds.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
    }
    assert.notEqual(grounds[0], grounds[1], `${host}: the dark page is dark`);
  }
  await page.close();
});
