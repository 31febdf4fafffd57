// "My devices": adds and removes passkeys, each confirmed with one, and tells the browser which ones there are.

import { forget, keepOnly } from "./abilities.js";
import { address } from "./address.js";
import { ask } from "./ask.js";
import * as card from "./card.js";
import * as passkeys from "./passkeys.js";
import { explain, setUp } from "./set-up.js";

const rows = [...document.querySelectorAll("[data-passkey]")];

// The one call to the browser that may be under way.
let call = null;

function run(button, work, failed) {
  const mine = (call = new AbortController());
  card.busy(button);
  return work(mine.signal).catch((error) => {
    if (mine.signal.aborted) return;
    card.idle();
    failed(error, button);
  });
}

// A passkey used just now, for `act`.
async function confirm(act, signal) {
  const { ceremony, options } = await ask("devices/confirm", act, signal);
  const credential = await passkeys.get(options, "modal", signal);
  try {
    return await ask("devices/confirm/verify", { ceremony, credential }, signal);
  } catch (error) {
    if (error.code === "unknown-passkey") await forget(options.rpId, credential.id);
    throw error;
  }
}

function unconfirmed(error) {
  if (error.name === "NotAllowedError") return card.tell("unchanged");
  // Another passkey was removed meanwhile: this is the last one now.
  if (error.code === "last-passkey") card.only({ last: true });
  return card.refused(error);
}

function remove(row) {
  const passkey = row.dataset.passkey;
  card.show("confirm-remove", { title: row.querySelector("strong").textContent });
  card.only({ last: rows.length === 1 });
  card.onSubmit((form, button) => {
    const act = { act: "remove", passkey };
    if (!form.querySelector('[data-if="last"]').hidden) {
      act.email = address(form.elements.email);
      if (!act.email) return;
    }
    run(
      button,
      async (signal) => {
        const { location: next } = await confirm(act, signal);
        location.assign(next);
      },
      unconfirmed,
    );
  });
}

function add(button) {
  card.quiet();
  run(
    button,
    async (signal) => {
      const { ceremony, options } = await ask("devices/passkey/options", {}, signal);
      const credential = await passkeys.create(options, signal);
      const { location: next } = await ask("devices/passkey/verify", { ceremony, credential }, signal);
      location.assign(next);
    },
    (error) => (error.code === "confirm-needed" ? addConfirmed() : explain(error, button)),
  );
}

// Confirming and making are two presses: some browsers allow one dialog a press.
function addConfirmed() {
  card.show("confirm-add");
  card.onSubmit((form, button) =>
    run(
      button,
      async (signal) => {
        const begun = await confirm({ act: "add" }, signal);
        card.show("device");
        setUp(async () => begun, "devices/passkey/verify", (next) => location.assign(next));
      },
      unconfirmed,
    ),
  );
}

function start() {
  card.on({
    remove: (button) => remove(button.closest("[data-passkey]")),
    add,
    cancel: (button) => {
      call?.abort();
      card.idle();
      if ("stays" in button.dataset) card.show();
    },
  });
  keepOnly(card.words.rp, card.words.user, rows.map((row) => row.dataset.passkey));
}

if (passkeys.supported) start();
else for (const part of document.querySelectorAll(".scripted")) part.hidden = true;
