// Confirms one act with a passkey that the account has.

import { forget } from "./abilities.js";
import { ask } from "./ask.js";
import * as card from "./card.js";
import * as passkeys from "./passkeys.js";

// The one call to the browser that may be under way.
let call = null;

// Does `work` for a press of `button`; `failed` says why it came to nothing, unless it was stopped.
export function run(button, work, failed) {
  const mine = (call = new AbortController());
  card.busy(button);
  return work(mine.signal).catch((error) => {
    if (mine.signal.aborted) return;
    card.idle();
    failed(error, button);
  });
}

export const stop = () => call?.abort();

// A passkey used just now, for `act` and nothing else.
export async function confirm(act, signal) {
  const { ceremony, options } = await ask("devices/confirm", act, signal);
  const credential = await passkeys.get(options, "modal", signal);
  try {
    return await ask("devices/confirm/verify", { ceremony, credential }, signal);
  } catch (error) {
    if (error.code === "unknown-passkey") await forget(options.rpId, credential.id);
    throw error;
  }
}

export function unconfirmed(error) {
  const closed = error.name === "NotAllowedError";
  if (closed) card.tell("unchanged");
  card.refused(error, closed ? "" : undefined);
}
