// Two gateways on one PostgreSQL, and a load balancer without stickiness: what a page of one begins, the other goes on with.
import assert from 'node:assert/strict';
import { A_PHONE } from './harness/look.js';
import { address, openWorld } from './harness/world.js';

const scenario = openWorld({ storage: '' });

const [ONE, OTHER] = [0, 1];
const urlSafe = (base64) => base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const rows = ({ page }) => page.locator('[data-passkey]');
const isOfAPhone = (request) => /Mobile/.test(request.headers['user-agent'] ?? '');

// A scenario whose requests come to where `choose` says, not by turns.
function apart(name, choose, run) {
  scenario(name, async (given) => {
    const { balance } = given.world;
    balance.choose = choose;
    try {
      await run(given);
    } finally {
      balance.choose = () => undefined;
    }
  });
}

// What was sent since `since`, and that no gateway took two steps of it in a row.
function steps({ balance }, since) {
  const taken = balance.taken.slice(since);
  for (const [number, { at, path }] of taken.slice(1).entries()) {
    assert.notEqual(at, taken[number].at, `${taken[number].path} and ${path} came to the same gateway`);
  }
  return taken.map(({ method, path }) => `${method} ${path}`);
}

// Those steps were taken, in that order, among others.
function inOrder(all, expected) {
  let at = 0;
  for (const step of all) if (step === expected[at]) at += 1;
  assert.equal(at, expected.length, `${expected[at]} is missing in ${all.join(', ')}`);
}

scenario('every step of registering, signing out and signing in comes to the other gateway', async ({ enter, mailbox, world }) => {
  const since = world.balance.taken.length;
  const maria = await enter();
  const email = address();
  await maria.register(email, '/notes/7?a=1');
  await maria.heading('Note 7');
  await maria.signOut();
  await maria.signInByEmail(email, '/notes/8');
  await maria.heading('Note 8');
  inOrder(steps(world, since), [
    'GET /_bmauth/register',
    'POST /_bmauth/register/options',
    'POST /_bmauth/register/verify',
    'GET /_bmauth/register/code',
    'POST /_bmauth/register/code',
    'POST /_bmauth/sign-out',
    'POST /_bmauth/sign-in/options',
    'POST /_bmauth/sign-in/verify',
  ]);
  // Signed in, it is at both, and the app was told so by both.
  for (const at of [ONE, OTHER, ONE, OTHER]) {
    world.balance.choose = () => at;
    const told = JSON.parse((await maria.send('/api/me')).text);
    assert.equal(told.email, email);
  }
  world.balance.choose = () => undefined;
  await mailbox.next(email);
  assert.deepEqual(mailbox.unread(email), [], 'a letter came twice');
});

scenario('every step of getting back in comes to the other gateway', async ({ enter, mailbox }) => {
  const maria = await enter();
  const email = address();
  await maria.register(email);
  const lost = await enter();
  await lost.goto('/_bmauth/recover');
  await lost.email.fill(email);
  await lost.page.locator('form .main').click();
  await lost.codeField.waitFor();
  await lost.enterCode(await mailbox.code(email));
  await lost.heading('Set up this device');
  await lost.device.touched(async () => {
    await lost.button('Create passkey').click();
    await lost.heading('Keep your account safe');
  });
  assert.equal((await maria.send('/api/me')).status, 401);
  assert.equal((await maria.send('/api/me')).status, 401, 'at the other gateway');
});

apart('a page that waits at one gateway goes on when the other approves', (request) => (isOfAPhone(request) ? OTHER : ONE), async ({ enter, world }) => {
  const phone = await enter(A_PHONE);
  await phone.register(address());
  const computer = await enter();
  // The page asks every few seconds, too, where it hears nothing: here it has to hear.
  const asked = [];
  await computer.page.route('**/_bmauth/link/state*', (route) => {
    asked.push(route.request().url());
    return route.abort();
  });
  await computer.goto('/notes/3');
  await computer.link('Use another device').click();
  await computer.heading("Use a device you're already signed in on");
  await computer.page.waitForLoadState();
  await computer.button('On a phone or tablet').click();
  await phone.bringCodeOf(computer, '/link');
  await computer.reads('Approve it on your other device.');
  const number = computer.page.locator('.number:visible').filter({ hasText: /^\d\d$/ });
  await phone.page.getByLabel('Type the number shown on that screen', { exact: true }).fill(await number.innerText());
  await phone.usePasskey('Approve with passkey', 'Approved');
  const approved = Date.now();
  await computer.heading('Set up this device');
  console.log(`the page at the other gateway went on after ${Date.now() - approved} ms; it asked ${asked.length} times in vain`);
  await computer.createPasskey('/notes/3');
  await computer.heading('Note 3');
  // Both gateways had their part.
  const parts = world.balance.taken.filter(({ path }) => path.startsWith('/_bmauth/link/')).map(({ path, at }) => `${path} ${at}`);
  for (const part of ['/_bmauth/link/events 0', '/_bmauth/link/approve 1', '/_bmauth/link/passkey/verify 0']) {
    assert.ok(parts.includes(part), `${part}: ${parts.join(', ')}`);
  }
});

apart('a passkey that is removed at one gateway ends its session and WebSocket at the other', (request) => (isOfAPhone(request) ? ONE : OTHER), async ({ enter, gateway, world }) => {
  const maria = await enter();
  const email = address();
  await maria.register(email);
  // Another passkey, which a phone takes along.
  await maria.goto('/_bmauth/devices');
  await maria.button('Add a passkey here').click();
  await maria.heading('Add a passkey here');
  await maria.device.touched(async () => {
    await maria.button('Confirm with a passkey').click();
    await maria.heading('Set up this device');
  });
  const carried = await maria.device.passkeys();
  await maria.device.forget();
  await maria.device.touched(async () => {
    await maria.button('Create passkey').click();
    await rows(maria).nth(1).waitFor();
  });
  await maria.signOut();
  await maria.signInByEmail(email);
  const phone = await enter({ ...A_PHONE, passkeys: carried });
  await phone.signInByEmail(email);
  const socket = await phone.openSocket();
  const [session] = world.balance.taken.filter(({ path }) => path === '/ws').slice(-1);
  assert.equal(session.at, ONE);

  await maria.goto('/_bmauth/devices');
  const lost = maria.page.locator(`[data-passkey="${urlSafe(carried[0].credentialId)}"]`);
  await lost.getByRole('button', { name: /^Remove/ }).click();
  await maria.heading('Remove this passkey?');
  await maria.usePasskey('Remove passkey', 'My devices');
  const removed = Date.now();
  await socket.ends();
  console.log(`the WebSocket at the other gateway closed after ${Date.now() - removed} ms`);
  await phone.goto('/');
  await phone.heading('Sign in');
  assert.equal((await maria.send('/api/me')).status, 200, 'the session of another passkey ended');
  assert.equal(await rows(maria).count(), 1);
  assert.match((await gateway.command('sessions', 'list', '--user', email)).stdout, new RegExp(email));
});
