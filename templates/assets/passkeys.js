// The browser's passkey calls, and the plain JSON they become on the wire.

export const supported = Boolean(window.PublicKeyCredential && navigator.credentials?.create);

const toBytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));

function toText(buffer) {
  let binary = "";
  for (const byte of new Uint8Array(buffer)) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

const named = (credentials) => credentials?.map((one) => ({ ...one, id: toBytes(one.id) }));

function creation(json) {
  if (PublicKeyCredential.parseCreationOptionsFromJSON) return PublicKeyCredential.parseCreationOptionsFromJSON(json);
  return {
    ...json,
    challenge: toBytes(json.challenge),
    user: { ...json.user, id: toBytes(json.user.id) },
    excludeCredentials: named(json.excludeCredentials),
  };
}

function request(json) {
  if (PublicKeyCredential.parseRequestOptionsFromJSON) return PublicKeyCredential.parseRequestOptionsFromJSON(json);
  return { ...json, challenge: toBytes(json.challenge), allowCredentials: named(json.allowCredentials) };
}

// By hand and not with toJSON(): the stand-ins that password managers hand out often lack it, or fail in it.
function written(credential, response) {
  return {
    id: toText(credential.rawId),
    rawId: toText(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? null,
    clientExtensionResults: {},
    response,
  };
}

// Makes a passkey on this device.
export async function create(options, signal) {
  const credential = await navigator.credentials.create({ publicKey: creation(options), signal });
  const { response } = credential;
  const json = written(credential, {
    clientDataJSON: toText(response.clientDataJSON),
    attestationObject: toText(response.attestationObject),
    transports: response.getTransports?.() ?? [],
  });
  const { credProps } = credential.getClientExtensionResults?.() ?? {};
  if (credProps) json.clientExtensionResults = { credProps: { rk: credProps.rk } };
  return json;
}

// Uses a passkey. `how` is one of
// - "conditional": offered among the e-mail field's suggestions, without a dialog;
// - "immediate": a dialog, but only where this device has a passkey for this site;
// - "modal": a dialog, which may lead to another device.
export async function get(options, how, signal) {
  const asked = { publicKey: request(options) };
  // An immediate call may not carry a signal: only leaving the page ends it from our side.
  if (how === "immediate") asked.uiMode = how;
  else asked.signal = signal;
  if (how === "conditional") asked.mediation = how;
  const credential = await navigator.credentials.get(asked);
  const { response } = credential;
  return written(credential, {
    clientDataJSON: toText(response.clientDataJSON),
    authenticatorData: toText(response.authenticatorData),
    signature: toText(response.signature),
    userHandle: response.userHandle ? toText(response.userHandle) : null,
  });
}
