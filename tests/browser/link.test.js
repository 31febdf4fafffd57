// A new device beside one that has a passkey: scanned, filmed or typed, in either direction, and all others left out.
import assert from 'node:assert/strict';
import path from 'node:path';
import { A_PHONE, look } from './harness/look.js';
import { addressIn, film, filmForeign } from './harness/picture.js';
import { address, launch, openWorld } from './harness/world.js';

const scenario = openWorld();

const START = 'Use a device you\'re already signed in on';
const ASKED = 'Is this you signing in?';
const SET_UP = 'Set up this device';

// The computer of a person without a passkey on it, on the way to `wanted`: it shows its code.
async function newComputer(enter, wanted = '/') {
  const computer = await enter();
  await computer.goto(wanted);
  await computer.link('Use another device').click();
  await computer.heading(START);
  await computer.page.waitForLoadState();
  await computer.button('On a phone or tablet').click();
  await shown(computer);
  return computer;
}

// Waits for a page's code: the address in its picture, and the short one to type.
async function shown({ page }) {
  const short = page.locator('.short');
  await short.filter({ hasText: /^[0-9A-Z]{4}-[0-9A-Z]{4}$/ }).waitFor();
  return { url: await addressIn(page), typed: await short.innerText() };
}

// The number that the waiting screen shows.
async function numberOn({ page }) {
  const number = page.locator('.number:visible').filter({ hasText: /^\d\d$/ });
  await number.waitFor();
  return number.innerText();
}

const otherThan = (number) => String(((Number(number) - 10 + 1) % 90) + 10);
const numberField = ({ page }) => page.getByLabel('Type the number shown on that screen', { exact: true });
const codeField = ({ page }) => page.getByLabel('Code', { exact: true });

async function approve(visitor, number) {
  await numberField(visitor).fill(number);
  await visitor.usePasskey('Approve with passkey', 'Approved');
}

async function typeCode(visitor, code) {
  await codeField(visitor).fill(code);
  await visitor.button('Continue').click();
}

// The signed-in computer of a new account, showing its code.
async function offering(enter, email = address()) {
  const computer = await enter();
  await computer.register(email);
  await computer.goto('/link');
  await computer.at('/_bmauth/link');
  await computer.heading('Connect a device');
  return computer;
}

scenario('a phone that is signed in nowhere lets a new computer in', async ({ enter, mailbox, origin }) => {
  const email = address();
  const phone = await enter(A_PHONE);
  await phone.register(email);
  await phone.signOut();
  const computer = await newComputer(enter, '/notes/7?from=link');
  const { url } = await shown(computer);
  const number = await numberOn(computer);
  await look(computer, 'link-start');
  assert.match(url, new RegExp(`^${origin}/_bmauth/link#[\\w-]{22,}$`));

  await phone.page.goto(url);
  await phone.heading(ASKED);
  assert.equal(new URL(phone.page.url()).hash, '', 'the code stays in the address');
  const asked = await phone.page.locator('main').innerText();
  assert.match(asked, /Chrome on Linux/);
  assert.doesNotMatch(asked, /network/, 'nothing can be known of a loopback address');
  assert.match(asked, /just now/);
  assert.doesNotMatch(asked, new RegExp(`\\b${number}\\b`), 'the number is told to the side that has to type it');
  assert.doesNotMatch(asked, new RegExp(email), 'an address is told to a visitor who is not signed in');
  await look(phone, 'approve');
  await computer.reads('Approve it on your other device.');
  await look(computer, 'link-start found');
  await approve(phone, number);
  await look(phone, 'approved');
  assert.equal(await phone.cookie(), undefined, 'approving signed the phone in');

  await computer.heading(SET_UP);
  await look(computer, 'set-up');
  assert.equal(await computer.cookie(), undefined, 'a session before the passkey');
  await computer.createPasskey('/notes/7?from=link');
  await computer.heading('Note 7');
  assert.equal((await computer.device.passkeys()).length, 1);

  const letter = await mailbox.next(email, ({ subject }) => /^A passkey was added/.test(subject));
  assert.match(letter.text, new RegExp(`${origin}/_bmauth/devices`), 'no way to undo it');
  await computer.signOut();
  await computer.signInByEmail(email);
  await computer.heading(`Hello, ${email}`);
});

scenario('a phone that is signed in types the code of a new computer, and sees its account', async ({ enter }) => {
  const email = address();
  const phone = await enter(A_PHONE);
  await phone.register(email);
  const computer = await newComputer(enter);
  const { typed } = await shown(computer);
  await phone.goto('/link');
  await phone.heading('Connect a device');
  await typeCode(phone, ` ${typed.replace('-', ' ').toLowerCase()} `);
  await phone.heading(ASKED);
  await phone.reads(email);
  await approve(phone, await numberOn(computer));
  await computer.heading(SET_UP);
  await computer.createPasskey('/');
  await computer.heading(`Hello, ${email}`);
  assert.equal((await phone.send('/api/me')).status, 200, 'the phone lost its own session');
});

scenario('a new phone films the code of a signed-in computer', async ({ enter, gateway }) => {
  const email = address();
  const computer = await offering(enter, email);
  const { url } = await shown(computer);
  await look(computer, 'connect-a-device');
  const file = path.join(gateway.directory, 'camera.y4m');
  await film(computer.page, file);
  const browser = await launch({ film: file });
  try {
    const phone = await enter({ ...A_PHONE, browser });
    const sent = [];
    phone.page.on('request', (request) => sent.push([request.url(), request.postData()]));
    await phone.goto('/notes/3');
    await phone.link('Use another device').click();
    await phone.heading(START);
    await phone.page.waitForLoadState();
    await look(phone, 'link-start where');
    await phone.button('On a computer').click();
    await phone.reads(`go to ${new URL(phone.world.origin).host}/link on your already-registered computer`);
    await look(phone, 'link-start phone');
    await phone.button('Scan the code it shows').click();
    await phone.heading('Add this device');
    const [, code] = url.split('#');
    assert.deepEqual(sent.filter(([, body]) => body?.includes(code)).map(([to]) => new URL(to).pathname), ['/_bmauth/link/find']);
    const number = await numberOn(phone);
    await look(phone, 'add-this-device');

    await computer.heading(ASKED);
    await computer.reads(email);
    await computer.reads('Chrome on Android');
    await approve(computer, number);
    await phone.heading(SET_UP);
    await phone.createPasskey('/notes/3');
    await phone.heading('Note 3');
  } finally {
    await browser.close();
  }
});

scenario('a code of another site is neither followed nor sent', async ({ enter, gateway }) => {
  const file = path.join(gateway.directory, 'foreign.y4m');
  await filmForeign(file);
  const browser = await launch({ film: file });
  try {
    const phone = await enter({ ...A_PHONE, browser });
    await phone.goto('/_bmauth/link/start');
    const sent = [];
    phone.page.on('request', (request) => sent.push(request.method()));
    await phone.page.waitForLoadState();
    await phone.button('On a computer').click();
    await phone.button('Scan the code it shows').click();
    await phone.reads('That is another code. Scan the one that Acme Notes shows.');
    await look(phone, 'link-start scanning');
    await phone.button('Cancel').click();
    await phone.button('Scan the code it shows').waitFor();
    assert.ok(!sent.includes('POST'), 'what was read was sent');
  } finally {
    await browser.close();
  }
});

scenario('a new phone without a camera types the code of a signed-in computer', async ({ enter }) => {
  const email = address();
  const computer = await offering(enter, email);
  const { typed } = await shown(computer);
  const phone = await enter(A_PHONE);
  await phone.goto('/');
  await phone.link('Use another device').click();
  // The button does nothing before the page's script has run.
  await phone.page.waitForLoadState();
  await phone.button('On a computer').click();
  await phone.button('Scan the code it shows').click();
  await phone.reads('Enter the code instead.');
  await look(phone, 'link-start camera off');
  await typeCode(phone, 'AAAA-AAAA');
  await phone.alert.filter({ hasText: 'That code doesn\'t work.' }).waitFor();
  await look(phone, 'link-start wrong code');
  await typeCode(phone, typed);
  await phone.heading('Add this device');
  await computer.heading(ASKED);
  await approve(computer, await numberOn(phone));
  await phone.heading(SET_UP);
  await phone.device.declined(async () => {
    await phone.button('Create passkey').click();
    await phone.reads('No passkey was made yet.');
  });
  await phone.createPasskey('/', 'Try again');
  await phone.heading(`Hello, ${email}`);
});

scenario('a phone’s camera app leads to the same place as the scanner', async ({ enter }) => {
  const computer = await offering(enter);
  const { url } = await shown(computer);
  const phone = await enter(A_PHONE);
  await phone.page.goto(url);
  await phone.heading('Add this device');
  await computer.heading(ASKED);
  await approve(computer, await numberOn(phone));
  await phone.heading(SET_UP);
  await phone.createPasskey('/');
});

scenario('the short address asks a visitor to sign in, and then shows the code', async ({ enter }) => {
  const maria = await enter();
  const email = address();
  await maria.register(email);
  await maria.signOut();
  await maria.goto('/link');
  await maria.heading('Sign in');
  await maria.email.fill(email);
  await maria.usePasskey('Continue', 'Connect a device');
  await shown(maria);
});

scenario('turning down on the phone ends it for the computer, which can begin again', async ({ enter }) => {
  const phone = await enter(A_PHONE);
  await phone.register(address());
  const computer = await newComputer(enter);
  const { url, typed } = await shown(computer);
  await phone.page.goto(url);
  await phone.heading(ASKED);
  await phone.button('No, this is not me').click();
  await phone.heading('Turned down');
  await look(phone, 'turned-down');
  await computer.heading('This sign-in was turned down');
  await look(computer, 'link-start turned down');
  await computer.button('Start again').click();
  await computer.heading(START);
  // The heading is back before the new code is.
  await computer.page.locator('.short').filter({ hasNotText: typed }).waitFor();
  const again = await shown(computer);
  assert.notEqual(again.url, url);

  await phone.page.goto(url);
  await phone.heading('Turned down');
  await phone.page.goto(again.url);
  await phone.heading(ASKED);
  await approve(phone, await numberOn(computer));
  await computer.heading(SET_UP);
});

scenario('turning down on the computer ends it for the phone', async ({ enter }) => {
  const computer = await offering(enter);
  const { url } = await shown(computer);
  const phone = await enter(A_PHONE);
  await phone.page.goto(url);
  await phone.heading('Add this device');
  await computer.heading(ASKED);
  await computer.button('No, this is not me').click();
  await computer.heading('Turned down');
  await phone.heading('This sign-in was turned down');
  assert.equal(await phone.cookie(), undefined);
});

scenario('three wrong numbers close a link on both sides', async ({ enter }) => {
  const phone = await enter(A_PHONE);
  await phone.register(address());
  const computer = await newComputer(enter);
  const { url } = await shown(computer);
  const right = await numberOn(computer);
  await phone.page.goto(url);
  await phone.heading(ASKED);
  for (const left of ['2 tries left', '1 try left']) {
    await numberField(phone).fill(otherThan(right));
    await phone.button('Approve with passkey').click();
    await phone.alert.filter({ hasText: left }).waitFor();
  }
  await look(phone, 'approve wrong number');
  await numberField(phone).fill(otherThan(right));
  await phone.button('Approve with passkey').click();
  await phone.heading('The number was wrong too often');
  await computer.heading('The number was wrong too often');
  await look(computer, 'number spent');
});

scenario('closing the passkey dialog approves nothing, and can be tried again', async ({ enter }) => {
  const phone = await enter(A_PHONE);
  await phone.register(address());
  const computer = await newComputer(enter);
  await phone.page.goto((await shown(computer)).url);
  await phone.heading(ASKED);
  await numberField(phone).fill(await numberOn(computer));
  await phone.device.declined(async () => {
    await phone.button('Approve with passkey').click();
    await phone.reads('Nothing was approved yet.');
  });
  await phone.usePasskey('Approve with passkey', 'Approved');
  await computer.heading(SET_UP);
});

scenario('a code that another browser opened first still lets the right one approve', async ({ enter }) => {
  const phone = await enter(A_PHONE);
  await phone.register(address());
  const computer = await newComputer(enter, '/notes/4');
  const { url } = await shown(computer);
  const scanner = await enter(A_PHONE);
  await scanner.page.goto(url);
  await scanner.heading(ASKED);
  await phone.page.goto(url);
  await phone.heading(ASKED);
  await approve(phone, await numberOn(computer));
  await scanner.heading('Approved in another browser');
  await look(scanner, 'approved elsewhere');
  await computer.heading(SET_UP);
  await computer.createPasskey('/notes/4');
  assert.equal(await scanner.cookie(), undefined);
  await scanner.button('No, this is not me').click();
  await scanner.heading('This sign-in is over');
});

scenario('a person who looked on and was not the one that approved may still say no', async ({ enter }) => {
  const newcomer = await enter(A_PHONE);
  await newcomer.register(address());
  const computer = await newComputer(enter);
  const { url } = await shown(computer);
  const phone = await enter(A_PHONE);
  for (const visitor of [phone, newcomer]) {
    await visitor.page.goto(url);
    await visitor.heading(ASKED);
  }
  await approve(newcomer, await numberOn(computer));
  await phone.heading('Approved in another browser');
  await phone.button('No, this is not me').click();
  await phone.heading('Turned down');
  await computer.heading('This sign-in was turned down');
});

scenario('of two browsers that opened an offered code the one whose number is typed is let in', async ({ enter }) => {
  const email = address();
  const computer = await offering(enter, email);
  const { url } = await shown(computer);
  const [inApp, phone] = [await enter(A_PHONE), await enter(A_PHONE)];
  const numbers = [];
  for (const visitor of [inApp, phone]) {
    await visitor.page.goto(url);
    await visitor.heading('Add this device');
    numbers.push(await numberOn(visitor));
  }
  assert.notEqual(numbers[0], numbers[1]);
  await computer.heading(ASKED);
  await computer.reads('More than one browser has opened this code.');
  assert.equal(await computer.page.getByText('Chrome on Android').count(), 2);
  await look(computer, 'approve one of several');
  await numberField(computer).fill(numbers[1]);
  await computer.device.declined(async () => {
    await computer.button('Approve with passkey').click();
    await computer.reads('Nothing was approved yet.');
  });
  assert.equal(await computer.page.getByText('Chrome on Android').count(), 2, 'both are there again');
  await computer.usePasskey('Approve with passkey', 'Approved');
  await inApp.heading('Another browser was chosen');
  await look(inApp, 'another browser was chosen');
  await phone.heading(SET_UP);
  await phone.createPasskey('/');
  await phone.heading(`Hello, ${email}`);
  assert.equal(await inApp.cookie(), undefined);
});

scenario('a typed number survives another browser that opens the code meanwhile', async ({ enter }) => {
  const computer = await offering(enter);
  const { url } = await shown(computer);
  const [phone, late] = [await enter(A_PHONE), await enter()];
  await phone.page.goto(url);
  await computer.heading(ASKED);
  await numberField(computer).fill(await numberOn(phone));
  await late.page.goto(url);
  await late.heading('Add this device');
  await computer.reads('More than one browser has opened this code.');
  await computer.usePasskey('Approve with passkey', 'Approved');
  await phone.heading(SET_UP);
  await late.heading('Another browser was chosen');
});

scenario('a device that slept until a link was finished is told that it is over, not that it took too long', async ({ enter }) => {
  const computer = await offering(enter);
  const { url } = await shown(computer);
  const [asleep, phone] = [await enter(A_PHONE), await enter(A_PHONE)];
  await asleep.page.route('**/link/events?*', (route) => route.abort());
  for (const visitor of [asleep, phone]) {
    await visitor.page.goto(url);
    await visitor.heading('Add this device');
  }
  await numberOn(asleep);
  await asleep.page.route('**/link/state?*', (route) => route.abort());
  await computer.reads('More than one browser has opened this code.');
  await approve(computer, await numberOn(phone));
  await phone.heading(SET_UP);
  await phone.createPasskey('/');
  await asleep.page.unroute('**/link/state?*');
  await asleep.heading('This sign-in is over');
  await look(asleep, 'sign-in over');
});

scenario('a fifth browser is told that too many have opened the code', async ({ enter }) => {
  const computer = await newComputer(enter);
  const { url } = await shown(computer);
  for (let browser = 0; browser < 4; browser += 1) {
    const visitor = await enter();
    await visitor.page.goto(url);
    await visitor.heading(ASKED);
  }
  const fifth = await enter(A_PHONE);
  await fifth.page.goto(url);
  await fifth.heading('This code can\'t be used');
  await fifth.reads('Too many browsers have opened this code.');
  await look(fifth, 'too many browsers');
});

scenario('a third browser that knows the link and the number gets nothing', async ({ enter }) => {
  const phone = await enter(A_PHONE);
  await phone.register(address());
  const computer = await newComputer(enter);
  const { url } = await shown(computer);
  const number = await numberOn(computer);
  await phone.page.goto(url);
  await phone.heading(ASKED);

  const thief = await enter();
  await thief.goto('/_bmauth/link/start');
  const link = await computer.page.evaluate(() => history.state.link);
  const steal = () => thief.page.evaluate(async ({ link, number }) => {
    const token = document.querySelector('meta[name="csrf"]').content;
    const headers = { 'content-type': 'application/json', 'x-bmauth-csrf': token };
    const post = (path, body) => fetch(`/_bmauth/link/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    const answers = {
      state: await fetch(`/_bmauth/link/state?link=${link}`),
      events: await fetch(`/_bmauth/link/events?link=${link}`),
      number: await post('number', { link, number }),
      deny: await post('deny', { link }),
      options: await post('passkey/options', { link }),
    };
    return Object.fromEntries(Object.entries(answers).map(([name, { ok }]) => [name, ok]));
  }, { link, number });
  const nothing = { state: false, events: false, number: false, deny: false, options: false };
  assert.deepEqual(await steal(), nothing);
  await approve(phone, number);
  await computer.heading(SET_UP);
  assert.deepEqual(await steal(), nothing, 'once approved');
  await thief.page.goto(url);
  await thief.heading('This code can\'t be used');
  await look(thief, 'code cannot be used');
  await computer.createPasskey('/');
  assert.equal(await thief.cookie(), undefined);
});

scenario('an approval is for one computer: carried to another page it is worth nothing', async ({ enter }) => {
  const phone = await enter(A_PHONE);
  await phone.register(address());
  const [mine, other] = [await newComputer(enter), await newComputer(enter)];
  await phone.page.goto((await shown(mine)).url);
  await phone.heading(ASKED);
  await approve(phone, await numberOn(mine));
  await mine.heading(SET_UP);
  const link = await mine.page.evaluate(() => history.state.link);
  const status = await other.page.evaluate(async (link) => {
    const token = document.querySelector('meta[name="csrf"]').content;
    const headers = { 'content-type': 'application/json', 'x-bmauth-csrf': token };
    return (await fetch('/_bmauth/link/passkey/options', { method: 'POST', headers, body: JSON.stringify({ link }) })).status;
  }, link);
  assert.ok(status >= 400);
  await mine.createPasskey('/');
});

scenario('signing out the computer that shows a code closes it', async ({ enter }) => {
  const computer = await offering(enter);
  const { url } = await shown(computer);
  const phone = await enter(A_PHONE);
  await phone.page.goto(url);
  await phone.heading('Add this device');
  const tab = await computer.context.newPage();
  await tab.goto(`${computer.world.origin}/_bmauth/sign-out`);
  await tab.getByRole('button', { name: 'Sign out', exact: true }).click();
  await phone.heading('This sign-in was turned down');
  await computer.heading('Turned down');
});

// A signed-in computer has let in a phone, which is asked for its passkey.
async function approved(enter, prepare = async () => {}) {
  const computer = await offering(enter);
  const phone = await enter(A_PHONE);
  await prepare(phone);
  await phone.page.goto((await shown(computer)).url);
  await phone.heading('Add this device');
  await computer.heading(ASKED);
  await approve(computer, await numberOn(phone));
  await phone.heading(SET_UP);
  return { computer, phone };
}

scenario('signing out after approving is told to the phone that was already asked for its passkey', async ({ enter }) => {
  const { computer, phone } = await approved(enter);
  await computer.signOut();
  await phone.heading('This sign-in was turned down');
  await look(phone, 'set-up turned down');
});

scenario('a phone that did not hear that the computer signed out is refused its passkey', async ({ enter }) => {
  const { computer, phone } = await approved(enter, ({ page }) => page.route('**/link/events?*', (route) => route.abort()));
  await phone.page.route('**/link/state?*', (route) => route.abort());
  await computer.signOut();
  await phone.device.touched(async () => {
    await phone.button('Create passkey').click();
    await phone.alert.filter({ hasText: /\S/ }).waitFor();
  });
  assert.equal(await phone.cookie(), undefined);
  assert.deepEqual(await phone.device.passkeys(), [], 'a passkey was made that opens nothing');
});

scenario('two tabs of the phone agree, and a reloaded page goes on where it was', async ({ enter }) => {
  const phone = await enter(A_PHONE);
  await phone.register(address());
  const computer = await newComputer(enter);
  const { url } = await shown(computer);
  await phone.page.goto(url);
  await phone.heading(ASKED);
  const second = await phone.context.newPage();
  await second.goto(url);
  const heading = (name) => second.getByRole('heading', { level: 1, name, exact: true }).waitFor();
  await heading(ASKED);
  await computer.page.reload();
  await computer.reads('Approve it on your other device.');
  const number = await numberOn(computer);
  await phone.page.reload();
  await phone.heading(ASKED);
  await approve(phone, number);
  await heading('Approved');
  await computer.heading(SET_UP);
  await computer.page.reload();
  await computer.heading(SET_UP);
  await computer.createPasskey('/');
});

scenario('a new visitor is asked first where they are signed in, and each page says one way only', async ({ enter }) => {
  const offers = await offering(enter);
  for (const heading of ['Your new device can scan', 'Your new device shows a code']) {
    await offers.page.getByRole('heading', { level: 2, name: heading, exact: true }).waitFor();
  }
  const host = new URL(offers.world.origin).host;
  const computer = await enter();
  await computer.goto('/_bmauth/link/start');
  await computer.page.waitForLoadState();
  await look(computer, 'link-start where on a computer');
  await computer.link('Go back').click();
  await computer.heading('Sign in');
  await computer.link('Use another device').click();
  await computer.button('On a computer').click();
  await computer.reads(`On that device, go to ${host}/link and enter`);
  assert.equal(await computer.page.locator('.qr:visible').count(), 0, 'a computer is held before a screen');
  assert.equal(await codeField(computer).count(), 0, 'both ways on one page');
  await look(computer, 'link-start between computers');
  await computer.button('Go back').click();
  await computer.button('On a phone or tablet').click();
  await shown(computer);
  assert.equal(await codeField(computer).count(), 0, 'both ways on one page');

  const phone = await enter(A_PHONE);
  await phone.goto('/_bmauth/link/start');
  await phone.page.waitForLoadState();
  await phone.button('On a phone or tablet').click();
  await shown(phone);
  await look(phone, 'link-start show on a phone');
});

scenario('a link goes on in another language, on either side', async ({ enter }) => {
  const phone = await enter(A_PHONE);
  await phone.register(address());
  const computer = await newComputer(enter);
  const { url } = await shown(computer);
  await phone.page.goto(url);
  await phone.heading(ASKED);
  await phone.link('Deutsch').click();
  await phone.heading('Melden Sie sich gerade an?');
  await look(phone, 'approve German');
  await computer.link('Deutsch').click();
  await computer.reads('Bestätigen Sie auf dem anderen Gerät.');
});
