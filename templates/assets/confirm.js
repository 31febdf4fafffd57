// Confirms one act with a passkey that the account has, and adds a passkey that way.

import { forget } from "./abilities.js";
import { ask } from "./ask.js";
import * as card from "./card.js";
import * as passkeys from "./passkeys.js";
import { explain } from "./set-up.js";

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
  if (error.name === "NotAllowedError") return card.tell("unchanged");
  return card.refused(error);
}

// Confirming and making are two presses: some browsers allow one dialog a press.
export function addPasskey(done) {
  card.show("confirm-add");
  card.onSubmit((form, button) =>
    run(button, async (signal) => make(await confirm({ act: "add" }, signal), done), unconfirmed),
  );
}

function make({ ceremony, options }, done) {
  card.show("device");
  const work = async (signal) => {
    const credential = await passkeys.create(options, signal);
    done((await ask("devices/passkey/verify", { ceremony, credential }, signal)).location);
  };
  const failed = (error, button) => {
    // What was confirmed is spent then, or too old: it is asked for once more.
    if (error.name === "Refusal") addPasskey(done);
    explain(error, button);
  };
  card.onSubmit((form, button) => run(button, work, failed));
}
