// "My account": changes the address, downloads the data and deletes the account, each confirmed with a passkey, and tells
// the browser the account's current name.

import { keepOnly } from "./abilities.js";
import { address, remembered } from "./address.js";
import * as card from "./card.js";
import { confirm, run, stop, unconfirmed } from "./confirm.js";
import * as passkeys from "./passkeys.js";

const { rp, user, email, name } = card.words;

// Tells the browser the account's name, so that its passkeys are offered under that name.
async function rename() {
  const details = { rpId: rp, userId: user, name: email, displayName: name || email };
  await PublicKeyCredential.signalCurrentUserDetails?.(details).catch(() => {});
}

// Hands the browser a file to keep.
function save(data) {
  const file = new Blob([JSON.stringify(data, null, 2)], { type: "application/json" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = "account.json";
  link.click();
  // Not before the browser has begun to read it.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function download() {
  card.show("confirm-download");
  const work = async (signal) => {
    save(await confirm({ act: "download" }, signal));
    card.show();
    card.tell("downloaded");
  };
  card.onSubmit((form, button) => run(button, work, unconfirmed));
}

function change() {
  card.show("confirm-change");
  const work = (to) => async (signal) => location.assign((await confirm({ act: "change-address", to }, signal)).location);
  card.onSubmit((form, button) => {
    const to = address(form.elements.email);
    if (to) run(button, work(to), unconfirmed);
  });
}

function remove() {
  card.show("confirm-delete");
  const work = (typed) => async (signal) => {
    const { location: next } = await confirm({ act: "delete-account", email: typed }, signal);
    remembered.clear();
    await keepOnly(rp, user, []);
    location.replace(next);
  };
  card.onSubmit((form, button) => {
    const typed = address(form.elements.email);
    if (typed) run(button, work(typed), unconfirmed);
  });
}

function start() {
  card.on({
    change,
    download,
    delete: remove,
    cancel: () => {
      stop();
      card.show();
    },
  });
  rename();
}

if (passkeys.supported) start();
else for (const part of document.querySelectorAll(".scripted")) part.hidden = true;
