// Without access: another account, whom to ask, what is open; and every page's foot, in each language.
import assert from 'node:assert/strict';
import { look } from './harness/look.js';
import { address, openWorld } from './harness/world.js';

const STAFF = '/public/staff/pay?month=5';
const scenario = openWorld({
  app: `support_url = "https://help.example.com/"
links = [{ text = "Imprint", url = "https://example.com/imprint" }, { text = "Privacy", url = "mailto:data@example.com" }]`,
  routes: `
[[route]]
path = "/public/staff"
groups = ["staff"]
upstream = ["http://127.0.0.1:9"]
`,
});

scenario('without access there is another account, whom to ask, and what is open', async ({ enter }) => {
  const maria = await enter();
  const [email, boss] = [address(), address('boss')];
  await maria.register(email);
  await maria.goto(STAFF);
  await maria.heading('You don\'t have access');
  await maria.reads(email);
  await look(maria, 'no access');
  assert.equal(await maria.link('Ask for access').getAttribute('href'), 'https://help.example.com/');
  assert.equal(await maria.link('Try again').count(), 0);
  await maria.link('Deutsch').click();
  await maria.heading('Sie haben keinen Zugriff');
  await maria.at(STAFF);
  await look(maria, 'no access German');
  await maria.link('English').click();
  await maria.heading('You don\'t have access');
  await maria.link('Your apps').click();
  await maria.heading('Your apps');
  await maria.page.goBack();

  await maria.link('Use another account').click();
  await maria.heading('Use another account');
  await maria.reads(email);
  await look(maria, 'another account');
  assert.equal((await maria.send('/api/me')).status, 200, 'asking signed out');
  await maria.button('Sign out').click();
  await maria.heading('Sign in');
  assert.equal((await maria.send('/api/me')).status, 401);
  assert.equal(new URL(maria.page.url()).searchParams.get('return_to'), STAFF);
  await maria.link('Create an account').click();
  await maria.heading('Create your account');
  await maria.email.fill(boss);
  await maria.device.touched(async () => {
    await maria.button('Continue').click();
    await maria.heading('Check your email');
  });
  await maria.enterCode(await maria.world.mailbox.code(boss));
  await maria.at(STAFF);
  await maria.reads(boss);
});

scenario('the operator’s links are at the foot of pages and mails', async ({ enter, mailbox }) => {
  const maria = await enter();
  const email = address();
  await maria.askToRegister(email);
  await look(maria, 'code with links');
  await maria.reads('The mail comes from no-reply@example.com.');
  assert.equal(await maria.link('Imprint').getAttribute('href'), 'https://example.com/imprint');
  assert.equal(await maria.link('Privacy').getAttribute('href'), 'mailto:data@example.com');
  const letter = await mailbox.next(email);
  assert.match(letter.text, /Imprint: https:\/\/example\.com\/imprint\n/);
  assert.match(letter.html, /<a href="mailto:data@example\.com">Privacy<\/a>/);
  await maria.goto('/_bmauth/nowhere?lang=de');
  await maria.heading('Hier gibt es keine Seite');
  await look(maria, 'no such page German');
});

scenario('a person who registered, was let in or got back in is known when they come again', async ({ enter, mailbox }) => {
  const email = address();
  const owner = await enter();
  await owner.register(email);
  const known = async (visitor) => {
    await visitor.context.clearCookies();
    await visitor.goto('/');
    await visitor.button('Not you?').waitFor();
    assert.equal(await visitor.email.inputValue(), email);
  };
  await known(owner);

  await owner.signInByEmail(email);
  const linked = await enter();
  await linked.goto('/_bmauth/link/start');
  await linked.page.waitForLoadState();
  await linked.button('On a phone or tablet').click();
  const shown = await linked.shortCode.innerText();
  await owner.goto('/link');
  await owner.page.getByLabel('Code', { exact: true }).fill(shown);
  await owner.button('Continue').click();
  await owner.heading('Is this you signing in?');
  const number = await linked.page.locator('.number:visible').filter({ hasText: /^\d\d$/ }).innerText();
  await owner.page.getByLabel('Type the number shown on that screen', { exact: true }).fill(number);
  await owner.usePasskey('Approve with passkey', 'Approved');
  await linked.heading('Set up this device');
  await linked.createPasskey('/');
  await known(linked);

  const back = await enter();
  await back.goto('/_bmauth/recover');
  await back.email.fill(email);
  await back.button('Email me a code').click();
  await back.heading('Check your email');
  await mailbox.next(email, ({ subject }) => /^Welcome/.test(subject));
  await mailbox.next(email, ({ subject }) => /^A passkey was added/.test(subject));
  await back.enterCode(await mailbox.code(email));
  await back.heading('Set up this device');
  await look(back, 'set up');
  await back.usePasskey('Create passkey', 'Keep your account safe');
  await look(back, 'review two');
  await known(back);
});
