// What the browser can do with passkeys beyond making and using them. If it does not say, or a password manager that
// replaces its functions fails, the answer is no.

async function able(method, ...about) {
  try {
    return await PublicKeyCredential[method]?.(...about);
  } catch {
    return undefined;
  }
}

// Whether passkeys can be offered among the e-mail input's suggestions.
export const canSuggest = async () => (await able("isConditionalMediationAvailable")) === true;

// Whether the browser can look for a passkey of this device without asking for another one.
export const canBeImmediate = async () => (await able("getClientCapabilities"))?.immediateGet === true;

// Tells the browser that the gateway does not know a passkey, so that it is not offered again.
export const forget = (rpId, credentialId) => able("signalUnknownCredential", { rpId, credentialId });

// Tells the browser which passkeys of an account there are, so that no other is offered.
export const keepOnly = (rpId, userId, allAcceptedCredentialIds) =>
  able("signalAllAcceptedCredentials", { rpId, userId, allAcceptedCredentialIds });

// Whether this device itself can keep a passkey.
export const canKeep = async () => (await able("isUserVerifyingPlatformAuthenticatorAvailable")) === true;
