// A device with a screen lock: Chromium's virtual authenticator, attached to one page.
//
// By default it is not touched, so that the autofill request of the sign-in page stays pending instead of signing
// in by itself. A request without a touch stays pending for good: presence has to be there before the request.
export class Device {
  static async beside(page, passkeys = []) {
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('WebAuthn.enable', { enableUI: false });
    const authenticatorId = await attach(cdp, 'internal', passkeys);
    // Counted, so that a touch can wait until the sign-in page has asked for suggestions.
    await page.addInitScript(() => {
      window.passkeyCalls = 0;
      const get = CredentialsContainer.prototype.get;
      CredentialsContainer.prototype.get = function (...asked) {
        window.passkeyCalls += 1;
        return get.apply(this, asked);
      };
    });
    return new Device(page, cdp, authenticatorId);
  }

  constructor(page, cdp, authenticatorId) {
    this.page = page;
    this.cdp = cdp;
    this.authenticatorId = authenticatorId;
  }

  // A security key, or a phone that the browser asks by itself: another device on the same page. It is plugged in until
  // `unplug`.
  async plugIn(passkeys = []) {
    return new Device(this.page, this.cdp, await attach(this.cdp, 'usb', passkeys));
  }

  unplug() {
    return this.cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId: this.authenticatorId });
  }

  // Whether the sensor is touched.
  present(enabled) {
    return this.cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId: this.authenticatorId, enabled });
  }

  // Whether the person gets past the screen lock; without it a ceremony ends in NotAllowedError, as on Cancel.
  verified(isUserVerified) {
    return this.cdp.send('WebAuthn.setUserVerified', { authenticatorId: this.authenticatorId, isUserVerified });
  }

  // Touches the sensor while `action` runs.
  async touched(action) {
    // Suggestions asked for without a touch stay pending; asked for later, they would be answered at once.
    if (this.page.url().includes('/_bmauth/sign-in')) await this.page.waitForFunction(() => window.passkeyCalls > 0);
    await this.present(true);
    try {
      return await action();
    } finally {
      await this.present(false);
    }
  }

  // Cancels the system's dialog while `action` runs.
  async declined(action) {
    await this.verified(false);
    try {
      return await this.touched(action);
    } finally {
      await this.verified(true);
    }
  }

  // The passkeys on the device, to carry to another page of the same person.
  async passkeys() {
    const { credentials } = await this.cdp.send('WebAuthn.getCredentials', { authenticatorId: this.authenticatorId });
    return credentials;
  }

  // The person loses every passkey of the device.
  forget() {
    return this.cdp.send('WebAuthn.clearCredentials', { authenticatorId: this.authenticatorId });
  }
}

async function attach(cdp, transport, passkeys) {
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      ctap2Version: 'ctap2_1',
      transport,
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: false,
    },
  });
  for (const credential of passkeys) {
    await cdp.send('WebAuthn.addCredential', { authenticatorId, credential });
  }
  return authenticatorId;
}
