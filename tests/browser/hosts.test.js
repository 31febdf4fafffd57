// Several apps, one sign-in: people sign in on a host of its own, and are handed over to those of the apps. By TLS, as
// browsers hold cookies, policies and sites apart there.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { Device } from './harness/device.js';
import { goes, isAt, openHostedApp, signsIn, told } from './harness/hosted-app.js';
import { look } from './harness/look.js';
import { send } from './harness/loopback.js';
import { seenBy, watch } from './harness/worker.js';
import { address, launch, openWorld } from './harness/world.js';

const app = await openHostedApp();
after(() => app.close());

const HOME = 'auth.example.test';
// The last two are outside the passkey domain, and other sites.
const [WIKI, FILES, SHOP, BLOG] = ['wiki.example.test', 'files.example.test', 'shop.example.org', 'blog.example.net'];
const open = openWorld({
  hosts: { home: HOME, others: [WIKI, FILES, SHOP, BLOG], appPort: app.port },
  routes: `
[[route]]
host = "${WIKI}"
path = "/public"
access = "public"
upstream = ["http://127.0.0.1:${app.port}"]
[[route]]
host = "${HOME}"
path = "/away"
upstream = ["http://127.0.0.1:${app.port}"]
`,
});

const HAND_OFF = '/_bmauth/hand-off';
const SIGN_IN = '/_bmauth/sign-in';

// What only a browser and the gateway may ever see: codes, states and sessions.
const secrets = new Set();

// Each scenario with the origins by name, and with visitors whose secrets are noted.
const scenario = (name, run) => open(name, async (given) => {
  const [home, wiki, files, shop, blog] = given.world.origins;
  const enter = async (options) => {
    const visitor = await given.enter(options);
    await note(visitor.context);
    return visitor;
  };
  await run({ ...given, enter, home, wiki, files, shop, blog });
  assert.ok(secrets.size > 0);
  for (const secret of secrets) assert.ok(!given.gateway.log.includes(secret), 'the log has a secret');
  assert.doesNotMatch(given.gateway.log, /return_to|state=|again=/, 'the log has a query');
});

async function note(context) {
  context.on('request', (request) => {
    if (request.method() === 'POST' && request.url().endsWith(HAND_OFF)) secrets.add(codeOf(request));
  });
  context.on('response', async (response) => {
    const headers = await response.headersArray().catch(() => []);
    for (const { name, value } of headers) {
      if (name.toLowerCase() !== 'set-cookie') continue;
      const [, secret] = /^__Host-bmauth(?:-handoff-\d+)?=([^;]{20,})/.exec(value) ?? [];
      if (secret) secrets.add(secret);
    }
  });
}

const codeOf = (request) => new URLSearchParams(request.postData()).get('code');

// A visitor asks for `target`, makes an account, and is there.
async function registered(enter, target, options) {
  const maria = await enter(options);
  const email = address();
  await maria.register(email, target);
  await isAt(maria, target);
  return { maria, email };
}

// Another tab of the same browser, with the same person's device beside it.
async function anotherTab(visitor, { device = true } = {}) {
  const page = await visitor.context.newPage();
  page.setDefaultTimeout(15_000);
  const tab = Object.assign(Object.create(Object.getPrototypeOf(visitor)), visitor, { page });
  if (device) tab.device = await Device.beside(page, await visitor.device.passkeys());
  return tab;
}

// The same signed-in person in a browser without scripts.
async function withoutScripts(enter, maria, home) {
  const visitor = await enter({ javaScriptEnabled: false });
  const cookies = await maria.context.cookies(home);
  await visitor.context.addCookies(cookies.map(({ name, value, httpOnly, sameSite }) => ({
    name, value, httpOnly, sameSite, secure: true, url: `${home}/`,
  })));
  return visitor;
}

scenario('a visitor is back exactly where they wanted, and the other hosts let them in without a question', async ({ enter, gateway, home, wiki, files, shop }) => {
  const { keys } = JSON.parse((await send(gateway.admin, '/jwks.json')).text);
  const target = `${wiki}/page/%E2%82%AC?x=1&y=a%2Fb+c#part`;
  const { maria, email } = await registered(enter, target);
  const { page } = maria;
  for (const [origin, place] of [[wiki, target], [files, `${files}/deep/er?x=1#there`], [shop, `${shop}/`]]) {
    if (origin !== wiki) await goes(maria, place);
    const said = await told(page, keys);
    assert.equal(said.host, new URL(origin).host);
    assert.equal(said.url, place.slice(origin.length).split('#')[0]);
    assert.equal(said.email, email);
    assert.equal(said.claims.email, email);
    assert.equal(said.claims.aud, new URL(origin).hostname);
    assert.equal(said.claims.iss, home);
    assert.equal(said.cookie, null);
  }
  // In another browser, with a part of the page.
  const again = await enter({ passkeys: await maria.device.passkeys() });
  await again.goto(`${shop}/page?x=1#part`);
  await signsIn(again, email, `${shop}/page?x=1#part`);
  await goes(again, `${wiki}/`);
});

scenario('without scripts the page between has one button, and neither it nor the back button traps the visitor', async ({ enter, home, wiki }) => {
  const { maria } = await registered(enter, `${wiki}/`);
  const visitor = await withoutScripts(enter, maria, home);
  const target = `${wiki}/page?x=1`;
  await visitor.goto(target);
  await visitor.heading(`Continue to ${WIKI}`);
  assert.equal(new URL(visitor.page.url()).origin, home);
  assert.equal(await visitor.page.getByRole('button').count(), 1);
  await visitor.page.reload();
  await visitor.button('Continue').click();
  await isAt(visitor, target);
  await visitor.page.goBack();
  await visitor.heading(`Continue to ${WIKI}`);
  await visitor.page.reload();
  await visitor.button('Continue').click();
  await isAt(visitor, target);
  // A visitor who was away for too long: it begins again by itself.
  await visitor.context.clearCookies({ domain: WIKI });
  await visitor.goto(target);
  await visitor.context.clearCookies({ domain: WIKI });
  await visitor.button('Continue').click();
  await visitor.page.waitForURL(/[?&]again=1/);
  await visitor.button('Continue').click();
  await isAt(visitor, target);
});

scenario('the page between is shown where its script does not come', async ({ enter, wiki }) => {
  const { maria } = await registered(enter, `${wiki}/`);
  const other = await enter({ passkeys: await maria.device.passkeys() });
  await other.context.addCookies(await maria.context.cookies(maria.world.origin));
  await other.page.route('**/hand-off.js', (route) => route.abort());
  await other.goto(`${wiki}/page?x=1`);
  await other.heading(`Continue to ${WIKI}`);
  await look(other, 'hand off');
  await other.button('Continue').click();
  await isAt(other, `${wiki}/page?x=1`);
});

scenario('the page between is not in the history', async ({ enter, wiki, files, shop }) => {
  const { maria, email } = await registered(enter, `${wiki}/one`);
  await goes(maria, `${wiki}/two`);
  const { page } = maria;
  // By an address that was typed, and by a link that was pressed.
  await goes(maria, `${shop}/three`);
  await page.evaluate((href) => {
    const link = Object.assign(document.createElement('a'), { href, textContent: 'On' });
    document.body.append(link);
  }, `${files}/four`);
  await maria.link('On').click();
  await isAt(maria, `${files}/four`);
  for (const place of [`${shop}/three`, `${wiki}/two`]) {
    await page.goBack();
    await isAt(maria, place);
  }
  for (const place of [`${shop}/three`, `${files}/four`]) {
    await page.goForward();
    await isAt(maria, place);
  }
  await page.reload();
  await isAt(maria, `${files}/four`);
  // Nor is the page where a visitor signed in.
  const newcomer = await enter({ passkeys: await maria.device.passkeys() });
  await newcomer.goto(`${wiki}/five`);
  const before = await newcomer.page.evaluate(() => history.length);
  await signsIn(newcomer, email, `${wiki}/five`);
  assert.equal(await newcomer.page.evaluate(() => history.length), before);
});

// The browser of a person who lets no other site have cookies, and one site none at all.
async function careful(world) {
  const profile = await mkdtemp(path.join(tmpdir(), 'bmauth-profile-'));
  await mkdir(path.join(profile, 'Default'));
  const cookies = { '[*.]example.net,*': { setting: 2 } };
  await writeFile(path.join(profile, 'Default/Preferences'), JSON.stringify({
    profile: { block_third_party_cookies: true, cookie_controls_mode: 1, content_settings: { exceptions: { cookies } } },
  }));
  return { profile, context: await launch({ args: world.args, profile }) };
}

// Whether a page of `from` makes the browser send wiki's cookie along.
async function sendsAlong(visitor, wiki, from) {
  await visitor.goto(`${wiki}/public/set-cookie`);
  await goes(visitor, `${from}/`);
  const before = app.seen.length;
  await visitor.page.evaluate((url) => fetch(url, { mode: 'no-cors', credentials: 'include' }).then(() => {}), `${wiki}/public/seen`);
  const [request] = app.seen.slice(before).filter(({ pathname }) => pathname === '/public/seen');
  return /everywhere=1/.test(request.cookie);
}

scenario('it works where a browser keeps no cookies of other sites, and says so where it keeps none at all', async ({ enter, world, wiki, files, shop, blog }) => {
  const { profile, context } = await careful(world);
  const { maria } = await registered(enter, `${shop}/page?x=1`, { context });
  await goes(maria, `${wiki}/`);
  assert.equal(await sendsAlong(maria, wiki, files), true, 'no cookie goes along');
  assert.equal(await sendsAlong(maria, wiki, shop), false, 'cookies go along from other sites: this shows nothing');
  await goes(maria, `${files}/page`);
  const posts = [];
  maria.page.on('request', (request) => {
    if (request.method() === 'POST') posts.push(request.url());
  });
  await maria.goto(`${blog}/page?x=1`);
  await maria.heading("Your browser isn't keeping our cookie");
  assert.deepEqual(posts, [blog + HAND_OFF, blog + HAND_OFF], 'it goes round once');
  await look(maria, 'hand off without cookies');
  // As a person tries it.
  await maria.link('Try again').click();
  await maria.heading("Your browser isn't keeping our cookie");
  assert.equal(posts.length, 4);
  await goes(maria, `${shop}/`);
  await context.close();
  await rm(profile, { recursive: true, maxRetries: 10 });
});

const asksToSignIn = async (visitor, target) => {
  await visitor.goto(target);
  await visitor.heading('Sign in');
};

scenario('a browser is one line of My devices, and signing out there ends it at every host', async ({ enter, home, wiki, files, shop }) => {
  const { maria } = await registered(enter, `${wiki}/`);
  await goes(maria, `${files}/`);
  await goes(maria, `${shop}/`);
  await maria.goto(`${files}/_bmauth/devices`);
  await maria.heading('My devices');
  assert.equal(maria.page.url(), `${home}/_bmauth/devices`);
  const lines = maria.page.locator('li', { has: maria.page.locator('button[name="session"]') });
  assert.equal(await lines.count(), 1);
  const text = await lines.innerText();
  for (const host of [HOME, WIKI, FILES, SHOP]) assert.ok(text.includes(host), `${host} in ${text}`);
  await look(maria, 'devices of several hosts');
  await lines.getByRole('button', { name: /^Sign out/ }).click();
  await maria.heading(/^You.re signed out$/);
  for (const origin of [wiki, files, shop]) await asksToSignIn(maria, `${origin}/`);
});

// Holds a WebSocket and an event stream to the app at `origin` open, in a tab of its own.
async function holdsOpen(visitor, origin) {
  const tab = await anotherTab(visitor, { device: false });
  await goes(tab, `${origin}/`);
  await tab.page.evaluate(async () => {
    window.ended = [];
    const opens = (source, name, closed) => new Promise((resolve) => {
      source.addEventListener('open', resolve, { once: true });
      source.addEventListener(closed, () => {
        if (source.readyState !== 1) window.ended.push(name);
      });
    });
    await Promise.all([
      opens(new WebSocket('/socket'), 'socket', 'close'),
      opens(new EventSource('/events'), 'events', 'error'),
    ]);
  });
  return (names) => tab.page.waitForFunction((names) => names.every((name) => window.ended.includes(name)), names);
}

scenario('signing out at one host ends all, also what is open, and leads back to that host', async ({ enter, home, wiki, files, shop }) => {
  const { maria, email } = await registered(enter, `${wiki}/page`);
  await goes(maria, `${shop}/`);
  const ends = await holdsOpen(maria, files);
  await maria.goto(`${wiki}/_bmauth/sign-out`);
  await maria.heading('Sign out?');
  await maria.button('Sign out').click();
  await maria.heading(/^You.re signed out$/);
  assert.equal(maria.page.url(), `${wiki}/_bmauth/signed-out`);
  await ends(['socket', 'events']);
  const own = (await maria.context.cookies(wiki)).filter(({ name }) => name === '__Host-bmauth');
  assert.deepEqual(own, [], 'the cookie is taken back');
  await asksToSignIn(maria, `${home}/_bmauth/devices`);
  await maria.goto(`${wiki}/_bmauth/signed-out`);
  await maria.link('Sign in again').click();
  await signsIn(maria, email, `${wiki}/`);
  await maria.signOut();
  for (const origin of [wiki, files, shop]) await asksToSignIn(maria, `${origin}/`);
});

scenario('two tabs sign in side by side at two hosts', async ({ enter, wiki, shop }) => {
  const { maria, email } = await registered(enter, `${wiki}/`);
  await maria.signOut();
  const other = await anotherTab(maria);
  await asksToSignIn(maria, `${wiki}/one?x=1`);
  await asksToSignIn(other, `${shop}/two`);
  await signsIn(maria, email, `${wiki}/one?x=1`);
  await signsIn(other, email, `${shop}/two`);
  for (const [tab, place] of [[maria, `${wiki}/one?x=1`], [other, `${shop}/two`]]) {
    await tab.page.reload();
    await isAt(tab, place);
  }
  // Both at one host, which ask at the same moment.
  await maria.signOut();
  await asksToSignIn(maria, `${wiki}/`);
  await signsIn(maria, email, `${wiki}/`);
  await Promise.all([goes(maria, `${shop}/a`), goes(other, `${shop}/b`)]);
});

scenario('an app that sends its visitors on to another origin gets them all the same', async ({ enter, wiki, files, shop }) => {
  const { maria } = await registered(enter, `${wiki}/`);
  await maria.goto(`${files}/away?to=${encodeURIComponent(`${shop}/landed?x=1`)}`);
  await isAt(maria, `${shop}/landed?x=1`);
  // Chromium says that the form's policy does not let it go there.
  assert.ok(maria.troubles.some((trouble) => /form-action/.test(trouble)), 'nothing stood in the way: this shows nothing');
  maria.troubles.length = 0;
});

scenario('so does one on the very host of the pages whose visitor has just typed a code', async ({ enter, mailbox, home, shop }) => {
  const maria = await enter();
  const email = address();
  await maria.askToRegister(email, `${home}/away?to=${encodeURIComponent(`${shop}/landed?x=1`)}`);
  await maria.enterCode(await mailbox.code(email));
  await isAt(maria, `${shop}/landed?x=1`);
  assert.ok(maria.troubles.some((trouble) => /form-action/.test(trouble)), 'nothing stood in the way: this shows nothing');
  maria.troubles.length = 0;
});

scenario('it works where an app has a worker before its pages, which learns nothing that lasts', async ({ enter, wiki, files }) => {
  const { maria, email } = await registered(enter, `${wiki}/`);
  await watch(maria.page, '/sw.js');
  await maria.signOut();
  await asksToSignIn(maria, `${wiki}/page?x=1`);
  await signsIn(maria, email, `${wiki}/page?x=1`);
  await goes(maria, `${files}/`);
  await goes(maria, `${wiki}/`);
  const seen = await seenBy(maria.page);
  assert.ok(seen.some(({ url }) => url.startsWith(wiki + HAND_OFF)), 'the worker saw nothing: this shows nothing');
  for (const secret of secrets) assert.ok(!JSON.stringify(seen).includes(secret));
});

// A page between, kept by a tab whose script does not come: what it would send.
async function keptBetween(tab, target) {
  await tab.page.route('**/hand-off.js', (route) => route.abort());
  await tab.goto(target);
  await tab.heading(`Continue to ${new URL(target).hostname}`);
  const fields = await tab.page.locator('form input').evaluateAll((inputs) => inputs.map(({ name, value }) => [name, value]));
  return Object.fromEntries(fields);
}

scenario('a script of an app can neither read the page between nor send its form', async ({ enter, home, wiki, files }) => {
  const { maria } = await registered(enter, `${wiki}/`);
  const { page, context } = maria;
  const between = `${home}${SIGN_IN}?return_to=${encodeURIComponent(`${files}/`)}&state=1.${'A'.repeat(43)}`;
  const statuses = [];
  page.on('response', (response) => {
    if (response.url() === between) statuses.push(response.status());
  });
  const got = await page.evaluate(async (url) => {
    const texts = [];
    for (const way of [{}, { mode: 'no-cors' }, { mode: 'no-cors', redirect: 'manual' }, { method: 'POST', mode: 'no-cors' }]) {
      const answer = await fetch(url, { credentials: 'include', ...way }).catch(() => null);
      texts.push(answer ? `${answer.type} ${await answer.text().catch(() => '')}` : 'nothing');
    }
    const put = (name, attribute) => new Promise((resolve) => {
      const frame = document.createElement(name);
      frame.onload = frame.onerror = () => resolve(frame);
      setTimeout(() => resolve(frame), 2_000);
      frame[attribute] = url;
      document.body.append(frame);
    });
    const frames = await Promise.all([put('iframe', 'src'), put('object', 'data'), put('embed', 'src')]);
    for (const frame of frames) {
      try {
        texts.push(frame.contentDocument?.documentElement?.innerText ?? '');
      } catch {
        texts.push('');
      }
    }
    return texts;
  }, between);
  assert.deepEqual(got, ['nothing', 'nothing', 'nothing', 'nothing', '', '', '']);
  assert.ok(statuses.length > 0 && statuses.every((status) => status === 403), statuses.join());
  maria.troubles.length = 0;

  // Even with a code that it never gets to see, and whichever host it is for.
  const tab = await anotherTab(maria, { device: false });
  const fields = await keptBetween(tab, `${files}/page`);
  secrets.add(fields.code);
  for (const origin of [files, wiki, home]) {
    await page.evaluate(async ({ url, fields }) => {
      await fetch(url, { method: 'POST', mode: 'no-cors', credentials: 'include', body: new URLSearchParams(fields) }).catch(() => {});
    }, { url: origin + HAND_OFF, fields });
    for (const target of ['_self', 'frame']) {
      await goes(maria, `${wiki}/`);
      const posted = page.waitForResponse((response) => response.url() === origin + HAND_OFF);
      await page.evaluate(({ action, fields, target }) => {
        const frame = Object.assign(document.createElement('iframe'), { name: 'frame' });
        const form = Object.assign(document.createElement('form'), { method: 'post', action, target });
        for (const [name, value] of Object.entries(fields)) {
          form.append(Object.assign(document.createElement('input'), { name, value }));
        }
        document.body.append(frame, form);
        form.submit();
      }, { action: origin + HAND_OFF, fields, target });
      assert.equal((await posted).status(), 403, `${origin} in ${target}`);
      if (target === '_self') await page.waitForURL(origin + HAND_OFF);
    }
    await goes(maria, `${wiki}/`);
  }
  maria.troubles.length = 0;
  const own = (await context.cookies(files)).filter(({ name }) => name === '__Host-bmauth');
  assert.deepEqual(own, [], 'it has got a session');
  // Whom it was for still comes in by it.
  await tab.button('Continue').click();
  await isAt(tab, `${files}/page`);
});

scenario('a window that an app opens on the way to another host is not its own', async ({ enter, wiki, files }) => {
  const { maria } = await registered(enter, `${wiki}/`);
  const { page, context } = maria;
  const [shown] = await Promise.all([
    context.waitForEvent('page'),
    page.evaluate((url) => void (window.popup = window.open(url, 'victim')), `${files}/page`),
  ]);
  await isAt({ page: shown }, `${files}/page`);
  assert.equal(await shown.evaluate(() => window.opener), null);
  assert.equal(await page.evaluate(() => window.popup.closed), true, 'the opener keeps a handle');
});

scenario('what an app can find out of the way to it has no secret', async ({ enter, home, wiki, shop }) => {
  const { maria } = await registered(enter, `${shop}/`);
  await goes(maria, `${wiki}/page?x=1`);
  const traces = await maria.page.evaluate(() => ({
    referrer: document.referrer,
    cookie: document.cookie,
    name: window.name,
    entries: window.navigation.entries().map(({ url }) => url),
    timing: performance.getEntries().map(({ name }) => name),
    state: history.state,
  }));
  assert.ok(['', `${home}/`].includes(traces.referrer), traces.referrer);
  assert.equal(traces.cookie, '');
  assert.deepEqual(traces.entries, [`${wiki}/page?x=1`]);
  const said = JSON.stringify([traces, app.seen]);
  for (const secret of secrets) assert.ok(!said.includes(secret));
  assert.ok(!app.seen.some(({ pathname }) => pathname.startsWith('/_bmauth')));
});
