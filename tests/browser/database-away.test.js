// Two gateways whose PostgreSQL is gone for a while: what people see of it, and that everything goes on afterwards.
import assert from 'node:assert/strict';
import { look } from './harness/look.js';
import { send } from './harness/loopback.js';
import { address, openWorld } from './harness/world.js';

// As long as all that is looked at takes, and no longer than the tests can wait.
const scenario = openWorld({ storage: 'grace = "15s"' });

const LIMIT_MS = 60_000;
const NOT_NOW = "Signing in isn't working right now";
const TRY_AGAIN = 'Try again in a moment. Nothing you did caused this.';
const GATEWAYS = [0, 1];

async function until(what, isSo) {
  const deadline = Date.now() + LIMIT_MS;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`not within ${LIMIT_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

scenario('people who are known go on while the database is away, others are told, and no session ends', async ({ enter, mailbox, world, gateway }) => {
  const { balance, database } = world;
  const at = (number) => (balance.choose = () => number);
  const status = async (visitor, path, number) => {
    at(number);
    return (await visitor.send(path)).status;
  };
  // Opens a page that is not there now, and says so.
  const isTold = async (visitor, path) => {
    const answer = await visitor.goto(path);
    assert.equal(answer.status(), 503, path);
    assert.match(answer.headers()['retry-after'], /^\d+$/);
    await visitor.heading(NOT_NOW);
    await visitor.reads(TRY_AGAIN);
  };

  // Maria is known to both gateways, Bob to one of them.
  const maria = await enter();
  await maria.register(address());
  for (const number of GATEWAYS) assert.equal(await status(maria, '/api/me', number), 200);
  const socket = await maria.openSocket();
  at(0);
  const bob = await enter();
  await bob.register(address('bob'));
  // Carol is about to enter a code, and an unknown visitor comes from a new device.
  const carol = await enter();
  const carols = address('carol');
  await carol.askToRegister(carols);
  const code = await mailbox.code(carols);
  const newcomer = await enter();
  await newcomer.goto('/');
  await newcomer.heading('Sign in');
  const [marias, bobs] = [(await maria.cookie()).value, (await bob.cookie()).value];

  await database.kill();

  // Within the grace.
  for (const number of GATEWAYS) {
    at(number);
    await maria.goto('/');
    await maria.heading(/^Hello/);
    const ready = await send(world.gateways[number].admin, '/readyz');
    assert.equal(ready.status, 200);
    assert.match(ready.text, /^degraded:/);
  }
  at(1);
  await isTold(bob, '/notes/7');
  await look(bob, 'away not known');
  await isTold(maria, '/_bmauth/devices');
  await newcomer.email.fill(address('unknown'));
  await newcomer.device.touched(async () => {
    await newcomer.button('Continue').click();
    await newcomer.alert.filter({ hasText: TRY_AGAIN }).waitFor();
  });
  await look(newcomer, 'away sign-in');
  await carol.enterCode(code);
  await carol.heading(NOT_NOW);
  await newcomer.goto('/_bmauth/recover');
  await newcomer.email.fill(address('unknown'));
  await newcomer.page.locator('form .main').click();
  await newcomer.heading(NOT_NOW);
  await newcomer.goto('/_bmauth/link/start');
  await newcomer.heading("Use a device you're already signed in on");
  await newcomer.page.waitForLoadState();
  await newcomer.button('On a phone or tablet').click();
  await newcomer.reads(TRY_AGAIN);
  await look(newcomer, 'away link');
  await isTold(bob, '/notes/7');

  // After it no session is known, and public routes go on.
  for (const number of GATEWAYS) {
    await until('no session is known any more', async () => (await status(maria, '/api/me', number)) === 503);
    assert.equal(await status(maria, '/optional', number), 503);
    assert.equal(await status(maria, '/public', number), 200);
    assert.equal((await send(world.gateways[number].admin, '/readyz')).status, 200);
  }
  await socket.ends();
  await isTold(maria, '/notes/7');
  await maria.goto('/public');
  assert.equal((await maria.cookie()).value, marias);

  await database.startAgain();

  for (const number of GATEWAYS) {
    await until('it is known again who is there', async () => (await status(maria, '/api/me', number)) === 200);
    assert.equal(await status(bob, '/api/me', number), 200);
    assert.doesNotMatch((await send(world.gateways[number].admin, '/readyz')).text, /degraded/);
  }
  balance.choose = () => undefined;
  assert.deepEqual([(await maria.cookie()).value, (await bob.cookie()).value], [marias, bobs]);
  await bob.link('Try again').click();
  await bob.heading('Note 7');
  await maria.goto('/_bmauth/devices');
  await maria.heading('My devices');
  // What was on its way goes on where it was.
  await carol.link('Try again').click();
  await carol.enterCode(code);
  await carol.heading(`Hello, ${carols}`);
  await newcomer.goto('/_bmauth/link/start');
  await newcomer.button('On a phone or tablet').click();
  await newcomer.shortCode.waitFor();
  assert.match(gateway.log, /the database cannot be reached/);
});
