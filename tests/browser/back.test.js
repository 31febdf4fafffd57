// After signing in, a person is back exactly where they wanted to go: path, query and fragment.
import assert from 'node:assert/strict';
import { addressIn } from './harness/picture.js';
import { address, openWorld } from './harness/world.js';

const scenario = openWorld();

const WANTED = '/notes/5?q=1&r=a%20b#/report/42?tab="x"';
const AS_SHOWN = '/notes/5?q=1&r=a%20b#/report/42?tab=%22x%22';
const SET_UP = 'Set up this device';
const REVIEW = 'Keep your account safe';
const START = 'Use a device you\'re already signed in on';

const numberField = ({ page }) => page.getByLabel('Type the number shown on that screen', { exact: true });

async function numberOn({ page }) {
  const number = page.locator('.number:visible').filter({ hasText: /^\d\d$/ });
  await number.waitFor();
  return number.innerText();
}

async function codeOf({ page }) {
  await page.locator('.short').filter({ hasText: /^[0-9A-Z]{4}-[0-9A-Z]{4}$/ }).waitFor();
  return addressIn(page);
}

async function approve(visitor, number) {
  await numberField(visitor).fill(number);
  await visitor.usePasskey('Approve with passkey', 'Approved');
}

// A person who has an account, and is signed out.
async function known(enter, options) {
  const maria = await enter(options);
  const email = address();
  await maria.register(email);
  await maria.signOut();
  return { maria, email };
}

scenario('a new account ends at the fragment that was asked for, over every page on the way', async ({ enter, mailbox }) => {
  const maria = await enter();
  const email = address();
  await maria.askToRegister(email, WANTED);
  const code = await mailbox.code(email);
  await maria.enterCode(code === '000000' ? '000001' : '000000');
  await maria.alert.filter({ hasText: 'That code is not right.' }).waitFor();
  await maria.enterCode(code);
  await maria.at(AS_SHOWN);
});

scenario('signing in ends at the fragment, also in another language and after looking around', async ({ enter }) => {
  const { maria, email } = await known(enter);
  await maria.goto(WANTED);
  await maria.link('Create an account').click();
  await maria.heading('Create your account');
  await maria.link('Sign in').click();
  await maria.heading('Sign in');
  await maria.link('Deutsch').click();
  await maria.heading('Anmelden');
  await maria.link('English').click();
  await maria.heading('Sign in');
  await maria.email.fill(email);
  await maria.confirm('Continue', AS_SHOWN);
  await maria.goto('/_bmauth/sign-in?return_to=/notes/6%3Fa#/b');
  await maria.at('/notes/6?a#/b');
});

scenario('a closed dialog and what is offered then keep the fragment', async ({ enter }) => {
  const { maria, email } = await known(enter);
  await maria.goto(WANTED);
  await maria.email.fill(email);
  await maria.device.declined(async () => {
    await maria.button('Continue').click();
    await maria.heading(/^We couldn.t sign you in on this device$/);
  });
  await maria.link('Lost my device').click();
  await maria.heading('Get back in');
  await maria.link('Go back').click();
  await maria.heading('Sign in');
  await maria.email.fill(email);
  await maria.confirm('Continue', AS_SHOWN);
});

scenario('a recovery ends at the fragment, once the review is answered', async ({ enter, mailbox }) => {
  const { email } = await known(enter);
  const found = await enter();
  await found.goto(WANTED);
  await found.link('Lost my device').click();
  await found.heading('Get back in');
  await found.email.fill(email);
  await found.button('Email me a code').click();
  await found.heading('Check your email');
  await found.enterCode(await mailbox.code(email));
  await found.heading(SET_UP);
  await found.usePasskey('Create passkey', REVIEW);
  await found.link('Deutsch').click();
  await found.link('English').click();
  await found.heading(REVIEW);
  await found.confirm('Keep all', AS_SHOWN);
});

scenario('a device that another one lets in ends at the fragment', async ({ enter }) => {
  const { maria: phone } = await known(enter);
  const computer = await enter();
  await computer.goto(WANTED);
  await computer.link('Use another device').click();
  await computer.heading(START);
  await computer.page.waitForLoadState();
  await computer.button('On a phone or tablet').click();
  await phone.page.goto(await codeOf(computer));
  await approve(phone, await numberOn(computer));
  await computer.heading(SET_UP);
  await computer.createPasskey(AS_SHOWN);
});

scenario('a sign-in with another device’s passkey ends at the fragment, with or without a faster way', async ({ enter }) => {
  const { maria, email } = await known(enter);
  const passkeys = await maria.device.passkeys();
  const desk = await enter();
  const phone = await desk.device.plugIn(passkeys);
  await desk.goto(WANTED);
  await desk.email.fill(email);
  await phone.touched(async () => {
    await desk.button('Continue').click();
    await desk.heading('Sign in faster next time?');
  });
  await desk.link('Not now').click();
  await desk.at(AS_SHOWN);
});

scenario('the secret of a code never gets to the app', async ({ enter, mailbox }) => {
  const { maria: owner, email } = await known(enter);
  await owner.signInByEmail(email);
  await owner.goto('/_bmauth/link');
  const url = await codeOf(owner);
  assert.match(url, /#[\w-]{22,}$/);

  // A person whose recovery is not answered is led to that first, and to the app from there.
  const found = await enter();
  await found.goto('/_bmauth/recover');
  await found.email.fill(email);
  await found.button('Email me a code').click();
  await found.enterCode(await mailbox.code(email));
  await found.heading(SET_UP);
  await found.usePasskey('Create passkey', REVIEW);
  await found.page.goto(url);
  await found.heading(REVIEW);
  assert.equal(new URL(found.page.url()).hash, '');
  await found.confirm('Keep all', '/');

  // A new device that scanned a code ends in the app without it.
  await owner.signInByEmail(email);
  await owner.goto('/_bmauth/link');
  const phone = await enter();
  await phone.page.goto(await codeOf(owner));
  await phone.heading('Add this device');
  await approve(owner, await numberOn(phone));
  await phone.heading(SET_UP);
  await phone.createPasskey('/');
  assert.equal(await phone.page.evaluate(() => location.href.includes('#')), false);
});

scenario('the fragment of an app’s address is no code, and stops no recovery', async ({ enter }) => {
  const maria = await enter();
  const asked = [];
  maria.page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await maria.goto(WANTED);
  await maria.link('Use another device').click();
  await maria.heading(START);
  await maria.page.waitForLoadState();
  await maria.button('On a phone or tablet').click();
  await codeOf(maria);
  assert.equal(asked.some((path) => path.endsWith('/link/find')), false, 'the fragment was sent as a code');
});

scenario('three tabs that were opened at once each end where they wanted', async ({ enter }) => {
  const { maria, email } = await known(enter);
  await maria.context.clearCookies();
  const [one, two, three] = [maria.page, await maria.context.newPage(), await maria.context.newPage()];
  const wanted = ['/notes/1?a#one', '/notes/2?b#two', '/notes/3?c#three'];
  const at = (path) => maria.world.origin + path;
  const page = (path) => {
    const [target, fragment] = path.split('#');
    return at(`/_bmauth/sign-in?return_to=${encodeURIComponent(target)}#${fragment}`);
  };
  // Each is answered before any of them has a cookie.
  const waiting = [];
  await maria.context.route('**/_bmauth/sign-in?*', async (route) => {
    const answer = await route.fetch({ headers: { ...route.request().headers(), cookie: '' } });
    waiting.push(() => route.fulfill({ response: answer }));
    if (waiting.length === 3) waiting.forEach((answered) => answered());
  }, { times: 3 });
  // Two of them have a token that died with the cookie of another; each mends that before the visitor types.
  const isMended = (answer) => answer.url().endsWith('/_bmauth/sign-in/options') && answer.status() === 200;
  const open = (tab, n) => Promise.all([tab.waitForResponse(isMended), tab.goto(page(wanted[n])).catch(() => {})]);
  await Promise.all([one, two, three].map(open));
  await maria.email.fill(email);
  await maria.confirm('Continue', wanted[0]);
  // The others go on when they are looked at, or pressed.
  await two.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await two.waitForURL(at(wanted[1]));
  await three.getByLabel('Email address', { exact: true }).fill(email);
  await three.getByRole('button', { name: 'Continue', exact: true }).click();
  await three.waitForURL(at(wanted[2]));
});

scenario('a tab whose token died comes again with what was typed, and says so', async ({ enter }) => {
  const maria = await enter();
  await maria.goto('/_bmauth/register?return_to=/notes/4#/b');
  const { value } = await maria.cookie('bmauth-flow');
  const tab = await (await enter()).context.newPage();
  await tab.goto(`${maria.world.origin}/_bmauth/register`);
  const [other] = (await tab.context().cookies()).filter((cookie) => cookie.name === 'bmauth-flow');
  assert.notEqual(other.value, value);
  await maria.context.addCookies([other]);
  const email = address();
  await maria.email.fill(email);
  await maria.button('Continue').click();
  await maria.reads('This page was loaded again.');
  assert.equal(await maria.email.inputValue(), email);
  assert.equal(new URL(maria.page.url()).hash, '#/b');
  await maria.device.touched(async () => {
    await maria.button('Continue').click();
    await maria.heading('Check your email');
  });
});
