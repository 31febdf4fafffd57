// "My devices": what can sign in and what is signed in, and ending it; and a passkey of one's own after another's.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { look } from './harness/look.js';
import { address, openWorld } from './harness/world.js';

const scenario = openWorld();

const PAGE = '/_bmauth/devices';
const ADD = 'Add a passkey here';
const CONFIRM = 'Confirm with a passkey';
const FASTER = 'Sign in faster next time?';
const NOT_HERE = 'We couldn\'t sign you in on this device';
const urlSafe = (base64) => base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

const rows = ({ page }) => page.locator('[data-passkey]');
const idsOn = ({ page }) => rows({ page }).evaluateAll((all) => all.map((row) => row.dataset.passkey).sort());

async function atDevices(visitor) {
  await visitor.goto(PAGE);
  await visitor.heading('My devices');
}

// From "My devices" to where the passkey is made, by a passkey that the account has.
async function mayAdd(visitor, device = visitor.device) {
  await visitor.button(ADD).click();
  await confirmAdding(visitor, device);
}

// Passkeys are listed by when they were used or made, to the second: the next one is to be a later one.
const inTheNextSecond = () => delay(1_000 - (Date.now() % 1_000));

// Makes another passkey of the account, as on a device that has none yet; the ones before are handed back.
async function addAnother(visitor) {
  await atDevices(visitor);
  const count = await rows(visitor).count();
  await mayAdd(visitor);
  const before = await visitor.device.passkeys();
  await visitor.device.forget();
  await inTheNextSecond();
  await visitor.device.touched(async () => {
    await visitor.button('Create passkey').click();
    await rows(visitor).nth(count).waitFor();
  });
  return before;
}

// Confirms with a passkey on `device` that another one may be made.
async function confirmAdding(visitor, device = visitor.device) {
  await visitor.heading(ADD);
  await visitor.reads('First confirm with a passkey you have.');
  await device.touched(async () => {
    await visitor.button(CONFIRM).click();
    await visitor.heading('Set up this device');
  });
}

async function askToRemove(visitor, row) {
  await row.getByRole('button', { name: /^Remove/ }).click();
  await visitor.heading('Remove this passkey?');
}

scenario('passkeys are listed, added and renamed, and the browser is told of every one', async ({ enter, mailbox }) => {
  const maria = await enter();
  const email = address();
  await maria.page.addInitScript(() => {
    window.told = [];
    PublicKeyCredential.signalAllAcceptedCredentials = async (all) => void window.told.push(all);
  });
  await maria.register(email);
  await atDevices(maria);
  await maria.reads(email);
  assert.match(await rows(maria).innerText(), /This device[\s\S]*Only on this device[\s\S]*Last used[\s\S]*\d:\d\d[\s\S]*Added/);
  await look(maria, 'devices');

  // The dialog is closed at first, and then the act given up: nothing is added without a passkey used for that.
  await maria.button(ADD).click();
  await maria.heading(ADD);
  await look(maria, 'devices add');
  await maria.decline(CONFIRM);
  await look(maria, 'devices add not confirmed');
  await maria.button('Cancel').click();
  await maria.heading('My devices');
  await mayAdd(maria);
  await look(maria, 'devices add set up');
  await maria.button('Cancel').click();
  await maria.heading('My devices');
  await mayAdd(maria);
  await maria.device.declined(async () => {
    await maria.button('Create passkey').click();
    await maria.reads('No passkey was made yet.');
  });
  await maria.device.touched(async () => {
    await maria.button('Try again').click();
    await maria.reads('Your passkey is already on this device or in this password manager.');
  });
  await look(maria, 'devices set up already');
  await addAnother(maria);
  await mailbox.next(email, ({ subject }) => /^A passkey was added/.test(subject));
  const told = await maria.page.waitForFunction(() => window.told[0]);
  const { rpId, userId, allAcceptedCredentialIds } = await told.jsonValue();
  assert.deepEqual(allAcceptedCredentialIds.sort(), await idsOn(maria));
  assert.equal(allAcceptedCredentialIds.length, 2);
  assert.equal(rpId, 'localhost');
  const [{ userHandle }] = await maria.device.passkeys();
  assert.equal(userId, urlSafe(userHandle));

  const fresh = rows(maria).first();
  await fresh.locator('summary').click();
  await fresh.getByLabel('Name', { exact: true }).fill('Work <b>laptop</b>');
  await look(maria, 'devices rename');
  await fresh.getByRole('button', { name: 'Save' }).click();
  await maria.page.getByText('Work <b>laptop</b>', { exact: true }).first().waitFor();
  const activity = await maria.page.locator('main').innerText();
  for (const what of ['Account created', 'Passkey added']) assert.ok(activity.includes(what), what);
});

scenario('a passkey is named while it is made, and told apart when one is removed', async ({ enter, mailbox }) => {
  const maria = await enter();
  const email = address();
  await maria.register(email);
  await atDevices(maria);
  const proposed = await rows(maria).locator('strong').innerText();
  assert.match(proposed, /^(Chrome|Chromium) on Linux$/);
  await addAnother(maria);
  assert.deepEqual(await rows(maria).locator('strong').allInnerTexts(), [`${proposed} 2`, proposed]);
  await mayAdd(maria);
  await maria.page.getByText('Name this passkey').click();
  await maria.page.getByLabel('Name', { exact: true }).fill('Desk');
  await look(maria, 'devices add named');
  await maria.device.forget();
  await inTheNextSecond();
  await maria.device.touched(async () => {
    await maria.button('Create passkey').click();
    await rows(maria).nth(2).waitFor();
  });
  assert.deepEqual(await rows(maria).locator('strong').allInnerTexts(), ['Desk', `${proposed} 2`, proposed]);
  await look(maria, 'devices three');
  await askToRemove(maria, rows(maria).nth(2));
  const asked = await maria.page.locator('main').innerText();
  assert.match(asked, new RegExp(`${proposed}[\\s\\S]*Added`));
  assert.doesNotMatch(asked, /Desk/);
  await look(maria, 'remove one of three');
  await maria.usePasskey('Remove passkey', 'My devices');
  const letter = await mailbox.next(email, ({ subject }) => /^A passkey was removed/.test(subject));
  assert.match(letter.text, /made in (Chrome|Chromium) on Linux/);
});

scenario('leave to add a passkey that is over is asked for once more', async ({ enter }) => {
  const maria = await enter();
  await maria.register(address());
  await atDevices(maria);
  await mayAdd(maria);
  // The session goes on, and names what it never began.
  const verify = (route) => {
    const postData = JSON.stringify({ ...route.request().postDataJSON(), ceremony: crypto.randomUUID() });
    return route.continue({ postData });
  };
  await maria.page.route('**/_bmauth/devices/passkey/verify', verify, { times: 1 });
  await maria.device.forget();
  await maria.device.touched(async () => {
    await maria.button('Create passkey').click();
    await maria.heading(ADD);
    await maria.alert.filter({ hasText: 'That took too long, or it was done already. Press the button again.' }).waitFor();
  });
  await look(maria, 'devices add again');
});

scenario('a removed passkey ends its sessions and what they have open, and signs no one in', async ({ enter, mailbox }) => {
  const maria = await enter();
  const email = address();
  await maria.register(email);
  const carried = await addAnother(maria);
  await maria.signOut();
  await maria.signInByEmail(email);
  const other = await enter({ passkeys: carried });
  await other.signInByEmail(email);
  const socket = await other.openSocket();

  await atDevices(maria);
  const lost = maria.page.locator(`[data-passkey="${urlSafe(carried[0].credentialId)}"]`);
  await askToRemove(maria, lost);
  await look(maria, 'remove');
  assert.equal(await maria.email.isVisible(), false, 'the address is asked for although another passkey is left');
  await maria.decline('Remove passkey');
  assert.equal((await other.send('/api/me')).status, 200);
  await maria.usePasskey('Remove passkey', 'My devices');
  assert.equal((await other.send('/api/me')).status, 401);
  await socket.ends();
  assert.equal(await rows(maria).count(), 1);
  await maria.reads('Passkey removed');
  await mailbox.next(email, ({ subject }) => /^A passkey was removed/.test(subject));
  assert.equal((await maria.send('/api/me')).status, 200, 'the session of another passkey ended');

  await other.goto('/');
  await other.email.fill(email);
  await other.usePasskey('Continue', NOT_HERE);
});

scenario('the last passkey goes only with the address typed', async ({ enter }) => {
  const maria = await enter();
  const email = address();
  await maria.register(email);
  await atDevices(maria);
  await askToRemove(maria, rows(maria));
  await maria.reads('This is your last passkey.');
  await look(maria, 'remove the last');
  await maria.button('Cancel').click();
  await maria.heading('My devices');
  await askToRemove(maria, rows(maria));
  await maria.email.fill(address('other'));
  await maria.button('Remove passkey').click();
  await maria.alert.filter({ hasText: 'That is not the email address of this account.' }).waitFor();
  await maria.email.fill(email.toUpperCase());
  await maria.device.touched(async () => {
    await maria.button('Remove passkey').click();
    await maria.at(`/_bmauth/sign-in?return_to=${encodeURIComponent(PAGE)}`);
  });
  assert.equal((await maria.send('/api/me')).status, 401);
  await maria.goto('/');
  await maria.email.fill(email);
  await maria.usePasskey('Continue', NOT_HERE);
});

scenario('one signed-in browser is signed out, then all others', async ({ enter }) => {
  const maria = await enter();
  const email = address();
  await maria.register(email);
  const first = await enter({ passkeys: await maria.device.passkeys() });
  await first.signInByEmail(email);
  const second = await enter({ passkeys: await first.device.passkeys() });
  await second.signInByEmail(email);
  const socket = await first.openSocket();
  const ended = (await claimsOf(first)).sid;
  await atDevices(maria);
  const signOut = (session) => maria.page.locator(`button[name="session"][value="${session}"]`);
  assert.equal(await maria.page.locator('button[name="session"]').count(), 3);
  await signOut(ended).click();
  await signOut(ended).waitFor({ state: 'detached' });
  await socket.ends();
  assert.equal((await first.send('/api/me')).status, 401);
  assert.equal((await second.send('/api/me')).status, 200);

  await maria.button('Sign out everywhere').click();
  await maria.reads('Signed out everywhere');
  assert.equal((await second.send('/api/me')).status, 401);
  assert.equal((await maria.send('/api/me')).status, 200);
  await signOut((await claimsOf(maria)).sid).click();
  await maria.heading(/^You.re signed out$/);
  assert.equal((await maria.send('/api/me')).status, 401);
});

const claimsOf = async (visitor) => JSON.parse((await visitor.send('/api/me')).text);

scenario('a passkey that was copied is refused, noted and told', async ({ enter, mailbox }) => {
  const maria = await enter();
  const email = address();
  await maria.register(email);
  const copy = await maria.device.passkeys();
  for (let times = 0; times < 2; times += 1) {
    await maria.signOut();
    await maria.signInByEmail(email);
  }
  const thief = await enter({ passkeys: copy });
  // One use of the copy and no more: answering suggestions too, it would count up until it is ahead.
  await thief.page.addInitScript(() => (PublicKeyCredential.isConditionalMediationAvailable = async () => false));
  await thief.goto('/');
  await thief.email.fill(email);
  await thief.device.present(true);
  await thief.button('Continue').click();
  await thief.alert.filter({ hasText: /\S/ }).waitFor();
  assert.equal(await thief.cookie(), undefined);
  await mailbox.next(email, ({ subject }) => /^Someone may have copied a passkey/.test(subject));
  await atDevices(maria);
  await maria.reads('Passkey refused: it looked copied');
});

scenario('a visitor signs in first, and comes back to the devices', async ({ enter }) => {
  const maria = await enter();
  const email = address();
  await maria.register(email);
  await maria.signOut();
  await maria.goto(PAGE);
  await maria.heading('Sign in');
  await maria.email.fill(email);
  await maria.usePasskey('Continue', 'My devices');
});

// A person at a desk whose only passkey is on a key that is plugged in.
async function atDesk(enter, email) {
  const owner = await enter();
  await owner.register(email);
  const desk = await enter();
  const key = await desk.device.plugIn(await owner.device.passkeys());
  return { desk, key };
}

// Signs in with the key; ends under `next`.
async function signInWithKey({ desk, key }, email, next) {
  await desk.goto('/notes/8');
  await desk.email.fill(email);
  await key.touched(async () => {
    await desk.button('Continue').click();
    await desk.heading(next);
  });
}

scenario('after a sign-in with another device, a passkey of this one is offered', async ({ enter }) => {
  const email = address();
  const { desk, key } = await atDesk(enter, email);
  await signInWithKey({ desk, key }, email, FASTER);
  await look(desk, 'faster');
  await desk.button('Create passkey').click();
  await desk.heading(ADD);
  await look(desk, 'faster confirm');
  await desk.button('Cancel').click();
  await desk.heading(FASTER);
  await desk.button('Create passkey').click();
  await confirmAdding(desk, key);
  await key.unplug();
  await desk.createPasskey('/notes/8');
  await desk.signOut();
  await desk.signInByEmail(email, '/notes/8');
  await atDevices(desk);
  assert.equal(await rows(desk).count(), 2);
});

scenario('a person who wants no passkey on this device is not asked again', async ({ enter }) => {
  const email = address();
  const { desk, key } = await atDesk(enter, email);
  await signInWithKey({ desk, key }, email, FASTER);
  await desk.link('Not now').click();
  await desk.at('/notes/8');
  await desk.signOut();
  await signInWithKey({ desk, key }, email, 'Note 8');
  assert.deepEqual(await desk.device.passkeys(), []);
});
