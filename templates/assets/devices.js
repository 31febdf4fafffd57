// "My devices": adds and removes passkeys and stops a recovery, each confirmed with a passkey, and tells the browser which
// passkeys there are.

import { keepOnly } from "./abilities.js";
import { address } from "./address.js";
import * as card from "./card.js";
import { addPasskey, confirm, run, stop, unconfirmed } from "./confirm.js";
import * as passkeys from "./passkeys.js";

const rows = [...document.querySelectorAll("[data-passkey]")];
const go = (next) => location.assign(next);

// What is said where an act was not confirmed.
function failed(error) {
  // Another passkey was removed meanwhile: this is the last one now.
  if (error.code === "last-passkey") card.only({ last: true });
  unconfirmed(error);
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
    run(button, async (signal) => go((await confirm(act, signal)).location), failed);
  });
}

function stopRecovery() {
  card.show("confirm-stop");
  const act = { act: "stop-recovery" };
  card.onSubmit((form, button) => run(button, async (signal) => go((await confirm(act, signal)).location), failed));
}

function start() {
  card.on({
    remove: (button) => remove(button.closest("[data-passkey]")),
    add: () => addPasskey(go),
    "stop-recovery": stopRecovery,
    cancel: (button) => {
      stop();
      card.idle();
      if ("stays" in button.dataset) card.show();
    },
  });
  keepOnly(card.words.rp, card.words.user, rows.map((row) => row.dataset.passkey));
}

if (passkeys.supported) start();
else for (const part of document.querySelectorAll(".scripted")) part.hidden = true;
