// The browser's answer to a passkey call, as plain JSON to be sent. A password manager may replace the browser's functions
// with similar objects: whatever can be read of them is used, because the passkey exists by then.

import { ask } from "./ask.js";

// The value of a property, or the result if it is a function; nothing if that fails.
function read(object, name) {
  try {
    const value = object[name];
    return typeof value === "function" ? value.call(object) : value;
  } catch {
    return undefined;
  }
}

// Bytes as base64url: an ArrayBuffer, a view on one, a list of numbers in any form, or what is text already.
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

// By hand and not with toJSON(), which replacements often lack, or fail in. It is used only for what is missing otherwise.
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

// What went wrong, by its name in the standard. The gateway counts it and has the sentence: `said`. If another sentence is
// shown, nothing waits for the gateway.
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
