// Making an account: address, passkey, code by e-mail, and then the page first asked for.
import assert from 'node:assert/strict';
import { address, openWorld } from './harness/world.js';

const scenario = openWorld();
const otherThan = (code) => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

scenario('a visitor makes an account and lands on the page first asked for', async ({ enter, mailbox, origin }) => {
  const maria = await enter();
  const email = address();
  await maria.goto('/notes/7?tag=a%26b&q=x%2Fy');
  assert.match(maria.page.url(), /\/_bmauth\/sign-in\?return_to=/);
  assert.match(await maria.page.locator('main').innerText(), /Please sign in to continue/);
  await maria.askToRegister(email, '/notes/7?tag=a%26b&q=x%2Fy');
  assert.equal(await maria.cookie(), undefined, 'a session before the code');
  assert.equal((await maria.send('/api/me')).status, 401, 'the app is open before the code');

  const letter = await mailbox.next(email);
  const [, first, last] = /^(\d{3})\s(\d{3}) is your Acme Notes code$/.exec(letter.subject);
  assert.match(letter.text, new RegExp(`${first}\\s${last}`));
  assert.match(letter.html, new RegExp(`${first}\\s${last}`));
  assert.doesNotMatch(letter.html, /<a [^>]*href="https?:[^"]*\d{6}/, 'a link that carries the code');
  await maria.enterCode(`${first}-${last}`); // pasted with what people put between the digits
  await maria.at('/notes/7?tag=a%26b&q=x%2Fy');
  await maria.heading('Note 7');
  assert.match(await maria.page.locator('body').innerText(), new RegExp(`${email} asked for tag=a%26b&q=x%2Fy`));

  await maria.goto('/');
  await maria.heading(`Hello, ${email}`);
  const claims = JSON.parse((await maria.send('/api/me')).text);
  assert.equal(claims.email, email);
  assert.equal(claims.email_verified, true);
  assert.equal(claims.iss, origin);
  assert.equal(claims.aud, 'localhost');
  assert.match(claims.sub, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  assert.ok(Array.isArray(claims.groups) && Array.isArray(claims.amr) && claims.jti && claims.sid && claims.acr);
  assert.ok(claims.exp - Date.now() / 1000 >= 150, 'at least half of five minutes left');
  const cookie = await maria.cookie();
  assert.ok(!JSON.stringify(claims).includes(cookie.value), 'the secret of the session is in the token');
});

scenario('the session cookie is out of reach of scripts and of other sites', async ({ enter }) => {
  const maria = await enter();
  await maria.register(address());
  const { value, ...rest } = await maria.cookie();
  assert.equal(Buffer.from(value, 'base64url').length, 32);
  assert.deepEqual(
    { httpOnly: rest.httpOnly, sameSite: rest.sameSite, path: rest.path, domain: rest.domain },
    { httpOnly: true, sameSite: 'Lax', path: '/', domain: 'localhost' },
  );
  assert.equal(await maria.page.evaluate(() => document.cookie.includes('bmauth')), false);
});

scenario('a wrong code says how many tries are left, and the right one still works', async ({ enter, mailbox }) => {
  const maria = await enter();
  const email = address();
  await maria.askToRegister(email);
  const code = await mailbox.code(email);
  await maria.enterCode(otherThan(code));
  await maria.alert.filter({ hasText: 'That code is not right.' }).waitFor();
  assert.match(await maria.alert.innerText(), /4 tries left/);
  assert.equal(await maria.cookie(), undefined);
  await maria.enterCode(code);
  await maria.at('/');
  await maria.heading(`Hello, ${email}`);
});

scenario('five wrong codes close the code, also for the right one', async ({ enter, mailbox }) => {
  const maria = await enter();
  const email = address();
  await maria.askToRegister(email);
  const code = await mailbox.code(email);
  const second = await maria.context.newPage(); // a tab that still shows the form
  await second.goto(maria.page.url());
  for (const left of [/4 tries left/, /3 tries left/, /2 tries left/, /(1 try|one try) left/i]) {
    await maria.enterCode(otherThan(code));
    await maria.alert.filter({ hasText: left }).waitFor();
  }
  await maria.enterCode(otherThan(code));
  await maria.alert.filter({ hasNotText: /left/ }).waitFor();
  await second.getByLabel('6-digit code').fill(code);
  await second.getByRole('button', { name: 'Continue', exact: true }).click();
  await second.getByRole('alert').waitFor();
  assert.equal(await maria.cookie(), undefined);
});

scenario('a code works only in the browser that asked for it', async ({ enter, mailbox }) => {
  const maria = await enter();
  const thief = await enter();
  const [email, other] = [address(), address('thief')];
  await maria.askToRegister(email);
  await thief.askToRegister(other);
  await thief.enterCode(await mailbox.code(email));
  await thief.alert.filter({ hasText: 'That code is not right.' }).waitFor();
  assert.equal(await thief.cookie(), undefined);
});

// Expiry of a code, and a new code after the wait, are tested with a hand clock in tests/gateway: the binary has no
// way to turn its clock.
scenario('a new code cannot be asked for again at once', async ({ enter, mailbox }) => {
  const maria = await enter();
  const email = address();
  await maria.askToRegister(email);
  await mailbox.code(email);
  await maria.button('Send a new code').click();
  await maria.page.getByText(/another code in \d+ seconds/).waitFor();
  const later = await enter();
  const after = address('later');
  await later.askToRegister(after);
  await mailbox.code(after);
  assert.deepEqual(mailbox.unread(email), []);
});

scenario('a wrong address can be changed on the code page', async ({ enter }) => {
  const maria = await enter();
  await maria.askToRegister(address('mistyped'));
  await maria.link('Use a different email').click();
  await maria.heading('Create your account');
});

scenario('who begins twice has one passkey, and one that came to nothing is explained', async ({ enter, mailbox }) => {
  const maria = await enter();
  const email = address();
  await maria.askToRegister(address());
  const [dead] = await maria.device.passkeys();
  const told = () => maria.page.waitForFunction(() => window.forgotten?.length > 0);
  await maria.page.addInitScript(() => {
    window.forgotten = [];
    PublicKeyCredential.signalUnknownCredential = async ({ credentialId }) => window.forgotten.push(credentialId);
  });
  // Another address, and the code page has the browser forget the passkey of the first one.
  await maria.askToRegister(email);
  await told();
  const first = (await maria.device.passkeys()).find((passkey) => passkey.credentialId !== dead.credentialId);
  await mailbox.code(email);
  // The same address once more: the second passkey takes the place of the first.
  await maria.askToRegister(email);
  await told();
  const kept = (await maria.device.passkeys()).filter((passkey) => passkey.userHandle === first.userHandle);
  assert.equal(kept.length, 1);
  assert.notEqual(kept[0].credentialId, first.credentialId);
  await maria.enterCode(await mailbox.code(email));
  await maria.heading(`Hello, ${email}`);

  const other = await enter({ passkeys: [dead] });
  await other.goto('/_bmauth/sign-in');
  await other.device.touched(async () => {
    await other.button('Sign in with a passkey').click();
    await other.heading('This passkey is not in use');
  });
  await other.reads('This passkey was never finished or was removed.');
  await other.link('Create an account').waitFor();
  await other.button('Use a different email').click();
  await other.heading('Sign in');
});

scenario('a taken address shows the same page, and its owner is told', async ({ enter, mailbox }) => {
  const owner = await enter();
  const [email, fresh] = [address(), address()];
  await owner.register(email);

  const outsider = await enter();
  await outsider.askToRegister(email);
  const newcomer = await enter();
  await newcomer.askToRegister(fresh);
  const shown = async (visitor, own) => (await visitor.page.locator('main').innerText()).replaceAll(own, '…');
  assert.equal(await shown(outsider, email), await shown(newcomer, fresh));

  const letter = await mailbox.next(email, ({ subject, text }) => /already have an account/i.test(subject + text));
  assert.doesNotMatch(letter.subject + letter.text, /\b\d{3} ?\d{3}\b/, 'the letter carries a code');
  await outsider.enterCode('123456');
  await outsider.alert.filter({ hasText: 'That code is not right.' }).waitFor();
  assert.equal(await outsider.cookie(), undefined);
});

scenario('closing the device dialog while registering is no error, and can be tried again', async ({ enter, mailbox }) => {
  const maria = await enter();
  const email = address();
  await maria.goto('/_bmauth/register');
  await maria.email.fill(email);
  await maria.device.declined(async () => {
    await maria.button('Continue').click();
    await maria.page.getByText('No passkey was made yet.').waitFor();
  });
  assert.equal(await maria.alert.filter({ hasText: /\S/ }).count(), 0, 'cancelling is shown as an error');
  assert.deepEqual(mailbox.unread(email), [], 'a code was sent although there is no passkey');
  await maria.device.touched(async () => {
    await maria.button('Try again').click();
    await maria.heading('Check your email');
  });
  await maria.enterCode(await mailbox.code(email));
  await maria.at('/');
});

scenario('of two people who register one address, the one who proves it has the account', async ({ enter, mailbox }) => {
  const [maria, mallory] = [await enter(), await enter()];
  const email = address();
  await mallory.askToRegister(email);
  await mailbox.code(email);
  await maria.askToRegister(email);
  await maria.enterCode(await mailbox.code(email));
  await maria.at('/');
  // The passkey that was made by the other one is worth nothing.
  await mallory.goto('/');
  await mallory.email.fill(email);
  await mallory.device.touched(async () => {
    await mallory.button('Continue').click();
    await mallory.heading(/^We couldn.t sign you in on this device$/);
  });
  assert.equal(await mallory.cookie(), undefined);
});
