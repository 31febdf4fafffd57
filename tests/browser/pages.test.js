// How every page is made: accessible in light and dark, on a phone, by keyboard, small, and alone.
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { LANGUAGES } from './harness/languages.js';
import { DESKTOP, look } from './harness/look.js';
import { address, openWorld, screenshots } from './harness/world.js';

const scenario = openWorld();
const KIB = 1024;
const NOT_HERE = /^We couldn.t sign you in on this device$/;

// Each page and each state of it that a person can stand before: its name, and how to come to it.
const PAGES = {
  'sign-in': (visitor) => visitor.goto('/_bmauth/sign-in'),
  'sign-in explained': async (visitor) => {
    await visitor.goto('/_bmauth/sign-in');
    await visitor.page.getByText('What is a passkey?').click();
    await visitor.reads('A passkey takes the place of a password.');
  },
  ...Object.fromEntries(
    LANGUAGES.map((tag) => [`sign-in ${tag}`, (visitor) => visitor.goto(`/_bmauth/sign-in?lang=${tag}`)]),
  ),
  'register named': async (visitor) => {
    await visitor.goto('/_bmauth/register');
    await visitor.reads('This is called a passkey. It stays with your device.');
    await visitor.page.getByText('Name this passkey').click();
  },
  'sign-in from a protected page': (visitor) => visitor.goto('/notes/1'),
  'sign-in waiting': async (visitor) => {
    // A device without the passkey asked for may say so at once, instead of waiting for a touch.
    const email = address();
    await visitor.register(email);
    await visitor.signOut();
    await visitor.goto('/_bmauth/sign-in');
    await visitor.email.fill(email);
    await visitor.button('Continue').click();
    await visitor.page.getByText(/Waiting for your device/).first().waitFor();
  },
  'sign-in not on this device': async (visitor) => {
    await visitor.goto('/_bmauth/sign-in');
    await visitor.email.fill(address());
    await visitor.device.declined(async () => {
      await visitor.button('Continue').click();
      await visitor.heading(NOT_HERE);
    });
  },
  register: (visitor) => visitor.goto('/_bmauth/register'),
  'register without a passkey': async (visitor) => {
    await visitor.goto('/_bmauth/register');
    await visitor.email.fill(address());
    await visitor.device.declined(async () => {
      await visitor.button('Continue').click();
      await visitor.page.getByText('No passkey was made yet.').waitFor();
    });
  },
  code: (visitor) => visitor.askToRegister(address()),
  'code wrong': async (visitor) => {
    const email = address();
    await visitor.askToRegister(email);
    const code = await visitor.world.mailbox.code(email);
    await visitor.enterCode(code === '000000' ? '000001' : '000000');
    await visitor.alert.filter({ hasText: 'That code is not right.' }).waitFor();
  },
  'sign-out': async (visitor) => {
    await visitor.register(address());
    await visitor.goto('/_bmauth/sign-out');
  },
  'signed-out': async (visitor) => {
    await visitor.register(address());
    await visitor.signOut();
  },
  'app down': async (visitor) => {
    await visitor.register(address());
    await visitor.goto('/down');
  },
  'no such page': (visitor) => visitor.goto('/_bmauth/nowhere'),
};

for (const [name, open] of Object.entries(PAGES)) {
  scenario(`“${name}” has no accessibility fault, in light and dark, and fits a phone`, async ({ enter }) => {
    const visitor = await enter({ viewport: DESKTOP });
    await open(visitor);
    await look(visitor, name);
  });
}

scenario('forced colours and reduced motion leave every control visible', async ({ enter }) => {
  const visitor = await enter({ forcedColors: 'active', reducedMotion: 'reduce' });
  await visitor.goto('/_bmauth/sign-in');
  for (const control of [visitor.email, visitor.button('Continue'), visitor.button('Sign in with a passkey')]) {
    await control.waitFor();
    const border = await control.evaluate((element) => getComputedStyle(element).borderTopWidth);
    assert.notEqual(border, '0px', 'without a border it cannot be seen in forced colours');
  }
  await visitor.page.screenshot({ path: `${screenshots}sign-in-forced-colours.png` });
});

scenario('sign-in works with the keyboard alone', async ({ enter }) => {
  const maria = await enter();
  const email = address();
  await maria.register(email);
  await maria.signOut();
  await maria.goto('/');
  await maria.heading('Sign in');
  const { page } = maria;
  const focused = () => page.evaluate(() => document.activeElement.getAttribute('autocomplete') ?? '');
  for (let presses = 0; !(await focused()).startsWith('username'); presses += 1) {
    assert.ok(presses < 10, 'the address field is not reached by Tab');
    await page.keyboard.press('Tab');
  }
  await page.keyboard.type(email);
  await maria.device.touched(async () => {
    await page.keyboard.press('Enter');
    await maria.at('/');
  });
});

scenario('the pages are small and come whole from the gateway', async ({ enter }) => {
  for (const path of ['/_bmauth/sign-in', '/_bmauth/register', '/_bmauth/link/start', '/_bmauth/devices']) {
    const visitor = await enter();
    if (path.endsWith('devices')) await visitor.register(address());
    const answers = [];
    visitor.page.on('response', (response) => answers.push(response));
    const document = await visitor.goto(path);
    await visitor.page.waitForLoadState('networkidle');
    const size = { html: (await document.body()).length, css: 0, script: 0 };
    for (const answer of answers) {
      const type = answer.request().resourceType();
      if (type === 'stylesheet') size.css += gzipSync(await answer.body()).length;
      if (type === 'script') size.script += gzipSync(await answer.body()).length;
    }
    assert.ok(size.css > 0 && size.script > 0);
    // As in the test of all pages: each further language than two has its link.
    const most = 6 * KIB + (LANGUAGES.length - 2) * 200;
    assert.ok(size.html <= most && size.css <= 4 * KIB && size.script <= 8 * KIB, `${path}: ${JSON.stringify(size)}`);
  }
});

const PUBLIC = [
  '/_bmauth/sign-in', '/_bmauth/register', '/_bmauth/signed-out', '/_bmauth/link/start', '/_bmauth/link',
  '/_bmauth/recover', '/_bmauth/recover/cancel',
];

scenario('the pages carry the headers that keep them to themselves', async ({ enter }) => {
  const visitor = await enter();
  for (const path of PUBLIC) {
    const { headers } = await visitor.send(path);
    const policy = headers['content-security-policy'].split(/;\s*/);
    for (const part of [
      "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "form-action 'self'",
      "base-uri 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
    ]) {
      assert.ok(policy.includes(part), `${path} lacks ${part}`);
    }
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.match(headers['cache-control'], /no-store/);
    assert.ok(headers['permissions-policy'].includes('publickey-credentials-get'));
    assert.doesNotMatch(headers.server ?? '', /pingora/i);
    const camera = path === '/_bmauth/link/start' ? 'camera=(self)' : 'camera=()';
    assert.ok(headers['permissions-policy'].includes(camera), `${path}: ${headers['permissions-policy']}`);
  }
});

scenario('without JavaScript the page says what is missing', async ({ enter }) => {
  const visitor = await enter({ javaScriptEnabled: false });
  await visitor.goto('/_bmauth/sign-in');
  await visitor.heading('Sign in');
  await visitor.page.getByText(/JavaScript/).first().waitFor();
  await visitor.page.getByText('What is a passkey?').click();
  await visitor.reads('A passkey takes the place of a password.');
});

scenario('getting back in needs no JavaScript up to the passkey', async ({ enter, mailbox }) => {
  const owner = await enter();
  const email = address();
  await owner.register(email);
  const visitor = await enter({ javaScriptEnabled: false });
  await visitor.goto('/_bmauth/recover');
  await visitor.email.fill(email);
  await visitor.button('Email me a code').click();
  await visitor.heading('Check your email');
  await mailbox.next(email, ({ subject }) => /^Welcome/.test(subject));
  await visitor.enterCode(await mailbox.code(email));
  await visitor.heading('Set up this device');
  await visitor.page.getByText(/JavaScript/).first().waitFor();
});
