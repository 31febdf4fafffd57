// An app that has turned on its people: its script has the pages' origin, and its service worker sees every answer. None of
// it makes, removes or confirms anything without a passkey used for that, and the pages go on working for people.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after } from 'node:test';
import { Device } from './harness/device.js';
import { SoftwarePasskey } from './harness/software-passkey.js';
import { seenBy, watch } from './harness/worker.js';
import { address, openWorld } from './harness/world.js';

const DEVICES = '/_bmauth/devices';
const FOR_THE_SIGNED_IN = [DEVICES, '/_bmauth/link', '/_bmauth/sign-out', '/_bmauth/recover'];
const WITHOUT_SIGN_IN = ['/_bmauth/sign-in', '/_bmauth/register', '/_bmauth/recover', '/_bmauth/link', '/_bmauth/link/start'];

// What only a page of ours has.
const MARKS = /csrf|data-passkey|<form/;

// Network first, as many apps have it; this one also keeps what it sees.
const WORKER = `
const seen = [];
addEventListener('install', () => skipWaiting());
addEventListener('activate', (event) => event.waitUntil(clients.claim()));
addEventListener('fetch', (event) => event.respondWith((async () => {
  const { url, mode, method } = event.request;
  const response = await fetch(event.request);
  const entry = { path: new URL(url).pathname, mode, method, status: response.status, text: '' };
  entry.token = response.headers.get('x-bmauth-csrf');
  seen.push(entry);
  response.clone().text().then((text) => { entry.text = text; }, () => {});
  return response;
})()));
addEventListener('message', (event) => event.ports[0].postMessage(seen));
`;
const app = http.createServer((request, response) => {
  if (request.url === '/worker/sw.js') {
    response.writeHead(200, { 'content-type': 'text/javascript', 'service-worker-allowed': '/' });
    response.end(WORKER);
  } else {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end('<!doctype html><html lang="en"><title>Hostile</title><h1>Hostile</h1>');
  }
});
await new Promise((resolve) => app.listen(0, '127.0.0.1', resolve));
after(() => {
  app.closeAllConnections();
  app.close();
});

const scenario = openWorld({
  routes: `
[[route]]
path = "/hostile"
upstream = ["http://127.0.0.1:${app.address().port}"]

[[route]]
path = "/worker"
access = "public"
upstream = ["http://127.0.0.1:${app.address().port}"]
`,
});

// A signed-in person who looks at the hostile app.
async function victimOf(enter) {
  const victim = await enter();
  const email = address('victim');
  await victim.register(email, '/hostile');
  return { victim, email };
}

// What the app's script posts to one of the gateway's own steps.
const post = (page, path, body, token) =>
  page.evaluate(async ({ path, body, token }) => {
    const headers = { 'content-type': 'application/json', ...(token ? { 'x-bmauth-csrf': token } : {}) };
    const answer = await fetch(`/_bmauth/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    return { status: answer.status, token: answer.headers.get('x-bmauth-csrf'), json: await answer.json().catch(() => null) };
  }, { path, body, token });

const passkeysOf = (visitor) =>
  visitor.page.locator('[data-passkey]').evaluateAll((rows) => rows.map((row) => row.dataset.passkey));

// The account has the one passkey that it had, and no mail told of another.
async function isUnharmed(victim, mailbox, email) {
  await victim.goto(DEVICES);
  await victim.heading('My devices');
  const [{ credentialId }] = await victim.device.passkeys();
  assert.deepEqual(await passkeysOf(victim), [Buffer.from(credentialId, 'base64').toString('base64url')]);
  assert.deepEqual(mailbox.unread(email).filter(({ subject }) => /passkey was/i.test(subject)), []);
}

// Everything a script can try with a token, or without one, to get a passkey of its own into the account; whether it could
// begin.
async function tryToAdd(page, origin, token) {
  const made = new SoftwarePasskey('localhost', origin);
  const refused = [];
  const begun = await post(page, 'devices/confirm', { act: 'add' }, token);
  const { ceremony, options } = begun.json ?? {};
  if (begun.status === 200) {
    const own = Buffer.from(options.allowCredentials[0].id, 'base64url');
    const tries = [
      ['devices/passkey/verify', (challenge) => made.create(challenge)],
      ['devices/confirm/verify', (challenge) => made.get(challenge)],
      ['devices/confirm/verify', (challenge) => made.get(challenge, own)],
    ];
    for (const [path, answer] of tries) {
      const { json } = await post(page, 'devices/confirm', { act: 'add' }, token);
      const credential = answer(json.options);
      refused.push(await post(page, path, { ceremony: json.ceremony, credential }, token));
    }
  } else {
    refused.push(begun);
  }
  // Without a confirmation of its own, or with a challenge that was begun for something else.
  for (const named of [ceremony, crypto.randomUUID()].filter(Boolean)) {
    const credential = made.create({ challenge: options?.challenge ?? 'AAAA' });
    refused.push(await post(page, 'devices/passkey/verify', { ceremony: named, credential }, token));
    refused.push(await post(page, 'recover/passkey/verify', { ceremony: named, credential }, token));
    refused.push(await post(page, 'link/passkey/verify', { ceremony: named, credential, link: named }, token));
  }
  for (const { status, json } of refused) assert.ok(status >= 400 && status < 500, JSON.stringify({ status, json }));
  return begun.status === 200;
}

async function noneIsFetched(page, paths) {
  for (const path of paths) {
    const got = await page.evaluate(async (path) => {
      const answers = [];
      const ways = [{}, { mode: 'same-origin' }, { mode: 'no-cors' }, { headers: { accept: 'text/html' } }, { cache: 'reload' }];
      for (const way of ways) {
        const answer = await fetch(path, way);
        answers.push({ status: answer.status, text: await answer.text() });
      }
      const asked = new XMLHttpRequest();
      asked.open('GET', path, false);
      asked.send();
      return [...answers, { status: asked.status, text: asked.responseText }];
    }, path);
    for (const { status, text } of got) {
      assert.equal(status, 403, `${path}: ${text.slice(0, 200)}`);
      assert.doesNotMatch(text, MARKS, path);
    }
  }
}

scenario('a script of the app can neither fetch a page nor put it into a frame', async ({ enter, mailbox, origin }) => {
  const { victim, email } = await victimOf(enter);
  const { page } = victim;
  await noneIsFetched(page, FOR_THE_SIGNED_IN);
  const newcomer = await enter();
  await newcomer.goto('/public');
  await noneIsFetched(newcomer.page, WITHOUT_SIGN_IN);
  await assert.rejects(page.evaluate((path) => fetch(path, { mode: 'navigate' }), DEVICES), /navigate/);

  const framed = await page.evaluate(async (path) => {
    const put = (name, attribute) => new Promise((resolve) => {
      const frame = document.createElement(name);
      frame[attribute] = path;
      frame.onload = frame.onerror = () => resolve(frame);
      setTimeout(() => resolve(frame), 3_000);
      document.body.append(frame);
    });
    const frames = await Promise.all([put('iframe', 'src'), put('object', 'data'), put('embed', 'src')]);
    return frames.map((frame) => {
      try {
        return (frame.contentDocument ?? frame.getSVGDocument?.())?.documentElement.outerHTML ?? '';
      } catch {
        return '';
      }
    });
  }, DEVICES);
  for (const html of framed) assert.doesNotMatch(html, MARKS);
  // That the frame is refused stands in the console, too.
  victim.troubles.length = 0;

  assert.equal(await tryToAdd(page, origin), false, 'a step was begun without a token');
  assert.equal(await tryToAdd(page, origin, `${'0'.repeat(32)}.${'A'.repeat(43)}`), false, 'a made-up token was taken');
  await isUnharmed(victim, mailbox, email);
});

// A window that the app's script opens, with the person's device beside it.
async function popUp(visitor, path) {
  const [page] = await Promise.all([
    visitor.context.waitForEvent('page'),
    visitor.page.evaluate((path) => void (window.popup = window.open(path, 'victim', 'width=480,height=700')), path),
  ]);
  page.setDefaultTimeout(15_000);
  await page.waitForLoadState();
  const device = await Device.beside(page, await visitor.device.passkeys());
  return Object.assign(Object.create(Object.getPrototypeOf(visitor)), visitor, { page, device });
}

scenario('a window that the app opens on a page is not its own, and works for the person', async ({ enter, mailbox }) => {
  const { victim, email } = await victimOf(enter);
  const { page } = victim;
  const reach = () => page.evaluate(() => {
    const read = (handle) => {
      try {
        return handle?.document?.documentElement?.outerHTML ?? '';
      } catch {
        return '';
      }
    };
    return { closed: window.popup.closed, html: read(window.popup) };
  });
  const shown = await popUp(victim, DEVICES);
  await shown.heading('My devices');
  assert.equal(await shown.page.evaluate(() => window.opener), null, 'the page knows who opened it');
  const severed = await reach();
  assert.equal(severed.closed, true, 'the opener keeps a handle');
  assert.doesNotMatch(severed.html, MARKS);
  // By its name it is not found either: a second window opens.
  const [other] = await Promise.all([
    victim.context.waitForEvent('page'),
    page.evaluate(() => void (window.popup = window.open('', 'victim'))),
  ]);
  assert.doesNotMatch((await reach()).html, MARKS);
  await other.close();

  // The person adds a passkey there as anywhere.
  await shown.button('Add a passkey here').click();
  await shown.usePasskey('Confirm with a passkey', 'Set up this device');
  await shown.device.forget();
  await shown.device.touched(async () => {
    await shown.button('Create passkey').click();
    await shown.page.locator('[data-passkey]').nth(1).waitFor();
  });
  await mailbox.next(email, ({ subject }) => /^A passkey was added/.test(subject));
  await shown.page.close();

  // A window of the app that goes to a page later is let go of there.
  const [own] = await Promise.all([
    victim.context.waitForEvent('page'),
    page.evaluate(() => void (window.popup = window.open('/hostile', 'later'))),
  ]);
  await own.waitForLoadState();
  assert.match((await reach()).html, /Hostile/, 'the app does not reach a window of its own');
  await page.evaluate((path) => void (window.popup.location = path), DEVICES);
  await own.getByRole('heading', { name: 'My devices' }).waitFor();
  assert.doesNotMatch((await reach()).html, MARKS);
  await own.close();
});

scenario('signing in works in a window that the app opened, and ends there', async ({ enter }) => {
  const { victim, email } = await victimOf(enter);
  await victim.signOut();
  await victim.goto('/public');
  const shown = await popUp(victim, '/notes/4');
  await shown.page.reload();
  await shown.heading('Sign in');
  await shown.email.fill(email);
  await shown.device.touched(async () => {
    await shown.button('Continue').click();
    await shown.at('/notes/4');
  });
  await shown.heading('Note 4');
});

// Puts the app's worker before every page of the host. Its script is public: behind sign-in it would end with the
// session.
async function watched(victim) {
  await victim.goto('/worker');
  await watch(victim.page, '/worker/sw.js', { scope: '/' });
}

scenario('what a service worker of the app reads makes no passkey without a touch', async ({ enter, mailbox, origin }) => {
  const { victim, email } = await victimOf(enter);
  await watched(victim);
  await victim.goto(DEVICES);
  await victim.heading('My devices');
  await victim.goto('/hostile');
  const seen = await seenBy(victim.page);
  const read = seen.find(({ path, mode }) => path === DEVICES && mode === 'navigate');
  assert.ok(read, 'the worker saw no navigation: this test shows nothing');
  // A worker is a part of the page's own origin, and reads what it hands on: only a host of their own helps the pages
  // against that. What it gets is the form's token, and no passkey.
  const token = /name="csrf" (?:content|value)="([^"]+)"/.exec(read.text)?.[1];
  assert.ok(token, 'the worker read no token: nothing below is tried');
  assert.equal(await tryToAdd(victim.page, origin, token), true, 'the token was not taken: nothing was tried with it');
  const [{ credentialId }] = await victim.device.passkeys();
  const remove = { act: 'remove', passkey: Buffer.from(credentialId, 'base64').toString('base64url'), email };
  const begun = await post(victim.page, 'devices/confirm', remove, token);
  assert.equal(begun.status, 200, JSON.stringify(begun.json));
  const credential = new SoftwarePasskey('localhost', origin).get(begun.json.options, Buffer.from(credentialId, 'base64'));
  const done = await post(victim.page, 'devices/confirm/verify', { ceremony: begun.json.ceremony, credential }, token);
  assert.equal(done.json.refusal, 'not-accepted');
  // What a worker asks for by itself is no navigation.
  const got = await victim.page.evaluate((path) => fetch(path).then((answer) => answer.status), DEVICES);
  assert.equal(got, 403);
  await isUnharmed(victim, mailbox, email);
});

scenario('every page works behind a network-first service worker', async ({ enter, mailbox }) => {
  const { victim: maria, email } = await victimOf(enter);
  await watched(maria);
  const seen = [];
  // Signing out takes the worker away, too: it is put back for what follows.
  const signOut = async () => {
    await maria.goto('/_bmauth/sign-out');
    await maria.heading('Sign out?');
    seen.push(...(await seenBy(maria.page)));
    await maria.button('Sign out').click();
    await maria.heading(/^You.re signed out$/);
    await watched(maria);
  };
  await maria.goto(DEVICES);
  await maria.button('Add a passkey here').click();
  await maria.usePasskey('Confirm with a passkey', 'Set up this device');
  await maria.device.forget();
  await maria.device.touched(async () => {
    await maria.button('Create passkey').click();
    await maria.page.locator('[data-passkey]').nth(1).waitFor();
  });
  await mailbox.next(email, ({ subject }) => /^A passkey was added/.test(subject));
  // A form, a redirect and a sign-in.
  const row = maria.page.locator('[data-passkey]').nth(1);
  await row.locator('summary').click();
  await row.getByLabel('Name', { exact: true }).fill('Desk');
  await row.getByRole('button', { name: 'Save' }).click();
  await maria.page.getByText('Desk', { exact: true }).first().waitFor();
  await signOut();
  await maria.signInByEmail(email, '/notes/3');
  // A device beside it, whose page listens for news.
  await maria.goto('/link');
  await maria.heading('Connect a device');
  const waiting = await enter();
  await waiting.goto('/hostile');
  await waiting.link('Use another device').click();
  await waiting.heading('Use a device you\'re already signed in on');
  await waiting.page.waitForLoadState();
  await waiting.button('On a phone or tablet').click();
  const short = await waiting.page.locator('.short:visible').filter({ hasText: /^[0-9A-Z]{4}-[0-9A-Z]{4}$/ }).innerText();
  await maria.page.getByLabel('Code', { exact: true }).fill(short);
  await maria.button('Continue').click();
  await maria.heading('Is this you signing in?');
  const number = await waiting.page.locator('.number:visible').filter({ hasText: /^\d\d$/ }).innerText();
  await maria.page.getByLabel('Type the number shown on that screen', { exact: true }).fill(number);
  await maria.usePasskey('Approve with passkey', 'Approved');
  await waiting.heading('Set up this device');
  await waiting.createPasskey('/hostile');
  // A lost device: the way back in, and its review.
  await signOut();
  await maria.goto('/notes/2');
  await maria.link('Lost my device').click();
  await maria.email.fill(email);
  await maria.button('Email me a code').click();
  await maria.heading('Check your email');
  await maria.enterCode(await mailbox.code(email));
  await maria.heading('Set up this device');
  await maria.usePasskey('Create passkey', 'Keep your account safe');
  await maria.confirm('Keep all', '/notes/2');
  seen.push(...(await seenBy(maria.page)));
  const paths = seen.map(({ path }) => path);
  for (const path of ['/_bmauth/sign-out', '/_bmauth/recover/review', '/_bmauth/devices/passkey/verify']) {
    assert.ok(paths.includes(path), `the worker did not see ${path}`);
  }
});
