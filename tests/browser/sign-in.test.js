// Coming back: by address, by the passkey alone, by autofill; going away; and what goes wrong on the way.
import assert from 'node:assert/strict';
import { send } from './harness/loopback.js';
import { address, openWorld } from './harness/world.js';

const scenario = openWorld();
const NOT_HERE = /^We couldn.t sign you in on this device$/;

scenario('signing in by address asks for the passkey and ends where the visitor wanted to go', async ({ enter }) => {
  const maria = await enter();
  const email = address();
  await maria.register(email);
  const first = await maria.cookie();
  await maria.signOut();
  await maria.signInByEmail(email, '/notes/3?from=mail');
  await maria.heading('Note 3');
  assert.notEqual((await maria.cookie()).value, first.value, 'the session kept its secret over a sign-in');
});

scenario('signing in with the passkey alone needs no address', async ({ enter }) => {
  const maria = await enter();
  const email = address();
  await maria.register(email);
  await maria.signOut();
  await maria.goto('/notes/4');
  await maria.heading('Sign in');
  await maria.device.touched(async () => {
    await maria.button('Sign in with a passkey').click();
    await maria.at('/notes/4');
  });
  await maria.goto('/');
  await maria.heading(`Hello, ${email}`);
});

scenario('choosing the passkey from the address field’s suggestions signs in', async ({ enter }) => {
  const maria = await enter();
  const email = address();
  await maria.register(email);
  await maria.signOut();
  // With the sensor touched, the virtual device answers the autofill request as if its suggestion had been chosen.
  await maria.device.touched(async () => {
    await maria.page.goto(`${maria.world.origin}/notes/5`);
    await maria.at('/notes/5');
  });
  await maria.heading('Note 5');
});

scenario('opening the sign-in page asks for nothing by itself', async ({ enter }) => {
  const maria = await enter();
  await maria.register(address());
  await maria.signOut();
  await maria.page.addInitScript(() => {
    window.asked = [];
    const get = CredentialsContainer.prototype.get;
    CredentialsContainer.prototype.get = function (options) {
      window.asked.push(options.mediation ?? 'modal');
      return get.call(this, options);
    };
  });
  await maria.goto('/');
  await maria.heading('Sign in');
  await maria.page.waitForFunction(() => window.asked.length > 0);
  assert.deepEqual(await maria.page.evaluate(() => window.asked), ['conditional']);
  assert.equal(await maria.email.getAttribute('autocomplete'), 'username webauthn');
});

scenario('a closed device dialog is no error, and can be tried again', async ({ enter }) => {
  const maria = await enter();
  const email = address();
  await maria.register(email);
  await maria.signOut();
  await maria.goto('/notes/6');
  await maria.email.fill(email);
  await maria.device.declined(async () => {
    await maria.button('Continue').click();
    await maria.heading(NOT_HERE);
  });
  assert.equal(await maria.alert.filter({ hasText: /\S/ }).count(), 0, 'cancelling is shown as an error');
  assert.match(await maria.page.locator('main').innerText(), /another device, or you closed the window/);
  await maria.device.touched(async () => {
    await maria.button('Try again').click();
    await maria.at('/notes/6');
  });
});

scenario('a device that is not touched shows that it is waited for, and can be cancelled', async ({ enter }) => {
  const maria = await enter();
  const email = address();
  await maria.register(email);
  await maria.signOut();
  await maria.goto('/');
  await maria.email.fill(email);
  await maria.button('Continue').click();
  await maria.page.getByText(/Waiting for your device/).first().waitFor();
  await maria.button('Cancel').click();
  await maria.button('Try again').or(maria.button('Continue')).waitFor();
  assert.equal(await maria.cookie(), undefined);
});

scenario('an unknown address looks exactly like a known one', async ({ enter }) => {
  const owner = await enter();
  const known = address();
  await owner.register(known);

  const unknown = address();
  const attempt = async (email) => {
    const visitor = await enter(); // on a device without passkeys
    await visitor.goto('/');
    await visitor.email.fill(email);
    // Not the one for the field's suggestions, which names no address.
    const named = (response) =>
      response.url().endsWith('/_bmauth/sign-in/options') && response.request().postDataJSON().email;
    const answered = visitor.page.waitForResponse(named);
    await visitor.device.touched(async () => {
      await visitor.button('Continue').click();
      await visitor.heading(NOT_HERE);
    });
    const answer = await answered;
    const shown = (await visitor.page.locator('main').innerText()).replaceAll(email, '…');
    const { allowCredentials, ...options } = optionsOf(await answer.json());
    return {
      same: {
        shown,
        status: answer.status(),
        headers: Object.keys(answer.headers()).sort(),
        options: { ...options, challenge: options.challenge.length },
        // Ids are as long as their device makes them: made-up ones have the lengths of common devices.
        passkeys: allowCredentials.map(({ id, ...rest }) => ({ ...rest, id: typeof id })).slice(0, 1),
      },
      ids: allowCredentials.map(({ id }) => id),
    };
  };
  const [one, two, again] = [await attempt(known), await attempt(unknown), await attempt(unknown)];
  assert.deepEqual(two.same, one.same);
  assert.deepEqual(again.ids, two.ids, 'made-up passkey ids that change give an unknown address away');
  assert.notDeepEqual(one.ids, two.ids);
});

// The request options, wherever the answer keeps them.
function optionsOf(answer) {
  return [answer, answer.publicKey, answer.options, answer.options?.publicKey].find((value) => value?.challenge);
}

scenario('signing out ends the session on the server, and looking at the page does not', async ({ enter, origin }) => {
  const maria = await enter();
  await maria.register(address());
  const { value } = await maria.cookie();
  const old = ['Cookie', `bmauth=${value}`];
  await maria.goto('/_bmauth/sign-out');
  await maria.heading('Sign out?');
  assert.equal((await send(origin, '/api/me', { headers: old })).status, 200);
  await maria.button('Sign out').click();
  await maria.heading(/^You.re signed out$/);
  assert.equal(await maria.cookie(), undefined);
  assert.equal((await send(origin, '/api/me', { headers: old })).status, 401);
  await maria.link('Sign in again').click();
  await maria.heading('Sign in');
  await maria.goto('/');
  await maria.heading('Sign in');
});

scenario('signing out closes what the session has open', async ({ enter }) => {
  const maria = await enter();
  await maria.register(address());
  const tab = await maria.context.newPage();
  await tab.goto(`${maria.world.origin}/`);
  await tab.evaluate(() => {
    const socket = new WebSocket('/ws');
    socket.onmessage = () => (window.state = 'open');
    socket.onclose = () => (window.state = 'closed');
  });
  await tab.waitForFunction(() => window.state === 'open');
  await maria.signOut();
  await tab.waitForFunction(() => window.state === 'closed');
});

scenario('a way back that leads elsewhere ends at the app’s first page', async ({ enter, origin }) => {
  const maria = await enter();
  const email = address();
  await maria.register(email);
  for (const hostile of [
    'https://evil.example/',
    '/\\evil.example/',
    '\\\\evil.example/',
    '/\t/evil.example/',
    ' //evil.example/',
    'javascript:alert(1)',
    'evil.example',
    '/.//evil.example/',
    `${origin}@evil.example/`,
  ]) {
    await maria.context.clearCookies();
    await maria.goto(`/_bmauth/sign-in?return_to=${encodeURIComponent(hostile)}`);
    await maria.heading('Sign in');
    await maria.device.touched(async () => {
      await maria.button('Sign in with a passkey').click();
      await maria.at('/');
    });
  }
});

scenario('a way back that only looks like another host leads to the app', async ({ enter, origin }) => {
  const maria = await enter();
  await maria.register(address());
  for (const target of ['//evil.example/', '/%2f/evil.example/', '/a//b?c=//d']) {
    await maria.context.clearCookies();
    await maria.goto(`/_bmauth/sign-in?return_to=${encodeURIComponent(target)}`);
    await maria.heading('Sign in');
    await maria.device.touched(async () => {
      await maria.button('Sign in with a passkey').click();
      await maria.page.waitForURL(`${origin}${target}`);
    });
  }
});

scenario('the sign-in calls of the page cannot be made from another site or without its token', async ({ enter }) => {
  const maria = await enter();
  await maria.goto('/_bmauth/sign-in');
  const token = await maria.page.locator('meta[name="csrf"]').getAttribute('content');
  const call = (headers) => maria.send('/_bmauth/sign-in/options', {
    method: 'POST',
    headers: ['Content-Type', 'application/json', ...headers],
    body: JSON.stringify({ email: address() }),
  });
  const here = ['Origin', maria.world.origin, 'Sec-Fetch-Site', 'same-origin'];
  assert.equal((await call([...here, 'x-bmauth-csrf', token])).status, 200);
  assert.equal((await call(here)).status, 403);
  assert.equal((await call([...here, 'x-bmauth-csrf', 'x'])).status, 403);
  // What could be the token of another tab does nothing either, and leads to the page with one that is good.
  const other = await call([...here, 'x-bmauth-csrf', `${token.slice(0, -2)}xx`]);
  assert.equal(other.status, 409);
  assert.deepEqual(JSON.parse(other.text), { go_on: '/_bmauth/sign-in' });
  const elsewhere = ['Origin', 'https://evil.example', 'Sec-Fetch-Site', 'cross-site'];
  assert.equal((await call([...elsewhere, 'x-bmauth-csrf', token])).status, 403);
});
