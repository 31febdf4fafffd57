// The operator's commands beside the running gateway, and how soon people feel them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { after } from 'node:test';
import { look } from './harness/look.js';
import { address, openWorld } from './harness/world.js';

// An app for some people only.
const staffRoom = http.createServer((_, answer) => {
  answer.setHeader('Content-Type', 'text/html; charset=utf-8');
  answer.end('<!doctype html><html lang="en"><title>Staff room</title><h1>Staff room</h1>');
});
staffRoom.listen(0, '127.0.0.1');
await once(staffRoom, 'listening');
after(() => staffRoom.close());

const scenario = openWorld({
  routes: `[[route]]\npath = "/staff"\ngroups = ["staff"]\nupstream = ["http://127.0.0.1:${staffRoom.address().port}"]`,
});

// What a command says, which must work.
async function told(gateway, ...args) {
  const { code, stdout, stderr } = await gateway.command(...args);
  assert.equal(code, 0, `bmauth ${args.join(' ')}: ${stderr}`);
  return stdout;
}

const json = async (gateway, ...args) => JSON.parse(await told(gateway, ...args, '--json'));

scenario('accounts are listed and shown', async ({ enter, gateway }) => {
  const [maria, jonas] = [await enter(), await enter()];
  const [one, two] = [address(), address('jonas')];
  await maria.register(one);
  await jonas.register(two);
  const list = await told(gateway, 'users', 'list');
  assert.match(list, new RegExp(`^${one} +active`, 'm'));
  assert.match(list, new RegExp(`^${two} +active`, 'm'));
  const { users } = await json(gateway, 'users', 'list');
  assert.ok(users.some(({ email }) => email === one));

  const shown = await told(gateway, 'users', 'show', one);
  assert.match(shown, /Passkeys[\s\S]*Signed in[\s\S]*Chrome on Linux[\s\S]*127\.0\.0\.1[\s\S]*Lately/);
  const { sub, sid } = JSON.parse((await maria.send('/api/me')).text);
  const { user, passkeys, sessions } = await json(gateway, 'users', 'show', sub);
  assert.deepEqual(sessions.map(({ sids }) => sids), [[sid]]);
  assert.deepEqual([user.email, user.id, passkeys.length, sessions.map(({ id }) => id)], [one, sub, 1, [sid]]);
  const { value } = await maria.cookie();
  assert.ok(!shown.includes(value) && !JSON.stringify(sessions).includes(value), 'the secret of a session is shown');
});

scenario('a disabled account ends at the next request, and can be enabled again', async ({ enter, gateway }) => {
  const maria = await enter();
  const email = address();
  await maria.register(email);
  const socket = await maria.openSocket();
  const asked = await gateway.command('users', 'disable', email);
  assert.equal(asked.code, 2, 'no one was asked, and it was done');
  assert.match(asked.stderr, /--yes/);
  assert.equal((await maria.send('/api/me')).status, 200);

  assert.match(await told(gateway, 'users', 'disable', email, '--yes'), /is disabled; 1 session ended/);
  assert.equal((await maria.send('/api/me')).status, 401);
  await socket.ends();
  await maria.goto('/');
  await maria.email.fill(email);
  await maria.device.touched(async () => {
    await maria.button('Continue').click();
    await maria.alert.filter({ hasText: 'This account is switched off.' }).waitFor();
  });
  assert.match(await told(gateway, 'users', 'list'), new RegExp(`^${email} +disabled`, 'm'));

  assert.match(await told(gateway, 'users', 'enable', email), /can sign in/);
  await maria.signInByEmail(email);
});

scenario('a removed account is gone, and its address can be registered anew', async ({ enter, gateway }) => {
  const maria = await enter();
  const email = address();
  await maria.register(email);
  const before = JSON.parse((await maria.send('/api/me')).text).sub;
  assert.match(await told(gateway, 'users', 'remove', email, '--yes'), /is removed/);
  assert.equal((await maria.send('/api/me')).status, 401);
  const unknown = await gateway.command('users', 'show', email);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /\S/);
  await maria.device.forget();
  await maria.world.mailbox.next(email, ({ subject }) => /^Welcome/.test(subject));
  await maria.register(email);
  assert.notEqual(JSON.parse((await maria.send('/api/me')).text).sub, before);
});

scenario('sessions are listed and ended, one or all of an account', async ({ enter, gateway }) => {
  const maria = await enter();
  const email = address();
  await maria.register(email);
  const other = await enter({ passkeys: await maria.device.passkeys() });
  await other.signInByEmail(email);
  const socket = await other.openSocket();
  const { sid } = JSON.parse((await other.send('/api/me')).text);
  const { sessions } = await json(gateway, 'sessions', 'list', '--user', email);
  assert.equal(sessions.length, 2);
  assert.match(await told(gateway, 'sessions', 'list'), new RegExp(`${email}.*${sid}`));

  assert.match(await told(gateway, 'sessions', 'end', sid), new RegExp(`^${email} is signed out`));
  assert.equal((await other.send('/api/me')).status, 401);
  await socket.ends();
  assert.equal((await maria.send('/api/me')).status, 200);
  assert.equal((await gateway.command('sessions', 'end', sid)).code, 1);

  await told(gateway, 'sessions', 'end', '--user', email);
  assert.equal((await maria.send('/api/me')).status, 401);
});

scenario('without a running gateway a command says so', async ({ gateway }) => {
  await gateway.child.stop();
  const { code, stderr } = await gateway.command('users', 'list');
  assert.equal(code, 1);
  assert.match(stderr, /running/);
  await gateway.run();
});

scenario('a page for a group opens for who is in it, from one request to the next', async ({ enter, gateway }) => {
  const maria = await enter();
  const email = address();
  await maria.register(email);
  await maria.goto('/staff');
  await maria.heading('You don\'t have access');
  await maria.reads(email);
  await look(maria, 'no-access');
  assert.equal((await maria.send('/staff')).status, 403);

  assert.match(await told(gateway, 'users', 'groups', email, '--add', 'staff,night'), /is in staff, night\./);
  await maria.goto('/staff');
  await maria.heading('Staff room');
  assert.deepEqual(JSON.parse((await maria.send('/api/me')).text).groups, ['staff', 'night']);

  assert.match(await told(gateway, 'users', 'groups', email, '--remove', 'staff'), /is in night\./);
  assert.equal((await maria.send('/staff')).status, 403);
  assert.equal((await maria.send('/')).status, 200);
});
