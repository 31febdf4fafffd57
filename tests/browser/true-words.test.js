// What people are told is true for them: errors of browsers and password managers by name, browsers inside of apps, cookies
// that are not kept, cameras that give no picture.
import assert from 'node:assert/strict';
import { DESKTOP, look } from './harness/look.js';
import { send } from './harness/loopback.js';
import { address, openWorld } from './harness/world.js';

const scenario = openWorld();

const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)';
const SAFARI = `${IPHONE} Version/18.1 Mobile/15E148 Safari/604.1`;
const INSTAGRAM = `${IPHONE} Mobile/15E148 Instagram 350.0.0.0.0 (iPhone16,1; iOS 18_1; de_DE)`;

const UNREADABLE = "Your browser couldn't reach your passkeys.";
const ODD = "Your browser or password manager answered in a way we can't read.";
const SAYS = {
  ConstraintError: 'Your device needs a screen lock, or your security key a PIN',
  NotSupportedError: "This device or security key can't be used for our passkeys.",
  NotReadableError: UNREADABLE,
  UnknownError: UNREADABLE,
  DataError: UNREADABLE,
  EncodingError: UNREADABLE,
  OperationError: UNREADABLE,
  TimeoutError: UNREADABLE,
  AbortError: 'Something in your browser stopped this',
  SecurityError: 'Your browser refuses passkeys at this address.',
  TypeError: ODD,
  HierarchyRequestError: ODD,
};

// In the browser: calls for a passkey fail with the error that `window.fails` names.
function failing() {
  for (const method of ['create', 'get']) {
    const real = CredentialsContainer.prototype[method];
    CredentialsContainer.prototype[method] = async function (...asked) {
      const name = window.fails;
      if (!name || asked[0].mediation === 'conditional') return real.apply(this, asked);
      throw name === 'TypeError' ? new TypeError('Illegal invocation') : new DOMException('of this test', name);
    };
  }
}

const fails = ({ page }, name) => page.evaluate((name) => (window.fails = name), name);
const metrics = async (gateway) => (await send(gateway.admin, '/metrics')).text;

scenario('each error in the place of a new passkey is said in words of its own, and counted by its name', async ({ enter, gateway, mailbox }) => {
  const maria = await enter({ viewport: DESKTOP });
  const email = address();
  await maria.page.addInitScript(failing);
  await maria.goto('/_bmauth/register');
  await maria.email.fill(email);
  for (const [name, says] of Object.entries(SAYS)) {
    await fails(maria, name);
    await maria.button('Continue').click();
    await maria.alert.filter({ hasText: says }).waitFor();
    if (name === 'ConstraintError') await look(maria, 'register with a device error');
  }
  await fails(maria, 'InvalidStateError');
  await maria.button('Continue').click();
  await maria.reads("Your passkey is already on this device or in this password manager.");
  await look(maria, 'register with a passkey that is there');
  const counted = await metrics(gateway);
  for (const name of [...Object.keys(SAYS), 'InvalidStateError']) {
    const label = name === 'HierarchyRequestError' ? 'other' : name;
    assert.match(counted, new RegExp(`bmauth_webauthn_errors_total\\{ceremony="create",name="${label}"\\} 1\\n`));
  }
  assert.ok(!counted.includes(email));
  assert.deepEqual(mailbox.unread(email), []);
  // Nothing of it is in the way.
  await fails(maria, '');
  await maria.device.touched(async () => {
    await maria.button('Continue').click();
    await maria.heading('Check your email');
  });
});

scenario('each error in the place of a passkey to sign in with is said in words of its own', async ({ enter }) => {
  const maria = await enter({ viewport: DESKTOP });
  const email = address();
  await maria.register(email);
  await maria.signOut();
  await maria.page.addInitScript(failing);
  await maria.goto('/_bmauth/sign-in');
  await maria.email.fill(email);
  for (const [name, says] of Object.entries({ ...SAYS, InvalidStateError: UNREADABLE })) {
    await fails(maria, name);
    await maria.button('Continue').click();
    await maria.alert.filter({ hasText: says }).waitFor();
    if (name === 'SecurityError') await look(maria, 'sign-in at an address without passkeys');
  }
  await maria.page.context().setOffline(true);
  await fails(maria, 'NotReadableError');
  await maria.button('Continue').click();
  await maria.alert.filter({ hasText: /^We can't reach Acme Notes/ }).waitFor();
  await maria.page.context().setOffline(false);
});

scenario('what was confirmed with an error is said on My devices, too', async ({ enter }) => {
  const maria = await enter();
  await maria.register(address());
  await maria.page.addInitScript(failing);
  await maria.goto('/_bmauth/devices');
  await maria.button('Add a passkey here').click();
  await fails(maria, 'NotReadableError');
  await maria.button('Confirm with a passkey').click();
  await maria.alert.filter({ hasText: UNREADABLE }).waitFor();
  await fails(maria, '');
  await maria.device.touched(async () => {
    await maria.button('Confirm with a passkey').click();
    await maria.heading('Set up this device');
  });
  await fails(maria, 'ConstraintError');
  await maria.button('Create passkey').click();
  await maria.alert.filter({ hasText: SAYS.ConstraintError }).waitFor();
});

// Password managers that stand in for the browser, each with what it does to the answer or the call. In the browser.
const MANAGERS = {
  'whose methods and getters throw': () => {
    window.stand = (real, { response, rawId, id }) => {
      const { clientDataJSON, attestationObject, authenticatorData, signature, userHandle } = response;
      const given = attestationObject ? { clientDataJSON, attestationObject } : { clientDataJSON, authenticatorData, signature, userHandle };
      const answer = Object.setPrototypeOf({}, Object.getPrototypeOf(response));
      for (const [name, value] of Object.entries(given)) Object.defineProperty(answer, name, { value });
      const stand = Object.setPrototypeOf({}, PublicKeyCredential.prototype);
      for (const [name, value] of Object.entries({ rawId, id, response: answer })) Object.defineProperty(stand, name, { value });
      return stand;
    };
  },
  'that hand out typed arrays, and no type': () => {
    window.stand = (real, { response, rawId }) => {
      const view = (buffer) => {
        if (!buffer) return undefined;
        const bytes = new Uint8Array(buffer.byteLength + 9);
        bytes.set(new Uint8Array(buffer), 5);
        return bytes.subarray(5, 5 + buffer.byteLength);
      };
      const names = ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle'];
      return { rawId: view(rawId), response: Object.fromEntries(names.map((name) => [name, view(response[name])])), getClientExtensionResults: null };
    };
  },
  'that hand out plain objects and numbers': () => {
    window.stand = (real, { response, rawId }) => {
      const plain = (buffer) => buffer && { ...new Uint8Array(buffer) };
      const names = ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature'];
      const answer = Object.fromEntries(names.map((name) => [name, plain(response[name])]));
      return { type: 'public-key', rawId: [...new Uint8Array(rawId)], response: { ...answer, getTransports: () => [7, 'internal', 'by pigeon'] } };
    };
  },
  'that hand out text, and an id alone': () => {
    window.stand = (real) => {
      const { id, response } = real.toJSON();
      return { id, response, getClientExtensionResults: () => { throw new TypeError('Illegal invocation'); } };
    };
  },
  'that can only be written as JSON': () => {
    window.stand = (real) => ({ toJSON: () => real.toJSON() });
  },
  'that cannot pass a signal on, nor read options': () => {
    window.stand = (real) => real;
    window.refuses = true;
    for (const kind of ['Creation', 'Request']) {
      PublicKeyCredential[`parse${kind}OptionsFromJSON`] = () => { throw new TypeError('Illegal invocation'); };
    }
    PublicKeyCredential.isConditionalMediationAvailable = () => false;
    PublicKeyCredential.getClientCapabilities = () => { throw new TypeError('Illegal invocation'); };
  },
};

function standingIn() {
  for (const method of ['create', 'get']) {
    const real = CredentialsContainer.prototype[method];
    CredentialsContainer.prototype[method] = async function (asked) {
      if (window.refuses && asked.signal) throw new DOMException('a signal could not be cloned', 'DataCloneError');
      const answer = await real.call(this, asked);
      return window.stand(answer, answer);
    };
  }
}

for (const [what, manager] of Object.entries(MANAGERS)) {
  scenario(`managers ${what} make and use passkeys that are handed in`, async ({ enter }) => {
    const maria = await enter();
    const email = address();
    await maria.page.addInitScript(manager);
    await maria.page.addInitScript(standingIn);
    await maria.register(email);
    await maria.signOut();
    await maria.goto('/_bmauth/sign-in');
    // A browser that cannot suggest passkeys leaves no suggestions for a touch to wait for. Where it can, a touch that
    // comes before them would answer them, and sign in by itself.
    await maria.page.evaluate(() => {
      if (window.refuses) window.passkeyCalls += 1;
    });
    await maria.email.fill(email);
    await maria.device.touched(async () => {
      await maria.button('Continue').click();
      await maria.at('/');
    });
  });
}

scenario('an answer with parts missing is no passkey, and is said to be unreadable', async ({ enter }) => {
  const maria = await enter();
  await maria.page.addInitScript(() => {
    CredentialsContainer.prototype.create = async () => null;
  });
  await maria.goto('/_bmauth/register');
  await maria.email.fill(address());
  await maria.button('Continue').click();
  await maria.alert.filter({ hasText: ODD }).waitFor();
});

const without = () => delete window.PublicKeyCredential;
const BLIND = {
  'an app’s browser': [INSTAGRAM, 'Open this page in your browser', /You're inside another app's browser/],
  'an old browser': [SAFARI, "This browser can't use passkeys", /Update your browser/],
};

for (const [who, [userAgent, heading, text]] of Object.entries(BLIND)) {
  scenario(`${who} without passkeys is led on before anything is asked for, with the address to open`, async ({ enter, mailbox, origin }) => {
    const maria = await enter({ userAgent, viewport: DESKTOP });
    await maria.page.addInitScript(without);
    for (const page of ['sign-in', 'register', 'recover', 'link/start', 'link']) {
      await maria.goto(`/_bmauth/${page}?return_to=%2Fnotes%2F7#secret`);
      await maria.heading(heading);
      await maria.reads(text);
      const shown = await maria.page.locator('#address').innerText();
      const expected = new URL(`${origin}/_bmauth/${page}?return_to=%2Fnotes%2F7`);
      assert.equal(new URL(shown).pathname, expected.pathname);
      assert.equal(new URL(shown).searchParams.get('return_to'), '/notes/7');
      assert.ok(!shown.includes('secret'));
    }
    await look(maria, `unsupported in ${who === 'an old browser' ? 'an old browser' : 'an app'}`);
    await maria.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const { page } = maria;
    for (let presses = 0; (await page.evaluate(() => document.activeElement.id)) !== 'copy'; presses += 1) {
      assert.ok(presses < 10, 'the button is not reached by Tab');
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Enter');
    await maria.reads('Copied');
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await page.locator('#address').innerText());
    assert.equal(await page.evaluate(() => String(getSelection()).trim()), await page.locator('#address').innerText());
  });
}

scenario('an app’s browser that cannot keep a passkey is warned before a code is asked for', async ({ enter }) => {
  const maria = await enter({ userAgent: INSTAGRAM, viewport: DESKTOP });
  await maria.page.addInitScript(() => {
    PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable = async () => window.keeps === true;
  });
  await maria.goto('/_bmauth/recover');
  await maria.reads("If it has no passkeys, you can't finish here.");
  await look(maria, 'recover inside an app');
  await maria.link('Open this page in your browser').click();
  await maria.heading('Open this page in your browser');
  await maria.page.addInitScript(() => (window.keeps = true));
  await maria.goto('/_bmauth/recover');
  await maria.page.waitForLoadState('networkidle');
  assert.equal(await maria.page.locator('#inside').isVisible(), false);
});

scenario('an app’s browser that allows nothing is said to be why', async ({ enter }) => {
  const maria = await enter({ userAgent: INSTAGRAM });
  await maria.page.addInitScript(failing);
  await maria.goto('/_bmauth/sign-in');
  await maria.email.fill(address());
  await fails(maria, 'NotAllowedError');
  await maria.button('Continue').click();
  await maria.heading(/^We couldn.t sign you in on this device$/);
  await maria.alert.filter({ hasText: "You're inside another app's browser, which may not let you use passkeys." }).waitFor();
});

scenario('My devices says why nothing can be changed in a browser without passkeys', async ({ enter }) => {
  const maria = await enter();
  await maria.register(address());
  await maria.page.addInitScript(without);
  await maria.goto('/_bmauth/devices');
  await maria.reads("This browser can't use passkeys. To add or remove any, open this page in another one.");
});

scenario('a browser that keeps no cookie is told so, by scripts and by forms', async ({ enter }) => {
  const maria = await enter({ viewport: DESKTOP });
  await maria.goto('/_bmauth/register');
  await maria.email.fill(address());
  await maria.context.clearCookies();
  await maria.button('Continue').click();
  await maria.alert.filter({ hasText: 'Your browser sent us no cookie' }).waitFor();
  await look(maria, 'register without a cookie');
  await maria.goto('/_bmauth/recover');
  await maria.email.fill(address());
  await maria.context.clearCookies();
  await maria.button('Email me a code').click();
  await maria.heading("Your browser isn't keeping our cookie");
});

const CAMERA = {
  NotAllowedError: "The settings of your browser or device don't allow the camera. Enter the code instead.",
  SecurityError: "The settings of your browser or device don't allow the camera. Enter the code instead.",
  NotFoundError: 'We found no camera. Enter the code instead.',
  OverconstrainedError: 'We found no camera. Enter the code instead.',
  NotReadableError: 'Another program may be using the camera. Enter the code instead.',
  AbortError: 'Another program may be using the camera. Enter the code instead.',
  '': /^\s*Enter the code instead\.$/,
};

scenario('why a camera gives no picture is said, and the code can be typed', async ({ enter }) => {
  const phone = await enter({ userAgent: SAFARI, viewport: DESKTOP });
  await phone.page.addInitScript(() => {
    MediaDevices.prototype.getUserMedia = async () => {
      throw window.fails ? new DOMException('of this test', window.fails) : new TypeError('of this test');
    };
  });
  await phone.goto('/_bmauth/link/start');
  await phone.button('On a computer').click();
  for (const [name, says] of Object.entries(CAMERA)) {
    await fails(phone, name);
    await phone.button('Scan the code it shows').click();
    await phone.reads(says);
    assert.equal(await phone.page.evaluate(() => document.activeElement.id), 'code', name);
    if (name === 'NotAllowedError') await look(phone, 'link start without a camera');
  }
});

scenario('the code before is said to be that', async ({ enter, mailbox }) => {
  const maria = await enter({ viewport: DESKTOP });
  const email = address();
  await maria.askToRegister(email);
  const older = await mailbox.code(email);
  await maria.page.waitForTimeout(30_500);
  await maria.button('Send a new code').click();
  await maria.reads('We sent you a new code.');
  await maria.enterCode(older);
  await maria.alert.filter({ hasText: 'That is an older code. Enter the one from our newest mail. 4 tries left.' }).waitFor();
  await look(maria, 'code older');
});
