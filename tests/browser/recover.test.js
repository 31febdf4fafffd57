// A lost device: recovery under each policy, what was lost ends, and the owner who is still signed in can stop it.
import assert from 'node:assert/strict';
import { look } from './harness/look.js';
import { send } from './harness/loopback.js';
import { address, openWorld } from './harness/world.js';

const scenario = openWorld();

const NOT_HERE = 'We couldn\'t sign you in on this device';
const SET_UP = 'Set up this device';
const REVIEW = 'Keep your account safe';
const CONTEST = 'This account was recovered';
const LONG = /^((?:[0-9A-Z]{5}-){2}[0-9A-Z]{5}) is your .+ code$/;
const otherThan = (code) => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

// A scenario in a gateway with this policy.
const under = (policy, name, run) =>
  scenario(`${policy}: ${name}`, async (at) => {
    await at.gateway.runWith(`recovery = "${policy}"`);
    await run(at);
  });

// From a protected page, by "Lost my device", to the page that takes the code of the mail.
async function askForCode(visitor, email, wanted = '/') {
  await visitor.goto(wanted);
  await visitor.link('Lost my device').click();
  await visitor.heading('Get back in');
  await visitor.email.fill(email);
  await visitor.button('Email me a code').click();
  await visitor.heading('Check your email');
}

// The same, to the page that takes the operator's code, and on with it.
async function bringCode(visitor, email, code, wanted = '/') {
  await visitor.goto(wanted);
  await visitor.link('Lost my device').click();
  await visitor.reads('Ask whoever runs Acme Notes for a code.');
  await visitor.email.fill(email);
  await visitor.button('Continue').click();
  await enterCode(visitor, code);
}

async function enterCode(visitor, code) {
  await visitor.page.getByLabel('Code', { exact: true }).fill(code);
  await visitor.button('Continue').click();
}

// With the code of the mail to "Set up this device".
async function prove(visitor, email, wanted) {
  await askForCode(visitor, email, wanted);
  await visitor.enterCode(await visitor.world.mailbox.code(email));
  await visitor.heading(SET_UP);
}

async function setUp(visitor, next = REVIEW) {
  await visitor.usePasskey('Create passkey', next);
}

// Signs in with a passkey on the visitor's device; it leads to `next`.
async function leadsTo(visitor, email, next) {
  await visitor.goto('/');
  await visitor.email.fill(email);
  await visitor.usePasskey('Continue', next);
}

const letterAbout = (mailbox, email, subject) => mailbox.next(email, (letter) => subject.test(letter.subject));

under('email', 'a lost device is replaced, removed, signed out and cut off', async ({ enter, mailbox, origin }) => {
  const email = address();
  const lost = await enter();
  await lost.register(email);
  const socket = await lost.openSocket();

  const found = await enter();
  await found.goto('/notes/5?q=1');
  await found.link('Lost my device').click();
  await found.heading('Get back in');
  await look(found, 'recover');
  await askForCode(found, email, '/notes/5?q=1');
  await found.reads(`If that account exists, we sent a 6-digit code to ${email}.`);
  await look(found, 'recover-code');
  const { subject, text } = await letterAbout(mailbox, email, /^\d{3}\s\d{3} is your Acme Notes code$/);
  assert.doesNotMatch(text, /https?:\S*\d{6}/, 'a link that carries the code');
  const code = subject.slice(0, 7).replace(/\s/, '');
  await found.enterCode(otherThan(code));
  await found.alert.filter({ hasText: '4 tries left' }).waitFor();
  await look(found, 'recover-code wrong');
  assert.equal(await found.cookie(), undefined);
  await found.enterCode(code);
  await found.heading(SET_UP);
  await look(found, 'recover set-up');
  assert.equal(await found.cookie(), undefined, 'a session before the passkey');
  assert.equal((await lost.send('/api/me')).status, 200, 'asking alone ended a session');

  await setUp(found);
  await socket.ends();
  assert.equal((await lost.send('/api/me')).status, 401, 'the session from before goes on');
  await letterAbout(mailbox, email, /^Your Acme Notes account was recovered$/);
  await look(found, 'review');

  // Nothing of the app before the question is answered, by page or by script.
  await found.goto('/notes/5?q=1');
  await found.heading(REVIEW);
  assert.equal((await found.send('/api/me')).status, 403);
  await found.button('Remove selected').click();
  await found.alert.filter({ hasText: /Select the passkeys/ }).waitFor();
  await found.page.getByRole('checkbox').check();
  await found.decline('Remove selected');
  await look(found, 'review not confirmed');
  assert.equal((await found.send('/api/me')).status, 403, 'the review was answered without the passkey');
  await found.confirm('Remove selected', '/notes/5?q=1');
  await found.heading('Note 5');
  const claims = JSON.parse((await found.send('/api/me')).text);
  assert.equal(claims.email, email);
  assert.ok(Math.abs(claims.recovered_at - Date.now() / 1000) < 120, 'the session does not say how it was made');
  await letterAbout(mailbox, email, /^A passkey was removed/);

  await leadsTo(lost, email, NOT_HERE);
  await found.goto('/_bmauth/recover/review');
  await found.at('/');
  await found.signOut();
  await found.signInByEmail(email);
  assert.equal((await send(origin, '/api/me')).status, 401);
});

under('email', 'everything can be kept, and the old passkey still signs in', async ({ enter }) => {
  const email = address();
  const old = await enter();
  await old.register(email);
  const fresh = await enter();
  await prove(fresh, email);
  await setUp(fresh);
  await fresh.confirm('Keep all', '/');
  await old.signInByEmail(email);
});

under('email', 'past twenty tries the mail carries a long code, which is asked for as one', async ({ enter, mailbox }) => {
  const owner = await enter();
  const email = address();
  await owner.register(email);
  const guesser = await enter();
  for (const _ of [1, 2, 3, 4]) {
    await askForCode(guesser, email);
    for (const then of ['4 tries left', '3 tries left', '2 tries left', '1 try left', 'tried too many times']) {
      await guesser.enterCode('000000');
      await guesser.page.getByRole('alert').getByText(then).waitFor();
    }
  }
  const back = await enter();
  await askForCode(back, email);
  await back.reads('a code of 15 letters and digits');
  await look(back, 'recover-code-long');
  const code = back.page.getByLabel('Code from the mail', { exact: true });
  await code.fill('482139');
  await back.button('Continue').click();
  await back.page.getByRole('alert').getByText('4 tries left').waitFor();
  const { subject } = await mailbox.next(email, ({ subject: text }) => LONG.test(text));
  await mailbox.next(email, ({ subject: text }) => text === 'Many codes were tried for your Acme Notes account');
  await code.fill(LONG.exec(subject)[1].toLowerCase().replaceAll('-', ' '));
  await back.button('Continue').click();
  await back.heading(SET_UP);
});

under('email', 'an unknown address looks exactly like a known one', async ({ enter, mailbox }) => {
  const owner = await enter();
  const [known, unknown] = [address(), address()];
  await owner.register(known);
  const attempt = async (email) => {
    const visitor = await enter();
    await askForCode(visitor, email);
    const shown = async () => (await visitor.page.locator('main').innerText()).replaceAll(email, '…');
    const asked = await shown();
    await visitor.enterCode('123456');
    await visitor.alert.filter({ hasText: 'That code is not right.' }).waitFor();
    return [asked, await shown()];
  };
  assert.deepEqual(await attempt(unknown), await attempt(known));
  await mailbox.code(known);
  assert.deepEqual(mailbox.unread(unknown), []);
});

under('email', 'a code works only in the browser that asked for it', async ({ enter, mailbox }) => {
  const owner = await enter();
  const email = address();
  await owner.register(email);
  const [mine, thief] = [await enter(), await enter()];
  await askForCode(mine, email);
  const code = await mailbox.code(email);
  await askForCode(thief, address('nobody'));
  await thief.enterCode(code);
  await thief.alert.filter({ hasText: 'That code is not right.' }).waitFor();
  await mine.enterCode(code);
  await mine.heading(SET_UP);
});

under('email', 'a device that still has its passkey gets a new one, and the account is open', async ({ enter }) => {
  const maria = await enter();
  const email = address();
  await maria.register(email);
  const [old] = await maria.device.passkeys();
  await maria.signOut();
  await prove(maria, email);
  await setUp(maria);
  const passkeys = await maria.device.passkeys();
  assert.equal(passkeys.filter(({ credentialId }) => credentialId !== old.credentialId).length, 1);
  await maria.page.getByRole('checkbox').check();
  await maria.confirm('Remove selected', '/');
  await maria.signOut();
  await maria.signInByEmail(email);
});

under('email', 'until the review is answered, an older passkey may only say who that was', async ({ enter }) => {
  const email = address();
  const old = await enter();
  await old.register(email);
  const fresh = await enter();
  await prove(fresh, email, '/notes/6');
  await setUp(fresh);
  assert.equal((await old.send('/api/me')).status, 401);

  await leadsTo(old, email, CONTEST);
  assert.equal((await old.send('/api/me')).status, 401, 'an older passkey that rests signed in');
  await old.reads(email);
  await old.reads('Chrome on Linux');
  await look(old, 'contest');
  await old.page.reload();
  await old.heading(CONTEST);
  await old.button('This was me').click();
  await old.heading('Answer on that device');
  await look(old, 'contest me');
  await old.link('Sign in again').click();
  await old.heading('Sign in');

  // The other browser goes on as before.
  await fresh.page.reload();
  await fresh.confirm('Keep all', '/notes/6');
  await old.signInByEmail(email, '/notes/9');
});

under('email', 'who reads the mail is stopped with an older passkey, which opens with a code', async ({ enter, mailbox }) => {
  const email = address();
  const owner = await enter();
  await owner.register(email);
  const thief = await enter();
  await prove(thief, email);
  await setUp(thief);
  await letterAbout(mailbox, email, /^Your Acme Notes account was recovered$/);

  await leadsTo(owner, email, CONTEST);
  await owner.decline('This was not me');
  await look(owner, 'contest not confirmed');
  assert.equal((await thief.send('/_bmauth/recover/review')).status, 200, 'a closed dialog stopped it');
  // A closed dialog can be opened again, on the page as it stands and on the page loaded anew.
  await owner.decline('This was not me');
  await owner.page.reload();
  await owner.heading(CONTEST);
  await owner.usePasskey('This was not me', 'We\'ve stopped it');
  await look(owner, 'contest stopped');
  await letterAbout(mailbox, email, /was contested$/);
  assert.equal((await owner.send('/api/me')).status, 401);
  await owner.page.reload();
  await owner.heading(/^We can.t go on with this$/);
  await owner.link('Begin again').click();
  await owner.heading('Sign in');

  await thief.goto('/_bmauth/recover/review');
  await thief.heading('Sign in');
  await thief.email.fill(email);
  await thief.device.touched(async () => {
    await thief.button('Continue').click();
    await thief.alert.filter({ hasText: 'getting back in was stopped with an older passkey' }).waitFor();
  });
  await look(thief, 'sign-in contested');
  assert.equal((await thief.send('/api/me')).status, 401);

  await leadsTo(owner, email, 'Check your email');
  assert.equal((await owner.send('/api/me')).status, 401, 'the older passkey alone opened a contested account');
  await look(owner, 'contest code');
  await owner.enterCode(await mailbox.code(email));
  await owner.at('/');
  await owner.heading(`Hello, ${email}`);
  await letterAbout(mailbox, email, /undone/);
  await owner.goto('/_bmauth/devices');
  await owner.heading('My devices');
  assert.equal(await owner.page.locator('[data-passkey]').count(), 1, 'the thief’s passkey is still there');
  await leadsTo(thief, email, NOT_HERE);
});

under('email', '“Can’t approve?” leads to the way back in', async ({ enter }) => {
  const maria = await enter();
  await maria.goto('/_bmauth/link/start');
  await maria.page.waitForLoadState();
  await maria.button('On a phone or tablet').click();
  await maria.link('Can\'t approve?').click();
  await maria.heading('Get back in');
});

under('delayed', 'it is held, shown on every signed-in device, and stopped from there', async ({ enter, mailbox }) => {
  const email = address();
  const owner = await enter();
  await owner.register(email);
  const newcomer = await enter();
  await askForCode(newcomer, email);
  await newcomer.enterCode(await mailbox.code(email));
  await newcomer.heading(/./);
  await newcomer.reads(/You can finish on \d+ \w+ at|You can finish on \w+ \d+/);
  await look(newcomer, 'held');
  assert.equal(await newcomer.cookie(), undefined);
  assert.equal((await owner.send('/api/me')).status, 200);
  await letterAbout(mailbox, email, /^Someone wants to get back/);

  // Another code, within the hold, leads nowhere else.
  await askForCode(newcomer, email);
  await newcomer.enterCode(await mailbox.code(email));
  await newcomer.reads(/You can finish on/);

  await owner.goto('/_bmauth/devices');
  await owner.reads('Someone asked for a way back into your account (Chrome on Linux).');
  await look(owner, 'devices held');
  await owner.button('Stop it').click();
  await owner.heading('Stop getting back in?');
  await look(owner, 'devices stop');
  await owner.decline('Confirm with a passkey');
  await owner.button('Cancel').click();
  await owner.reads('Someone asked for a way back into your account');
  await owner.button('Stop it').click();
  await owner.usePasskey('Confirm with a passkey', 'My devices');
  await owner.at('/_bmauth/devices');
  assert.equal(await owner.page.getByText('Someone asked for a way back').count(), 0);
  await owner.reads('Way back in stopped');
  await letterAbout(mailbox, email, /was cancelled$/);
});

under('delayed', 'the link in the mail stops it, once', async ({ enter, mailbox, origin }) => {
  const { owner, email, link } = await heldWithLink(enter, mailbox);
  assert.ok(link.startsWith(origin));

  const reader = await enter(); // wherever the mail is read
  await reader.page.goto(link);
  await reader.heading('Stop getting back in?');
  assert.equal(new URL(reader.page.url()).hash, '', 'the word stays in the address');
  await look(reader, 'cancel');
  await owner.goto('/_bmauth/devices');
  await owner.reads('Someone asked for a way back into your account');
  await reader.button('Stop it').click();
  await reader.heading('It was stopped');
  await look(reader, 'cancelled');
  await owner.page.reload();
  assert.equal(await owner.page.getByText('Someone asked for a way back').count(), 0);
  await letterAbout(mailbox, email, /was cancelled$/);

  await reader.goto('/_bmauth/sign-in');
  await reader.page.goto(link);
  await reader.button('Stop it').click();
  await reader.heading('It was stopped already');
  await look(reader, 'cancel over');
});

// A person asks for a way back in: the owner, and the link in the letter.
async function heldWithLink(enter, mailbox) {
  const email = address();
  const owner = await enter();
  await owner.register(email);
  const newcomer = await enter();
  await askForCode(newcomer, email);
  await newcomer.enterCode(await mailbox.code(email));
  await newcomer.reads(/You can finish on/);
  const { text } = await letterAbout(mailbox, email, /^Someone wants to get back/);
  return { owner, email, link: /https?:\S+\/_bmauth\/recover\/cancel#\S+/.exec(text)[0] };
}

under('delayed', 'a link that a mail filter has mangled stops it, or the page says that nothing was stopped', async ({ enter, mailbox }) => {
  const { owner, link } = await heldWithLink(enter, mailbox);
  const reader = await enter(); // wherever the mail is read
  const pasted = reader.page.getByLabel('Link from the email');
  await reader.page.goto(link.split('#')[0]);
  await reader.reads('Only a part of the link has arrived here.');
  await look(reader, 'cancel cut');
  await reader.page.goto(link.slice(0, -1));
  await reader.reads('Only a part of the link has arrived here.');
  await reader.page.keyboard.press('Tab');
  await pasted.fill(link.slice(0, -1));
  await pasted.press('Enter');
  await reader.heading('Nothing was stopped');
  await reader.reads('The link did not arrive complete');
  await look(reader, 'cancel not whole');
  await pasted.fill(link.replace(/\d/g, '0'));
  await reader.button('Stop it').click();
  await reader.reads('This link is not right.');
  await look(reader, 'cancel not right');
  await owner.goto('/_bmauth/devices');
  await owner.reads('Someone asked for a way back into your account');
  // In the path, behind what counts clicks, and with a full stop.
  await reader.page.goto(link.replace('#', '%23'));
  await reader.heading('Stop getting back in?');
  assert.equal(new URL(reader.page.url()).pathname, '/_bmauth/recover/cancel', 'the word stays in the address');
  assert.ok(!(await pasted.isVisible()), 'asks for what has arrived');
  await reader.page.goto(`${link.replace('#', '?utm_source=x#')}.&utm_medium=mail`);
  await reader.button('Stop it').click();
  await reader.heading('It was stopped');
  await owner.page.reload();
  assert.equal(await owner.page.getByText('Someone asked for a way back').count(), 0);
});

under('delayed', 'without scripts the link can be pasted', async ({ enter, mailbox }) => {
  const { link } = await heldWithLink(enter, mailbox);
  const reader = await enter({ javaScriptEnabled: false });
  await reader.page.goto(link);
  await reader.page.getByLabel('Link from the email').fill(`<${link}>`);
  await reader.button('Stop it').click();
  await reader.heading('It was stopped');
});

under('admin', 'only the operator’s code opens the way, once', async ({ enter, mailbox, gateway }) => {
  const email = address();
  const lost = await enter();
  await lost.register(email);
  await letterAbout(mailbox, email, /^Welcome/);
  const told = await gateway.command('users', 'recover', email);
  assert.equal(told.code, 0, told.stderr);
  const { code } = JSON.parse((await gateway.command('users', 'recover', email, '--json')).stdout);
  const outdated = told.stdout.split('\n')[0].trim();
  assert.notEqual(outdated, code);

  const found = await enter();
  await found.goto('/_bmauth/recover');
  await look(found, 'recover admin');
  await bringCode(found, email, outdated, '/notes/2');
  await found.alert.filter({ hasText: 'That code is not right.' }).waitFor();
  await found.reads(`Enter the code you were given for ${email}.`);
  await look(found, 'recover-code admin');
  await enterCode(found, ` ${code.toLowerCase()} `);
  await found.heading(SET_UP);
  assert.deepEqual(mailbox.unread(email).filter(({ subject }) => /code/.test(subject)), [], 'a code went out by mail');
  await setUp(found);
  assert.equal((await lost.send('/api/me')).status, 401);
  await found.page.getByRole('checkbox').check();
  await found.confirm('Remove selected', '/notes/2');

  const again = await enter();
  await bringCode(again, email, code);
  await again.alert.filter({ hasText: 'That code is not right.' }).waitFor();
});

under('off', 'there is no way back in, and the sign-in page offers none', async ({ enter, gateway }) => {
  const email = address();
  const maria = await enter();
  await maria.register(email);
  await maria.signOut();
  await maria.goto('/');
  await maria.heading('Sign in');
  assert.equal(await maria.link('Lost my device').count(), 0);
  await maria.goto('/_bmauth/link/start');
  await maria.page.waitForLoadState();
  await maria.button('On a phone or tablet').click();
  assert.equal(await maria.link('Can\'t approve?').count(), 0);
  await maria.goto('/_bmauth/recover');
  await maria.heading('Get back in');
  await maria.reads('A lost passkey can\'t be replaced here.');
  assert.equal(await maria.email.count(), 0);
  await look(maria, 'recover off');
  const refused = await gateway.command('users', 'recover', email);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /accounts\.recovery/);
});
