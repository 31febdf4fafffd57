// "My devices": acts that are confirmed with a passkey.

import { keepOnly } from "./abilities.js";
import { address } from "./address.js";
import * as card from "./card.js";
import { confirm, run, stop, unconfirmed } from "./confirm.js";
import { addPasskey, face } from "./faces.js";
import * as passkeys from "./passkeys.js";
import { come } from "./texts.js";

const rows = [...document.querySelectorAll("[data-passkey]")];
const go = (next) => location.assign(next);

function failed(error) {
  // Another passkey was removed meanwhile: this is the last one now.
  if (error.code === "last-passkey") card.only({ last: true });
  unconfirmed(error);
}

function remove(row) {
  const passkey = row.dataset.passkey;
  const [title, details] = ["strong", "small"].map((part) => row.querySelector(part).innerText);
  face("remove", { title, details, isLast: rows.length === 1 }, (form, button) => {
    const act = { act: "remove", passkey };
    if (!form.querySelector('[data-if="last"]').hidden) {
      act.email = address(form.elements.email);
      if (!act.email) return;
    }
    run(button, async (signal) => go((await confirm(act, signal)).location), failed);
  });
}

function stopRecovery() {
  const act = { act: "stop-recovery" };
  face("stop", {}, (form, button) => run(button, async (signal) => go((await confirm(act, signal)).location), failed));
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
else {
  for (const part of document.querySelectorAll(".scripted")) part.hidden = true;
  come.then(() => card.tell("unsupported"));
}
