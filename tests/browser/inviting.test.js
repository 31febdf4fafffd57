// New accounts by invitation, as those see it who were added and those who were not: the same pages, another letter.
import assert from 'node:assert/strict';
import { look } from './harness/look.js';
import { address, openWorld } from './harness/world.js';

const scenario = openWorld();

scenario('a person who was added makes an account, and no other sees that they were not', async ({ enter, gateway, mailbox }) => {
  await gateway.runWith('registration = "invite"');
  const [ann, bob] = [address(), address()];
  const { code, stderr } = await gateway.command('users', 'add', ann, '--group', 'staff');
  assert.equal(code, 0, stderr);

  const newcomer = await enter();
  await newcomer.goto('/_bmauth/register');
  await newcomer.reads('New accounts are by invitation.');
  await look(newcomer, 'register by invitation');
  await newcomer.askToRegister(bob);
  await newcomer.reads('If this address may have an account, the mail has a 6-digit code.');
  await look(newcomer, 'code by invitation');
  const letter = await mailbox.next(bob);
  assert.equal(letter.subject, 'New accounts with Acme Notes are by invitation');
  assert.doesNotMatch(letter.text + letter.html, /\b\d{3}\s?\d{3} is your/, 'the letter carries a code');
  await newcomer.enterCode('123456');
  await newcomer.alert.filter({ hasText: 'That code is not right.' }).waitFor();
  assert.equal(await newcomer.cookie(), undefined);

  const invited = await enter();
  await invited.askToRegister(ann);
  const shown = async (visitor, own) => (await visitor.page.locator('main').innerText()).replaceAll(own, '…');
  await newcomer.goto('/_bmauth/register/code');
  assert.equal(await shown(invited, ann), await shown(newcomer, bob));
  await invited.enterCode(await mailbox.code(ann));
  await invited.at('/');
  const { groups } = JSON.parse((await invited.send('/api/me')).text);
  assert.deepEqual(groups, ['staff']);
});
