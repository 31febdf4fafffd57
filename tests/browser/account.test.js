// "My account": name and language, another address and its undoing, one's data as a file, and the end.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { look } from './harness/look.js';
import { address, openWorld } from './harness/world.js';

const scenario = openWorld();

const PAGE = '/_bmauth/account';
const CONFIRM = 'Confirm with a passkey';

async function atAccount(visitor) {
  await visitor.goto(PAGE);
  await visitor.heading('My account');
}

async function entered(enter, options) {
  const visitor = await enter(options);
  const email = address();
  await visitor.register(email);
  await atAccount(visitor);
  return { visitor, email };
}

// From the page to the code page of the new address.
async function askFor(visitor, email) {
  await visitor.button('Change address').click();
  await visitor.heading('Change your email address');
  await visitor.page.getByLabel('New email address').fill(email);
  await visitor.device.touched(async () => {
    await visitor.button(CONFIRM).click();
    await visitor.heading('Check your email');
  });
}

scenario('a name and a language are kept without a script, and the browser is told the name', async ({ enter }) => {
  const { visitor: maria, email } = await entered(enter);
  await look(maria, 'account');
  await maria.page.addInitScript(() => {
    window.told = [];
    PublicKeyCredential.signalCurrentUserDetails = async (details) => void window.told.push(details);
  });
  await maria.page.getByLabel('Name', { exact: true }).fill('Maria Muster');
  // By the keyboard alone.
  await maria.page.keyboard.press('Tab');
  await maria.page.keyboard.press('Tab');
  await maria.page.keyboard.press('Enter');
  await maria.reads('Saved.');
  await look(maria, 'account saved');
  const told = await (await maria.page.waitForFunction(() => window.told[0])).jsonValue();
  assert.deepEqual([told.name, told.displayName, told.rpId], [email, 'Maria Muster', 'localhost']);

  const plain = await enter({ javaScriptEnabled: false, context: undefined });
  await plain.context.addCookies(await maria.context.cookies());
  await plain.goto(PAGE);
  await plain.page.getByLabel('Language').first().selectOption('de');
  await plain.button('Save').click();
  await plain.heading('Mein Konto');
  await plain.reads('Gespeichert.');
  await plain.leave();
  await maria.goto(`${PAGE}?lang=de`);
  await look(maria, 'account german');
});

scenario('an address is changed by a code to the new one, and undone by the link to the old one', async ({ enter, mailbox }) => {
  const { visitor: maria, email } = await entered(enter);
  const next = address();
  await maria.button('Change address').click();
  await maria.heading('Change your email address');
  await look(maria, 'account change');
  await maria.page.getByLabel('New email address').fill('nowhere');
  await maria.button(CONFIRM).click();
  await maria.reads('Enter an email address, like maria@example.com.');
  await maria.page.getByLabel('New email address').fill(email);
  await maria.button(CONFIRM).click();
  await maria.reads('That is the address of this account already.');
  await maria.page.getByLabel('New email address').fill(next);
  await maria.decline(CONFIRM);
  await maria.reads('Nothing was changed.');
  await maria.button('Cancel').click();
  await maria.heading('My account');
  await askFor(maria, next);
  await look(maria, 'account address code');
  await atAccount(maria);
  await look(maria, 'account asked');
  await maria.link('Enter the code').click();
  await maria.enterCode(await mailbox.code(next));
  await maria.reads('Your address is changed.');
  await maria.reads(`It was ${email} before.`);
  await look(maria, 'account changed');
  assert.equal(await maria.button('Change address').count(), 0);
  assert.equal(await maria.button('Delete my account').count(), 0);

  const letter = await mailbox.next(email, ({ subject }) => /was changed/.test(subject));
  const [link] = /http\S+undo#\S+/.exec(letter.text);
  const owner = await enter();
  await owner.goto(link);
  await owner.heading('Undo the new address?');
  assert.equal(new URL(owner.page.url()).hash, '', 'what the link says is out of the address bar');
  await look(owner, 'account undo');
  await owner.button('Undo the change').click();
  await owner.heading('Your earlier address is back');
  await look(owner, 'account undone');
  await maria.goto(PAGE);
  await maria.heading('Sign in');
  // As from the mail again: otherwise only the fragment would change.
  await owner.goto('/_bmauth/signed-out');
  await owner.goto(link);
  await owner.button('Undo the change').click();
  await owner.heading("There's nothing to undo");
  await look(owner, 'account undo gone');
});

scenario('what is kept comes as a file, once a passkey was used for it', async ({ enter }) => {
  const { visitor: maria, email } = await entered(enter);
  await maria.button('Download my data').click();
  await maria.heading('Download my data');
  await look(maria, 'account download');
  await maria.decline(CONFIRM);
  await maria.reads('Nothing was changed.');
  const [download] = await Promise.all([
    maria.page.waitForEvent('download'),
    maria.device.touched(async () => {
      await maria.button(CONFIRM).click();
      await maria.heading('My account');
    }),
  ]);
  assert.equal(download.suggestedFilename(), 'account.json');
  const data = JSON.parse(await readFile(await download.path(), 'utf8'));
  assert.equal(data.account.email, email);
  assert.deepEqual([data.passkeys.length, data.sessions.length, data.activity[0].what], [1, 1, 'registered']);
  await maria.reads('Your browser has the file now.');
  await look(maria, 'account downloaded');
});

scenario('an account is deleted with the address typed, and its browser knows nothing more of it', async ({ enter, mailbox }) => {
  const { visitor: maria, email } = await entered(enter);
  await maria.button('Delete my account').click();
  await maria.heading('Delete your account?');
  await look(maria, 'account delete');
  const typed = maria.page.getByLabel('Type your email address');
  await typed.fill(address());
  await maria.button('Delete my account').click();
  await maria.reads('That is not the email address of this account.');
  await look(maria, 'account delete mismatch');
  await typed.fill(email);
  await maria.device.touched(async () => {
    await maria.button('Delete my account').click();
    await maria.heading('Your account is deleted');
  });
  await look(maria, 'account deleted');
  await mailbox.next(email, ({ subject }) => /was deleted/.test(subject));
  const names = (await maria.context.cookies()).map(({ name }) => name);
  assert.ok(!names.some((name) => /bmauth$|device$/.test(name)), names.join());
  await maria.goto('/');
  await maria.heading('Sign in');
});
