// "Your apps": where people come who open the address of the sign-in pages, and those who sign in without a destination.
import assert from 'node:assert/strict';
import { look } from './harness/look.js';
import { address, openWorld } from './harness/world.js';

const scenario = openWorld({ root: 'wiki.localhost' });

const APPS = '/_bmauth/apps';
const rows = ({ page }) => page.locator('main li').allInnerTexts();

scenario('a person who signs in without a destination sees what there is to open, and gets back from elsewhere', async ({ enter, gateway }) => {
  const maria = await enter();
  const email = address();
  await maria.goto('/');
  await maria.heading('Sign in');
  await maria.link('Create an account').click();
  await maria.heading('Create your account');
  await maria.email.fill(email);
  await maria.device.touched(async () => {
    await maria.button('Continue').click();
    await maria.heading('Check your email');
  });
  await maria.enterCode(await maria.world.mailbox.code(email));
  await maria.at(APPS);
  await maria.heading('Your apps');
  await maria.reads(email);
  const { port } = gateway;
  const expected = [['Wiki', `http://wiki.localhost:${port}/`], ['Down', `http://localhost:${port}/down`]];
  const more = ['Optional', 'Public'].map((name) => [name, `http://localhost:${port}/${name.toLowerCase()}`]);
  assert.deepEqual((await rows(maria)).map((row) => row.split('\n')), [...expected, ...more]);
  await look(maria, 'apps');

  await maria.link('My devices').click();
  await maria.heading('My devices');
  await maria.link('Your apps').click();
  await maria.heading('Your apps');
  await maria.link('Public').click();
  await maria.at('/public');

  await maria.goto(APPS);
  await maria.link('Sign out').click();
  await maria.heading('Sign out?');
  await maria.link('Go back').click();
  await maria.at(APPS);
  await maria.signOut();
  await maria.goto('/');
  await maria.heading('Sign in');
  await maria.email.fill(email);
  await maria.device.touched(async () => {
    await maria.button('Continue').click();
    await maria.at(APPS);
  });
});
