// The browser's passkey calls.

import { arrived } from "./refusal.js";

export const supported = Boolean(window.PublicKeyCredential && navigator.credentials?.create && navigator.credentials.get);

// Leads on to what to do instead.
export const unsupported = () => import("./unsupported.js");

const answers = () => arrived(import("./answers.js"));

// The options as the browser takes them.
async function parsed(method, options) {
  try {
    return PublicKeyCredential[method](options);
  } catch {
    return (await arrived(import("./by-hand.js"))).options(options);
  }
}

// Calls the browser. A password manager's replacement that cannot pass on a signal is called without one.
async function call(method, asked) {
  try {
    return await navigator.credentials[method](asked);
  } catch (error) {
    if (error?.name !== "DataCloneError" || asked.signal?.aborted) throw error;
    return navigator.credentials[method]({ ...asked, signal: undefined });
  }
}

// Makes a passkey on this device.
export async function create(options, signal) {
  // Checked before it is made: once there is a passkey, nothing may be missing.
  const { made, failed } = await answers();
  try {
    const publicKey = await parsed("parseCreationOptionsFromJSON", options);
    return made(await call("create", { publicKey, signal }));
  } catch (thrown) {
    throw failed("create", thrown, signal);
  }
}

// Uses a passkey. `how` is one of
// - "conditional": offered among the e-mail input's suggestions, without a dialog;
// - "immediate": a dialog, but only where this device has a passkey for this site;
// - "modal": a dialog, which may lead to another device.
export async function get(options, how, signal) {
  try {
    const asked = { publicKey: await parsed("parseRequestOptionsFromJSON", options) };
    // An immediate call may not carry a signal: only leaving the page ends it from our side.
    if (how === "immediate") asked.uiMode = how;
    else asked.signal = signal;
    if (how === "conditional") asked.mediation = how;
    const credential = await call("get", asked);
    return (await answers()).used(credential);
  } catch (thrown) {
    // The visitor did not ask for suggestions, so nothing is missing.
    throw how === "conditional" ? thrown : (await answers()).failed("get", thrown, signal);
  }
}
