// What the browser answers a passkey call, as plain JSON for the wire. A password manager may stand in for the browser, with
// objects that are only alike: whatever can be read of them is good, since the passkey is made by then.

import { ask } from "./ask.js";

// What stands under a name, or what it answers where it is to be called; nothing where that fails.
function read(object, name) {
  try {
    const value = object[name];
    return typeof value === "function" ? value.call(object) : value;
  } catch {
    return undefined;
  }
}

// Bytes as base64url: an ArrayBuffer, a view on one, a list of numbers in whatever dress, or what is text already.
function text(given) {
  if (given === undefined || given === null) return null;
  return (typeof given === "string" ? given : btoa(binary(given)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

function binary(given) {
  const { buffer = given, byteOffset, byteLength } = given;
  const bytes = byteLength === undefined ? Object.values(given) : new Uint8Array(buffer, byteOffset, byteLength);
  return String.fromCharCode(...bytes);
}

// By hand and not with toJSON(), which the stand-ins often lack, or fail in: it is asked for what is missing otherwise.
function written(credential, needed, rest = []) {
  const given = read(credential, "response");
  const json = () => read(credential, "toJSON");
  const response = {};
  for (const name of [...needed, ...rest]) response[name] = text(read(given, name) ?? json()?.response?.[name]);
  const id = text(read(credential, "rawId") ?? read(credential, "id") ?? json()?.id);
  if (!id || needed.some((name) => !response[name])) throw new TypeError("parts of the answer are missing");
  const attachment = read(credential, "authenticatorAttachment");
  return {
    id,
    rawId: id,
    type: "public-key",
    authenticatorAttachment: typeof attachment === "string" ? attachment : null,
    clientExtensionResults: {},
    response,
  };
}

export function made(credential) {
  const json = written(credential, ["clientDataJSON", "attestationObject"]);
  const transports = read(read(credential, "response"), "getTransports");
  json.response.transports = Array.isArray(transports) ? transports.filter((one) => typeof one === "string") : [];
  const rk = read(credential, "getClientExtensionResults")?.credProps?.rk;
  if (typeof rk === "boolean") json.clientExtensionResults = { credProps: { rk } };
  return json;
}

export const used = (credential) =>
  written(credential, ["clientDataJSON", "authenticatorData", "signature"], ["userHandle"]);

// What went wrong, by the name that the standard has for it. The gateway is told, counts it, and has the words: `said`. Nobody
// waits for that who is told something else.
export function failed(ceremony, thrown, signal) {
  const error = new Error();
  error.name = String(thrown?.name ?? "other");
  if (signal?.aborted) return error;
  const body = { ceremony, name: error.name };
  error.said = ask("webauthn-error", body, AbortSignal.timeout?.(4000), true).then(
    ({ message }) => message,
    () => undefined,
  );
  return error;
}
