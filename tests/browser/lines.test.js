// Lines that are slow, that repeat, that hold events back, and pages whose scripts do not come.
import assert from 'node:assert/strict';
import { A_PHONE, look, NARROWEST } from './harness/look.js';
import { address, openWorld } from './harness/world.js';

const open = openWorld({ line: {} });
const SLOW = { delay: 125 };
const MOMENT = 'One moment…';
const STUCK = /^Part of this page did not load/;

// A scenario on such a line.
const scenario = (line, name, run) =>
  open(name, async ({ world, ...given }) => {
    world.relay.line = {};
    await run({ world, ...given, on: () => (world.relay.line = line) });
  });

const otherThan = (code) => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

// Presses a button of the page, and again so many milliseconds later, as a thumb does that heard nothing.
const pressTwice = ({ page }, after, button = 'form .main') =>
  page.evaluate(([button, after]) => {
    const press = () => document.querySelector(button)?.click();
    press();
    setTimeout(press, after);
  }, [button, after]);

// The page's forms are sent as often as they are pressed.
const withoutForms = ({ page }) => page.route('**/forms.js', (route) => route.abort());

// Waits until the page's scripts are there.
const isAlive = ({ page }) => page.waitForFunction(() => !document.querySelector('.unscripted'));

// Sends nothing of the page's forms any more, and leaves them as their script has left them.
const holdForms = ({ page }) =>
  page.evaluate(() => {
    window.held = 0;
    window.hold = (event) => {
      if (!event.defaultPrevented) window.held += 1;
      event.preventDefault();
    };
    addEventListener('submit', window.hold);
  });

// Counts what is sent to `path`.
function sent({ page }, path) {
  const requests = [];
  page.on('request', (request) => {
    if (request.method() === 'POST' && new URL(request.url()).pathname === path) requests.push(request);
  });
  return requests;
}

async function sessions(gateway, email) {
  const { stdout } = await gateway.command('sessions', 'list', '--user', email, '--json');
  return JSON.parse(stdout).sessions;
}

for (const after of [0, 140, 300, 420]) {
  scenario(SLOW, `a code that is sent twice, ${after} ms apart, makes one account`, async ({ enter, gateway, mailbox, on }) => {
    const maria = await enter();
    const email = address();
    await withoutForms(maria);
    await maria.askToRegister(email, '/notes/7?a=1');
    await maria.codeField.fill(await mailbox.code(email));
    on();
    const posts = sent(maria, '/_bmauth/register/code');
    await pressTwice(maria, after);
    await maria.heading('Note 7');
    assert.equal(maria.page.url(), maria.whole('/notes/7?a=1'));
    assert.equal(posts.length, 2);
    assert.equal((await sessions(gateway, email)).length, 1);
    await mailbox.next(email);
    assert.deepEqual(mailbox.unread(email), [], 'a second welcome');
  });

  scenario(SLOW, `a recovery whose steps are sent twice, ${after} ms apart`, async ({ enter, mailbox, on }) => {
    const maria = await enter();
    const email = address();
    await maria.register(email);
    await mailbox.next(email);
    await maria.signOut();
    await maria.device.forget();
    await withoutForms(maria);
    await maria.goto('/_bmauth/recover?return_to=%2Fnotes%2F7');
    await maria.email.fill(email);
    on();
    await pressTwice(maria, after);
    await maria.heading('Check your email');
    const code = await mailbox.code(email);
    assert.deepEqual(mailbox.unread(email), [], 'a second letter');
    await maria.codeField.fill(otherThan(code));
    await pressTwice(maria, after);
    await maria.alert.filter({ hasText: '4 tries left' }).waitFor();
    await maria.codeField.fill(code);
    await pressTwice(maria, after);
    await maria.heading('Set up this device');
    await isAlive(maria);
    await maria.createPasskey('/_bmauth/recover/review?return_to=%2Fnotes%2F7');
  });

  scenario(SLOW, `signing out twice, ${after} ms apart`, async ({ enter, on }) => {
    const maria = await enter();
    await maria.register(address());
    await withoutForms(maria);
    await maria.goto('/_bmauth/sign-out');
    on();
    await pressTwice(maria, after);
    await maria.heading(/^You.re signed out$/);
    await maria.goto('/_bmauth/sign-in');
    await maria.heading('Sign in');
  });
}

scenario({ repeat: true }, 'a proxy that sends everything twice', async ({ enter, gateway, mailbox, on }) => {
  on();
  const maria = await enter();
  const email = address();
  await maria.askToRegister(email, '/notes/7');
  const code = await mailbox.code(email);
  await maria.enterCode(otherThan(code));
  await maria.alert.filter({ hasText: '4 tries left' }).waitFor();
  await maria.enterCode(code);
  await maria.at('/notes/7');
  await mailbox.next(email);
  await maria.signOut();
  await maria.signInByEmail(email);
  assert.equal((await sessions(gateway, email)).length, 1);
  // A new device beside it.
  const computer = await enter();
  await computer.goto('/notes/3');
  await computer.link('Use another device').click();
  await isAlive(computer);
  await computer.button('On a phone or tablet').click();
  await maria.bringCodeOf(computer);
  const number = maria.page.getByLabel('Type the number shown on that screen', { exact: true });
  const shown = await computer.page.locator('.number:visible').filter({ hasText: /^\d\d$/ }).innerText();
  await number.fill(String(((Number(shown) - 9) % 90) + 10));
  await maria.device.touched(async () => {
    await maria.button('Approve with passkey').click();
    await maria.alert.filter({ hasText: '2 tries left' }).waitFor();
  });
  await number.fill(shown);
  await maria.usePasskey('Approve with passkey', 'Approved');
  await computer.heading('Set up this device');
  await computer.createPasskey('/notes/3');
  assert.equal((await computer.device.passkeys()).length, 1);
  await mailbox.next(email);
  assert.deepEqual(mailbox.unread(email), [], 'a second notice');
});

scenario(SLOW, 'a code that is sent twice is sent once where scripts run', async ({ enter, mailbox, on }) => {
  const maria = await enter();
  const email = address();
  await maria.askToRegister(email);
  await maria.codeField.fill(await mailbox.code(email));
  on();
  const posts = sent(maria, '/_bmauth/register/code');
  await pressTwice(maria, 140);
  await maria.at('/');
  assert.equal(posts.length, 1);
});

scenario({}, 'a button that was pressed says so, and takes no second press', async ({ enter, mailbox }) => {
  const maria = await enter();
  const email = address();
  await maria.askToRegister(email);
  const code = await mailbox.code(email);
  await holdForms(maria);
  const button = maria.page.locator('form .main');
  const before = await button.boundingBox();
  await maria.codeField.fill(code);
  await maria.codeField.press('Enter');
  await maria.button(MOMENT).waitFor();
  // Enter, and a tap, and another form of the page.
  for (const other of [button, maria.button('Send a new code')]) await other.evaluate((element) => element.click());
  assert.equal(await maria.page.evaluate(() => window.held), 1);
  assert.equal(await button.getAttribute('aria-busy'), 'true');
  assert.deepEqual(await button.boundingBox(), before, 'the button moved');
  assert.equal(await maria.page.getByRole('status').filter({ hasText: MOMENT }).count(), 1);
  await look(maria, 'code sent');
});

scenario({}, 'a button whose answer is lost, or whose page comes back, can be pressed again', async ({ enter, mailbox }) => {
  const maria = await enter();
  const email = address();
  await maria.page.clock.install();
  await maria.askToRegister(email);
  await maria.codeField.fill(await mailbox.code(email));
  await holdForms(maria);
  await maria.button('Continue').click();
  await maria.button(MOMENT).waitFor();
  await maria.page.clock.runFor(10_000);
  await maria.button('Continue').click();
  await maria.button(MOMENT).waitFor();
  await maria.page.evaluate(() => {
    dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
    removeEventListener('submit', window.hold);
  });
  await maria.button('Continue').click();
  await maria.at('/');
});

scenario({}, 'a small button says that it is at work in its own place', async ({ enter }) => {
  const maria = await enter();
  await maria.register(address());
  await maria.goto('/_bmauth/devices');
  await isAlive(maria);
  await holdForms(maria);
  await maria.page.setViewportSize(NARROWEST);
  await maria.button(/^Sign out Chrome/).focus();
  await maria.page.keyboard.press('Enter');
  await maria.button(/^One moment… ?/).waitFor();
  await look(maria, 'devices at work');
});

scenario({ mute: true }, 'either side of a link goes on where events are held back after the first', async ({ enter, on }) => {
  const maria = await enter();
  await maria.register(address());
  on();
  const computer = await enter();
  await computer.goto('/notes/3');
  await computer.link('Use another device').click();
  await isAlive(computer);
  await computer.button('On a phone or tablet').click();
  await maria.bringCodeOf(computer);
  await computer.reads('Approve it on your other device.');
  const shown = await computer.page.locator('.number:visible').filter({ hasText: /^\d\d$/ }).innerText();
  await maria.page.getByLabel('Type the number shown on that screen', { exact: true }).fill(shown);
  await maria.usePasskey('Approve with passkey', 'Approved');
  await computer.heading('Set up this device');
  // The side that approves shows the code, and waits until it is scanned.
  await maria.goto('/_bmauth/link');
  await computer.shortCode.waitFor({ state: 'detached' });
  const offered = maria.shortCode;
  const typed = await offered.innerText();
  const phone = await enter(A_PHONE);
  await phone.goto('/_bmauth/link/start');
  await isAlive(phone);
  await phone.button('On a computer').click();
  await phone.page.getByLabel('Code', { exact: true }).fill(typed);
  await phone.button('Continue').click();
  await phone.heading('Add this device');
  await maria.heading('Is this you signing in?');
});

scenario({}, 'the minutes that are left go on by themselves', async ({ enter }) => {
  const computer = await enter();
  await computer.page.clock.install();
  await computer.goto('/_bmauth/link/start');
  await isAlive(computer);
  await computer.button('On a phone or tablet').click();
  await computer.reads('5 minutes left');
  await computer.page.route('**/link/state*', (route) => route.abort());
  await computer.page.clock.runFor(61_000);
  await computer.reads('4 minutes left');
  await computer.page.clock.runFor(240_000);
  await computer.heading('That took too long');
});

const PAGES = ['/_bmauth/sign-in', '/_bmauth/register', '/_bmauth/link/start', '/_bmauth/link#0123456789012345678901'];

for (const [which, pattern] of [['all scripts', '**/assets/**/*.js'], ['one script', '**/ask.js']]) {
  scenario({}, `a page says so where ${which} do not come, and is quiet before`, async ({ enter }) => {
    for (const reducedMotion of ['no-preference', 'reduce']) {
      const maria = await enter({ reducedMotion });
      await maria.page.route(pattern, (route) => route.abort());
      await Promise.all(PAGES.map(async (path) => {
        const page = await maria.context.newPage();
        await page.route(pattern, (route) => route.abort());
        await page.goto(maria.whole(path));
        // A copy begins to wait when it is put there, so it is looked at before that can be over.
        const waiting = await page.locator('.unscripted').first().evaluate((notice) => {
          const copy = notice.cloneNode(true);
          notice.after(copy);
          const { visibility } = getComputedStyle(copy);
          const { height } = copy.getBoundingClientRect();
          copy.remove();
          return { visibility, height };
        });
        assert.deepEqual(waiting, { visibility: 'hidden', height: 0 }, path);
        await page.getByRole('alert').filter({ hasText: STUCK }).waitFor();
      }));
      if (reducedMotion === 'reduce') continue;
      await maria.goto('/_bmauth/sign-in');
      await maria.alert.filter({ hasText: STUCK }).waitFor();
      await look(maria, `sign-in without ${which}`);
      await maria.goto('/_bmauth/register');
      await maria.alert.filter({ hasText: STUCK }).waitFor();
      await look(maria, `register without ${which}`);
    }
  });
}

scenario({}, 'pages for the signed-in say so, too, and lead on where they can', async ({ enter }) => {
  const maria = await enter();
  await maria.register(address());
  await maria.page.route('**/assets/**/*.js', (route) => route.abort());
  await maria.goto('/_bmauth/faster?return_to=%2Fnotes%2F7');
  await maria.alert.filter({ hasText: STUCK }).waitFor();
  await look(maria, 'faster without scripts');
  await maria.link('Continue').click();
  await maria.heading('Note 7');
  await maria.goto('/_bmauth/devices');
  await maria.alert.filter({ hasText: STUCK }).waitFor();
  await look(maria, 'devices without scripts');
  // What needs none works.
  await maria.button(/^Sign out Chrome/).click();
  await maria.heading(/^You.re signed out$/);
});

scenario({}, 'scripts that an old browser cannot read, and a browser without any', async ({ enter }) => {
  const old = await enter();
  await old.page.route('**/card.js', (route) => route.fulfill({ contentType: 'text/javascript', body: 'let x = @;' }));
  await old.goto('/_bmauth/sign-in');
  await old.alert.filter({ hasText: STUCK }).waitFor();
  assert.equal(old.troubles.length, 1);
  old.troubles.length = 0;
  const none = await enter({ javaScriptEnabled: false });
  await none.goto('/_bmauth/sign-in');
  assert.ok(await none.page.locator('.unscripted').isVisible());
});

scenario({}, 'where scripts come nothing says that they do not', async ({ enter }) => {
  const maria = await enter();
  await maria.register(address());
  const newcomer = await enter();
  const pages = [...PAGES.map((path) => [newcomer, path]), [maria, '/_bmauth/devices'], [maria, '/_bmauth/link']];
  for (const [visitor, path] of pages) {
    await visitor.goto(path);
    await isAlive(visitor);
  }
});
