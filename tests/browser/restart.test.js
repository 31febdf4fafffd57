// What was acknowledged is there after `kill -9`, and what was used stays used.
import assert from 'node:assert/strict';
import { address, openWorld } from './harness/world.js';

const scenario = openWorld();

scenario('account, session and used codes outlive a crash', async ({ enter, gateway, mailbox }) => {
  const maria = await enter();
  const email = address();
  await maria.askToRegister(email);
  const code = await mailbox.code(email);
  // An attacker who has all that this browser had before the code was used, and the form still open.
  const replayer = await enter();
  await replayer.context.addCookies(await maria.context.cookies());
  await replayer.page.goto(maria.page.url());
  await replayer.codeField.waitFor();
  await maria.enterCode(code);
  await maria.at('/');
  const { sub, sid } = JSON.parse((await maria.send('/api/me')).text);

  await gateway.crashAndRun();

  // The session goes on, and the app still verifies the token: the signing key is the same or newly published.
  await maria.goto('/');
  await maria.heading(`Hello, ${email}`);
  const after = JSON.parse((await maria.send('/api/me')).text);
  assert.deepEqual({ sub: after.sub, sid: after.sid }, { sub, sid });

  const answered = replayer.page.waitForResponse((response) => response.request().method() === 'POST');
  await replayer.enterCode(code);
  assert.ok((await answered).status() >= 400);
  assert.equal(await replayer.cookie(), undefined);
  assert.equal((await replayer.send('/api/me')).status, 401);

  await maria.signOut();
  await gateway.crashAndRun();
  await maria.goto('/');
  await maria.heading('Sign in');
  await maria.signInByEmail(email);
  await maria.heading(`Hello, ${email}`);
  assert.equal(JSON.parse((await maria.send('/api/me')).text).sub, sub);
});

scenario('a registration that waits for its code can be finished after a crash', async ({ enter, gateway, mailbox }) => {
  const maria = await enter();
  const email = address();
  await maria.askToRegister(email);
  const code = await mailbox.code(email);
  await gateway.crashAndRun();
  await maria.enterCode(code);
  await maria.at('/');
  await maria.heading(`Hello, ${email}`);
});

scenario('a session that was signed out stays signed out after a crash', async ({ enter, gateway }) => {
  const maria = await enter();
  await maria.register(address());
  const kept = await maria.context.cookies();
  await maria.signOut();
  await gateway.crashAndRun();
  await maria.context.addCookies(kept);
  assert.equal((await maria.send('/api/me')).status, 401);
});
