// The sign-in page: by e-mail address, by the button, and by the suggestions of the e-mail input.

import * as abilities from "./abilities.js";
import { followOthers } from "./anew.js";
import { address as typed, remembered } from "./address.js";
import { ask } from "./ask.js";
import * as card from "./card.js";
import { goOn } from "./onward.js";
import * as passkeys from "./passkeys.js";

// A ceremony lives five minutes on the gateway: suggestions are renewed before that, but not for ever.
const RENEW_AFTER = 4 * 60 * 1000;
const MOST_RENEWALS = 30;

const form = document.getElementById("form");
const { email } = form.elements;
const return_to = card.words.returnTo;
const immediate = passkeys.supported && abilities.canBeImmediate();

// The one call to the browser that may be under way.
let call = null;
let renewal = 0;
let renewals = 0;
// What "Try again" tries again.
let last = { address: null, how: "modal" };

function begin() {
  call?.abort();
  clearTimeout(renewal);
  call = new AbortController();
  return call;
}

function stop() {
  call?.abort();
  clearTimeout(renewal);
  call = null;
}

const options = (address, mine) => ask("sign-in/options", { email: address, return_to }, mine.signal);

// Hands the device's answer in; ends on the page that was asked for.
async function finish(begun, credential, mine, address) {
  try {
    const { location: next } = await ask("sign-in/verify", { ceremony: begun.ceremony, credential }, mine.signal);
    if (address) remembered.set(address);
    // Another host has sent its visitor here, and is handed over to by this very address.
    if (/^http/.test(next) && new URLSearchParams(location.search).has("state")) location.reload();
    else goOn(next);
  } catch (error) {
    if (error.code === "unknown-passkey") await abilities.forget(begun.options.rpId, credential.id);
    throw error;
  }
}

// Shows why it did not work. A closed window and no passkey here look the same, and neither is a mistake.
function explain(error) {
  card.idle();
  if (error.name === "NotAllowedError") {
    card.show("elsewhere");
    return card.refused(error, "");
  }
  // No account has it: the browser has been told, and another one may be chosen.
  if (error.code === "unknown-passkey") return card.show("gone");
  // Trying the same again leads nowhere: the ways on are shown beside the reason.
  if (error.code === "not-accepted") card.show("elsewhere");
  card.refused(error);
  return suggest();
}

// A passkey by dialog, because the visitor pressed `button`.
async function signIn(button, address, how) {
  const mine = begin();
  last = { address, how };
  card.busy(button);
  try {
    const begun = await options(address, mine);
    const credential = await passkeys.get(begun.options, how, mine.signal);
    await finish(begun, credential, mine, address);
  } catch (error) {
    if (!mine.signal.aborted) explain(error);
  }
}

// A passkey among the suggestions of the e-mail input. The visitor has not asked for anything yet, so until one is chosen,
// failures are not shown.
async function suggest() {
  if (card.isBusy() || !email.isConnected) return;
  const mine = begin();
  let begun;
  let credential;
  try {
    if (!(await abilities.canSuggest())) return;
    begun = await options(null, mine);
    if (mine.signal.aborted) return;
    renewal = setTimeout(renew, RENEW_AFTER);
    credential = await passkeys.get(begun.options, "conditional", mine.signal);
  } catch {
    if (call === mine) stop();
    return;
  }
  if (mine.signal.aborted) return;
  clearTimeout(renewal);
  card.busy(form.querySelector(".main"));
  try {
    await finish(begun, credential, mine);
  } catch (error) {
    if (!mine.signal.aborted) explain(error);
  }
}

function renew() {
  stop();
  renewals += 1;
  if (!document.hidden && renewals <= MOST_RENEWALS) suggest();
}

const resume = () => {
  if (!call && !document.hidden) suggest();
};

const actions = {
  passkey: async (button) => signIn(button, null, (await immediate) ? "immediate" : "modal"),
  // Not "immediate" again: this time the browser may offer another device.
  again: (button) => signIn(button, last.address, "modal"),
  cancel: () => {
    // The browser lets no script end an immediate call, and would refuse the next one while it lasts.
    if (last.how === "immediate") return location.reload();
    stop();
    card.idle();
    return suggest();
  },
  back: () => {
    card.show();
    email.focus();
    suggest();
  },
  forget: (button) => {
    remembered.clear();
    email.value = "";
    button.hidden = true;
    email.focus();
  },
};

function start() {
  for (const button of form.querySelectorAll("button[disabled]")) button.disabled = false;
  const known = remembered.get();
  if (known && !email.value) {
    email.value = known;
    email.select(); // typing another address takes its place
    form.querySelector('[data-do="forget"]').hidden = false;
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (card.isBusy()) return;
    card.quiet();
    const address = typed(email);
    if (address) signIn(form.querySelector(".main"), address, "modal");
  });
  document.querySelector("main").addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button && button.getAttribute("aria-disabled") !== "true") actions[button.dataset.do](button);
  });
  document.addEventListener("visibilitychange", resume);
  email.addEventListener("focus", resume);
  followOthers();
  suggest();
}

if (passkeys.supported) start();
else passkeys.unsupported();
