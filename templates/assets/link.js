// The page of the device that can sign in: it approves, or shows a code for the new device. A new device that scanned
// that code waits here. The code in the address is read once and taken out of it.

import { Refusal, ask, look } from "./ask.js";
import * as card from "./card.js";
import * as passkeys from "./passkeys.js";
import { ended, over, remember, remembered, wait } from "./waiting.js";
import { unwatch, watch } from "./watch.js";

// The one call to the browser that may be under way.
let call = null;
let link = null;
// What the button at the end of a link does.
let again = begin;

// Goes on with a link that was found, from whichever side of it this browser is.
function follow(state) {
  link = state.link;
  if (state.role === "waiting") {
    card.show("add");
    return wait(state);
  }
  remember(link);
  return watch(state, judge);
}

let asked = false;

function judge(state) {
  if (state.stage === "shown") return;
  if (state.stage === "found") {
    if (!asked) question(state);
  } else {
    call?.abort();
    asked = false;
    if (state.stage === "approved") {
      remember(null);
      card.show("approved");
    } else over(state.stage === "denied" ? "turned-down" : state.stage);
  }
}

function question({ account, device }) {
  asked = true;
  card.show("approve", { account, device: device.description, when: device.when });
  card.only({ account: Boolean(account), same: device.same_network, other: !device.same_network });
  card.onSubmit((form, button) => {
    const number = form.elements.number.value.replace(/\s/g, "");
    if (/^\d\d$/.test(number)) return approve(number, form.elements.number, button);
    card.complain(card.words.numberInvalid);
    return form.elements.number.setAttribute("aria-invalid", "true");
  });
}

async function approve(number, field, button) {
  const mine = (call = new AbortController());
  card.busy(button);
  try {
    const { ceremony, options } = await ask("link/number", { link, number }, mine.signal);
    const credential = await passkeys.get(options, "modal", mine.signal);
    const state = await ask("link/approve", { ceremony, credential }, mine.signal);
    unwatch();
    judge(state);
  } catch (error) {
    if (mine.signal.aborted) return;
    card.idle();
    refused(error, field);
  }
}

function refused(error, field) {
  const ends = { "numbers-spent": "numbers-spent", "link-too-old": "too-old", "link-denied": "denied" };
  if (error.name === "NotAllowedError") card.tell("not-approved");
  else if (ends[error.code]) {
    unwatch();
    judge({ stage: ends[error.code] });
  } else {
    card.refused(error);
    if (error.code === "wrong-number") {
      field.setAttribute("aria-invalid", "true");
      field.select();
    }
  }
}

async function find(code) {
  again = () => find(code);
  try {
    const state = await ask("link/find", { code });
    again = begin;
    follow(state);
  } catch (error) {
    const heading = error.code === "no-link" ? card.words.none : card.words.failed;
    if (error.code) again = error.code === "offline" ? again : begin;
    ended(heading, error instanceof Refusal ? error.message : "");
  }
}

// Without a code: a signed-in browser shows one.
async function begin() {
  if (card.words.signIn) return location.replace(card.words.signIn);
  card.show();
  const face = document.getElementById("offer");
  face.hidden = false;
  try {
    const offer = await ask("link/offer", {});
    face.querySelector("img").src = offer.qr;
    card.put({ short: offer.short });
    follow({ ...offer, role: "approving", stage: "shown" });
  } catch (error) {
    card.refused(error);
  }
  return undefined;
}

// The code that the new device shows, typed here.
async function typed(form) {
  const { code } = form.elements;
  if (!code.value.trim()) return code.focus();
  try {
    const state = await ask("link/find", { code: code.value });
    return follow(state);
  } catch (error) {
    card.refused(error);
    return code.setAttribute("aria-invalid", "true");
  }
}

const actions = {
  restart: () => again(),
  cancel: () => {
    call?.abort();
    card.idle();
  },
  deny: async () => {
    unwatch();
    try {
      judge(await ask("link/deny", { link }));
    } catch (error) {
      refused(error);
    }
  },
};

async function start() {
  card.on(actions);
  card.onSubmit(typed);
  const code = location.hash.slice(1);
  const known = remembered();
  if (code) {
    history.replaceState(null, "", location.pathname + location.search);
    return find(code);
  }
  if (known) {
    const state = await look(`link/state?link=${encodeURIComponent(known)}`).catch(() => null);
    if (state?.stage === "found" || (state?.stage === "approved" && state.role === "waiting")) return follow(state);
  }
  return begin();
}

// Another code scanned into the same tab changes only the fragment.
addEventListener("hashchange", () => location.reload());

if (passkeys.supported) start();
else card.show("unsupported");
