// The clients that hasura-auth's apps use, unchanged but for the URL: behind the gateway, and on an origin of their own.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { Device } from './harness/device.js';
import { Gateway } from './harness/gateway.js';
import { freePort } from './harness/loopback.js';
import { openMailbox } from './harness/mailbox.js';
import { address, launch } from './harness/world.js';

const LIMIT_MS = 600_000;
const STEP_LIMIT_MS = 90_000;

// Ready for a page as their packages ship them.
const SCRIPTS = {
  '/client/hasura-auth.js': '@nhost/hasura-auth-js/umd/hasura-auth-js.umd.js',
  '/client/nhost.js': '@nhost/nhost-js/dist/nhost-js.umd.js',
  '/client/simplewebauthn.js': '@simplewebauthn/browser/dist/bundle/index.umd.min.js',
};
// A bundler would have put this word in its place.
const BUNDLED = '<script>window.process = { env: { NODE_ENV: "production" } };</script>';
const LOADED = Object.keys(SCRIPTS).map((path) => `<script src="${path}"></script>`).join('');
const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>An app</title>${BUNDLED}${LOADED}`;

let app;
let browser;
let gateway;
let mailbox;

before(async () => {
  const appPort = await freePort();
  gateway = await Gateway.at(await freePort());
  [app, mailbox, browser] = await Promise.all([serve(appPort), openMailbox(), launch()]);
  const upstream = `http://127.0.0.1:${appPort}`;
  await gateway.configure({
    smtpPort: mailbox.port,
    appPort,
    api: `allowed_origins = ["http://localhost:${appPort}"]`,
    routes: `[[route]]\npath = "/client"\naccess = "public"\nupstream = ["${upstream}"]`,
  });
  await gateway.run();
}, { timeout: LIMIT_MS });

after(async () => {
  await Promise.all([browser?.close(), gateway?.stop(), mailbox?.close()]);
  app?.closeAllConnections();
  app?.close();
}, { timeout: LIMIT_MS });

// The app: a public page with the clients, and everything else.
async function serve(port) {
  const server = http.createServer(async (request, response) => {
    if (SCRIPTS[request.url]) {
      const script = await readFile(new URL(`node_modules/${SCRIPTS[request.url]}`, import.meta.url));
      return response.setHeader('content-type', 'text/javascript').end(script);
    }
    if (request.url === '/client') return response.setHeader('content-type', 'text/html').end(PAGE);
    return response.setHeader('content-type', 'text/plain').end(request.headers['x-bmauth-jwt'] ? 'known' : 'unknown');
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  return server;
}

const places = {
  'behind the gateway': () => gateway.origin,
  'on an origin of its own': () => `http://localhost:${app.address().port}`,
};

for (const [place, origin] of Object.entries(places)) {
  scenario(`@nhost/hasura-auth-js works ${place} by changing a URL`, async ({ page, device }) => {
    const email = address('hasura');
    await open(page, origin());
    const touched = (...call) => device.touched(() => auth(page, ...call));

    const asked = await touched('signUp', { email, securityKey: true, options: { displayName: 'Maria', locale: 'de', nickname: 'Laptop' } });
    assert.deepEqual(asked, { session: null, error: null });
    const entered = await auth(page, 'verifyEmailOTP', email, await mailbox.code(email));
    assert.equal(entered.error, null);
    assert.equal(entered.session.user.email, email);
    assert.equal(entered.session.user.locale, 'de');
    assert.equal(await auth(page, 'isAuthenticated'), true);
    assert.equal(await auth(page, 'getHasuraClaim', 'x-hasura-user-id'), entered.session.user.id);
    assert.equal(await known(page), place === 'behind the gateway' ? 'known' : 'no CORS');

    // Another key: a stick, after elevation with the one that is there.
    const early = await auth(page, 'addSecurityKey', 'Stick');
    assert.deepEqual([early.error.status, early.error.error], [403, 'elevated-claim-required']);
    const elevated = await touched('elevateEmailSecurityKey', email);
    assert.deepEqual([elevated.error, elevated.elevated], [null, true]);
    assert.equal(await auth(page, 'getHasuraClaim', 'x-hasura-auth-elevated'), entered.session.user.id);
    const stick = await device.plugIn();
    const added = await stick.touched(() => auth(page, 'addSecurityKey', 'Stick'));
    assert.deepEqual([added.error, added.key.nickname], [null, 'Stick']);
    await stick.unplug();

    // The tokens go on: by themselves, over a reload, and in two tabs at once.
    const before = await auth(page, 'getSession');
    const refreshed = await auth(page, 'refreshSession');
    assert.equal(refreshed.error, null);
    assert.notEqual(refreshed.session.refreshToken, before.refreshToken);
    const tab = await page.context().newPage();
    await Promise.all([open(page, origin()), open(tab, origin())]);
    for (const each of [page, tab]) assert.equal(await auth(each, 'isAuthenticatedAsync'), true);
    await tab.close();

    // Out, and in again with and without the address.
    for (const [method, ...params] of [['signIn', { email, securityKey: true }], ['signInSecurityKey']]) {
      assert.equal((await auth(page, 'signOut')).error, null);
      assert.equal(await auth(page, 'isAuthenticated'), false);
      const again = await touched(method, ...params);
      assert.equal(again.error, null);
      assert.equal(again.session.user.email, email);
    }
    assert.equal((await auth(page, 'signOut', { all: true })).error, null);

    // What fails, fails in its words.
    const unknown = await touched('signIn', { email: address('nobody'), securityKey: true });
    assert.equal(unknown.session, null);
    assert.notEqual(unknown.error, null);
    const [answer, wrong] = await Promise.all([
      page.waitForResponse(`${api()}/signin/otp/email/verify`),
      auth(page, 'verifyEmailOTP', email, '000000'),
    ]);
    assert.deepEqual([answer.status(), (await answer.json()).error, wrong.session], [401, 'invalid-otp', null]);
  });

  scenario(`@nhost/nhost-js works ${place} by changing a URL`, async ({ page, device }) => {
    const email = address('nhost');
    await open(page, origin());
    await page.evaluate((authUrl) => (window.nhost = NhostJs.createClient({ authUrl })), api());

    const session = await device.touched(async () => {
      await page.evaluate(async (email) => {
        const { body: optionsJSON } = await nhost.auth.signUpWebauthn({ email, options: { displayName: 'Maria' } });
        const credential = await SimpleWebAuthnBrowser.startRegistration({ optionsJSON });
        const { body } = await nhost.auth.verifySignUpWebauthn({ credential, nickname: 'Laptop' });
        if (body.session !== null) throw new Error('a session before the code');
      }, email);
      const otp = await mailbox.code(email);
      return page.evaluate(async (body) => (await nhost.auth.verifySignInOTPEmail(body)).body.session, { email, otp });
    });
    assert.equal(session.user.email, email);
    assert.equal(await page.evaluate(() => nhost.getUserSession().decodedToken['https://hasura.io/jwt/claims']['x-hasura-user-id']), session.user.id);
    assert.equal(await page.evaluate(async () => (await nhost.auth.getUser()).body.email), email);

    const early = await page.evaluate(() => nhost.auth.addSecurityKey().catch((error) => [error.status, error.body.error]));
    assert.deepEqual(early, [403, 'elevated-claim-required']);
    const expires = await device.touched(() => page.evaluate(async () => {
      const { body: optionsJSON } = await nhost.auth.elevateWebauthn();
      const credential = await SimpleWebAuthnBrowser.startAuthentication({ optionsJSON });
      const { session } = (await nhost.auth.verifyElevateWebauthn({ credential })).body;
      // This client keeps the sessions of sign-ins only; the app keeps the elevated one.
      nhost.sessionStorage.set(session);
      return session.accessTokenExpiresIn;
    }));
    assert.ok(expires <= 300, `${expires}`);

    // The browser's own JSON instead of a library's.
    const stick = await device.plugIn();
    const key = await stick.touched(() => page.evaluate(async () => {
      const { body: options } = await nhost.auth.addSecurityKey();
      const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
      const credential = (await navigator.credentials.create({ publicKey })).toJSON();
      return (await nhost.auth.verifyAddSecurityKey({ credential, nickname: 'Stick' })).body;
    }));
    assert.equal(key.nickname, 'Stick');
    await stick.unplug();

    const next = await page.evaluate(async () => (await nhost.refreshSession(0)).refreshToken);
    assert.notEqual(next, session.refreshToken);
    assert.equal(await page.evaluate(async (refreshToken) => (await nhost.auth.signOut({ refreshToken })).body, next), 'OK');

    // Without a body, and with the address.
    for (const body of [undefined, { email }]) {
      const back = await device.touched(() => page.evaluate(async (body) => {
        const { body: options } = await nhost.auth.signInWebauthn(body);
        const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
        const credential = (await navigator.credentials.get({ publicKey })).toJSON();
        return (await nhost.auth.verifySignInWebauthn({ credential })).body.session;
      }, body));
      assert.equal(back.user.email, email);
    }
    assert.equal(await page.evaluate(async () => (await nhost.auth.verifyToken({})).body), 'OK');
  });
}

test('a page of an origin that is not allowed gets nothing', { timeout: LIMIT_MS }, async () => {
  const port = await freePort();
  const visitor = await serve(port);
  const page = await browser.newPage();
  try {
    await page.goto(`http://localhost:${port}/client`);
    const [read, sent] = await page.evaluate(async (api) => {
      const outcome = (asked) => asked.then((answer) => answer.status, (error) => error.name);
      const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' };
      return [await outcome(fetch(`${api}/version`)), await outcome(fetch(`${api}/signin/webauthn`, json))];
    }, api());
    assert.deepEqual([read, sent], ['TypeError', 'TypeError']);
  } finally {
    await page.close();
    visitor.closeAllConnections();
    visitor.close();
  }
});

const api = () => `${gateway.origin}/_bmauth/v1`;

function scenario(claim, run) {
  test(claim, { timeout: LIMIT_MS }, async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(STEP_LIMIT_MS);
    const refusals = [];
    page.on('response', async (response) => {
      if (response.status() >= 400) refusals.push((await response.json().catch(() => ({}))).error);
    });
    try {
      await run({ page, device: await Device.beside(page) });
    } catch (error) {
      console.error(`refused: ${refusals}\nthe gateway's log:\n${gateway.log.slice(-4_000)}`);
      throw error;
    } finally {
      await context.close();
    }
  });
}

async function open(page, origin) {
  await page.goto(`${origin}/client`);
  await page.evaluate((url) => {
    const { HasuraAuthClient } = window['@nhost/hasura-auth-js'];
    window.auth = new HasuraAuthClient({ url });
  }, api());
}

// Calls a method of the hasura client on the page.
function auth(page, method, ...args) {
  return page.evaluate(([method, args]) => window.auth[method](...args), [method, args]);
}

// What a protected route behind the gateway says to the page's access token.
function known(page) {
  return page.evaluate((url) => {
    const headers = { authorization: `Bearer ${window.auth.getAccessToken()}` };
    return fetch(url, { headers }).then((answer) => answer.text(), () => 'no CORS');
  }, `${gateway.origin}/notes`);
}
