// What the browser can do with passkeys beyond making and using them.

// Whether passkeys can be offered among the e-mail field's suggestions.
export async function canSuggest() {
  return (await PublicKeyCredential.isConditionalMediationAvailable?.().catch(() => false)) === true;
}

// Whether the browser can look for a passkey of this device without asking for another one.
export async function canBeImmediate() {
  const known = await PublicKeyCredential.getClientCapabilities?.().catch(() => ({}));
  return known?.immediateGet === true;
}

// Tells the browser that the gateway does not know a passkey, so that it is not offered again.
export async function forget(rpId, credentialId) {
  await PublicKeyCredential.signalUnknownCredential?.({ rpId, credentialId }).catch(() => {});
}

// Tells the browser which passkeys of an account there are, so that no other is offered.
export async function keepOnly(rpId, userId, allAcceptedCredentialIds) {
  await PublicKeyCredential.signalAllAcceptedCredentials?.({ rpId, userId, allAcceptedCredentialIds }).catch(() => {});
}

// Whether this device itself can keep a passkey.
export async function canKeep() {
  return (await PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable?.().catch(() => false)) === true;
}
