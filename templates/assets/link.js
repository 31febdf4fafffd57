// The device that can sign in: it approves, or shows a code for the new device, which waits here once it has scanned it.
// The code in the address is read once and taken out of it.

import { Refusal, ask } from "./ask.js";
import * as card from "./card.js";
import * as passkeys from "./passkeys.js";
import { ended, over, remember, remembered, wait } from "./waiting.js";
import { unwatch, watch } from "./watch.js";

// The one call to the browser that may be under way.
let call = null;
let link = null;
// What the button at the end of a link does.
let again = begin;

// Goes on with a link from this browser's side.
function follow(state) {
  link = state.link;
  if (state.role === "waiting") {
    card.show("add");
    return wait(state);
  }
  remember(link);
  return watch(state, judge);
}

function judge(state) {
  const { stage } = state;
  if (stage === "shown") return;
  if (stage === "found") {
    if (!document.getElementById("number")) question(state);
    return;
  }
  unwatch();
  call?.abort();
  if (stage === "approved") {
    remember(null);
    card.show(stage);
  } else over(stage === "denied" ? "turned-down" : stage);
}

function question({ account, device }) {
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
    const state = await ask("link/approve", { ceremony, credential }, mine.signal).catch((error) => {
      if (error.code === "unknown-passkey") forget(options.rpId, credential.id);
      throw error;
    });
    judge(state);
  } catch (error) {
    if (mine.signal.aborted) return;
    card.idle();
    refused(error, field);
  }
}

const forget = async (rpId, id) => (await import("./abilities.js")).forget(rpId, id);

function refused(error, field) {
  if (error.name === "NotAllowedError") return card.tell("not-approved");
  // A DOMException's code is a number.
  const stage = String(error.code).replace("link-", "");
  if (["numbers-spent", "too-old", "denied"].includes(stage)) return judge({ stage });
  card.refused(error);
  if (stage !== "wrong-number") return undefined;
  field.value = "";
  return field.setAttribute("aria-invalid", "true");
}

const find = (code, failed) => ask("link/find", { code }).then(follow).catch(failed);

// The code in the address.
function scanned(code) {
  find(code, (error) => {
    const isOver = error.code && error.code !== "offline";
    again = isOver ? begin : () => scanned(code);
    ended(isOver ? card.words.none : card.words.failed, error instanceof Refusal ? error.message : "");
  });
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

// The code that the new device shows.
function typed({ elements: { code } }) {
  if (!code.value.trim()) return code.focus();
  return find(code.value, (error) => {
    card.refused(error);
    code.setAttribute("aria-invalid", "true");
  });
}

const actions = {
  restart: () => again(),
  cancel: () => {
    call?.abort();
    card.idle();
  },
  deny: () => ask("link/deny", { link }).then(judge).catch(refused),
};

async function start() {
  card.on(actions);
  card.onSubmit(typed);
  const code = location.hash.slice(1);
  if (code) {
    history.replaceState(null, "", location.pathname + location.search);
    return scanned(code);
  }
  const state = await remembered();
  if (state?.stage === "found" || (state?.stage === "approved" && state.role === "waiting")) return follow(state);
  return begin();
}

// Another code scanned into the same tab changes only the fragment.
addEventListener("hashchange", () => location.reload());

if (passkeys.supported) start();
else card.show("unsupported");
