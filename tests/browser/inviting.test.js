// New accounts by invitation, as those see it who were added and those who were not: the same pages, another letter.
import assert from 'node:assert/strict';
import { look } from './harness/look.js';
import { address, openWorld } from './harness/world.js';

const scenario = openWorld();

scenario('whoever was added makes an account, and nobody else sees that they were not', async ({ enter, gateway, mailbox }) => {
  await gateway.runWith('registration = "invite"');
  const [ann, bob] = [address(), address()];
  const { code, stderr } = await gateway.command('users', 'add', ann, '--group', 'staff');
  assert.equal(code, 0, stderr);

  const stranger = await enter();
  await stranger.goto('/_bmauth/register');
  await stranger.reads('New accounts are by invitation.');
  await look(stranger, 'register by invitation');
  await stranger.askToRegister(bob);
  await stranger.reads('If this address may have an account, the mail has a 6-digit code.');
  await look(stranger, 'code by invitation');
  const letter = await mailbox.next(bob);
  assert.equal(letter.subject, 'New accounts with Acme Notes are by invitation');
  assert.doesNotMatch(letter.text + letter.html, /\b\d{3}\s?\d{3} is your/, 'the letter carries a code');
  await stranger.enterCode('123456');
  await stranger.alert.filter({ hasText: 'That code is not right.' }).waitFor();
  assert.equal(await stranger.cookie(), undefined);

  const invited = await enter();
  await invited.askToRegister(ann);
  const shown = async (visitor, own) => (await visitor.page.locator('main').innerText()).replaceAll(own, '…');
  await stranger.goto('/_bmauth/register/code');
  assert.equal(await shown(invited, ann), await shown(stranger, bob));
  await invited.enterCode(await mailbox.code(ann));
  await invited.at('/');
  const { groups } = JSON.parse((await invited.send('/api/me')).text);
  assert.deepEqual(groups, ['staff']);
});
