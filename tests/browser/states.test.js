// States of pages that take more than a visit to come to: another network, too much at once, a line that is gone.
import { LANGUAGES, says } from './harness/languages.js';
import { DESKTOP, A_PHONE, look } from './harness/look.js';
import { address, openWorld } from './harness/world.js';

// What stands in front names the visitor's network, as a proxy would.
const scenario = openWorld({ server: 'trusted_proxies = ["127.0.0.1/32"]' });
const from = (network) => ({ extraHTTPHeaders: { 'X-Forwarded-For': network } });

const NETWORK = '203.0.113.99';

async function found(enter, there) {
  const phone = await enter({ ...A_PHONE, ...from('203.0.113.7') });
  await phone.register(address());
  const computer = await enter({ viewport: DESKTOP, ...from(there) });
  await computer.goto('/_bmauth/link/start');
  await computer.button('On a phone or tablet').click();
  await phone.bringCodeOf(computer, '/link');
  return phone;
}

scenario('the approver is told where the new device is at another network address', async ({ enter }) => {
  const phone = await found(enter, '198.51.100.9');
  await phone.reads('At another network address');
  await phone.reads('We see it at another network address than this device.');
  await look(phone, 'approve another network');
});

scenario('the approver is told where the new device is at the same network address', async ({ enter }) => {
  const phone = await found(enter, '203.0.113.7');
  await phone.reads('Seems to be in the same network');
  await look(phone, 'approve same network');
});

scenario('a visitor who sends too much is told how long to wait, in their language', async ({ enter }) => {
  const maria = await enter({ viewport: DESKTOP, ...from(NETWORK) });
  // Another client behind the same address has used up what it may send in the very moment that the form is sent.
  const refused = async () => {
    const headers = ['X-Forwarded-For', NETWORK, 'Accept', 'text/html'];
    for (let sent = 0; sent < 5000; sent += 8) {
      const send = () => maria.send('/_bmauth/recover', { method: 'POST', headers });
      const answers = await Promise.all(Array.from({ length: 8 }, send));
      const last = answers.find(({ status }) => status === 429);
      if (last) return last;
    }
    throw new Error('nothing limits a network');
  };
  await maria.page.route('**/_bmauth/recover', async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    const { status, headers, text } = await refused();
    return route.fulfill({ status, headers, body: text });
  });
  for (const language of LANGUAGES) {
    await maria.goto(`/_bmauth/recover?lang=${language}`);
    await maria.page.locator('input[name="email"]').fill(address());
    await maria.page.locator('form .main').click();
    await maria.heading(says(language, 'error-too-many-heading'));
    await look(maria, `too many tries ${language}`);
  }
});

scenario('a new code too soon, and a code that was tried too often', async ({ enter, mailbox }) => {
  const maria = await enter({ viewport: DESKTOP });
  const email = address();
  await maria.askToRegister(email);
  const code = await mailbox.code(email);
  await maria.button('Send a new code').click();
  await maria.reads(/You can ask for another code in \d+ seconds?/);
  await look(maria, 'code too soon');
  for (let tries = 0; tries < 5; tries += 1) {
    await maria.enterCode(code === '000000' ? '000001' : '000000');
    await maria.alert.filter({ hasText: /\S/ }).waitFor();
  }
  await maria.reads('tried too many times');
  await look(maria, 'code spent');
});

scenario('where the line is gone the page says so, and works again when it is back', async ({ enter }) => {
  const maria = await enter({ viewport: DESKTOP });
  await maria.goto('/_bmauth/register');
  await maria.email.fill(address());
  await maria.context.setOffline(true);
  await maria.button('Continue').click();
  await maria.alert.filter({ hasText: /^We can't reach Acme Notes/ }).waitFor();
  await look(maria, 'register offline');
  await maria.context.setOffline(false);
  await maria.device.touched(async () => {
    await maria.button('Continue').click();
    await maria.heading('Check your email');
  });
});

for (const part of ['hand-in', 'answers']) {
  scenario(`a part of the script that does not come (${part}) is a line that is gone`, async ({ enter }) => {
    const maria = await enter();
    await maria.page.route(`**/${part}.js`, (route) => route.abort());
    await maria.goto('/_bmauth/register');
    await maria.email.fill(address());
    await maria.button('Continue').click();
    await maria.alert.filter({ hasText: /^We can't reach Acme Notes/ }).waitFor();
    await maria.page.unroute(`**/${part}.js`);
    await maria.device.touched(async () => {
      await maria.button('Continue').click();
      await maria.heading('Check your email');
    });
  });
}

scenario('a device whose link waits says when it cannot ask, and goes on when it can', async ({ enter }) => {
  const computer = await enter({ viewport: DESKTOP });
  await computer.goto('/_bmauth/link/start');
  await computer.button('On a phone or tablet').click();
  await computer.shortCode.waitFor();
  await computer.context.setOffline(true);
  await computer.page.evaluate(() => dispatchEvent(new Event('online')));
  await computer.reads(/^We can't reach Acme Notes/);
  await look(computer, 'link-start offline');
  await computer.context.setOffline(false);
  await computer.page.getByText(/^We can't reach Acme Notes/).waitFor({ state: 'hidden' });
});
