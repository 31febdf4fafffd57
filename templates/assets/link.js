// The device that can sign in: it approves, or shows a code for the new device, which waits here once it has scanned it.
// The code in the address is read once and taken out of it.

import { ask } from "./ask.js";
import * as card from "./card.js";
import { Refusal } from "./refusal.js";
import { come, texts } from "./texts.js";
import * as passkeys from "./passkeys.js";
import { ended, over, remember, remembered, wait } from "./waiting.js";
import { unwatch, watch } from "./watch.js";

// The one call to the browser that may be under way.
let call = null;
let link = null;
// The link as it was told last.
let told = null;
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
    told = state;
    if (!document.getElementById("number")) question(state);
    else if (!card.isBusy()) list(state.devices);
    return;
  }
  unwatch();
  call?.abort();
  if (stage === "approved" || stage === "elsewhere") {
    remember(null);
    card.show(stage);
  } else over(stage === "denied" ? "turned-down" : stage);
}

function question({ account, devices }) {
  card.show("approve", { account });
  card.only({ account: Boolean(account) });
  list(devices);
  card.onSubmit((form, button) => {
    const number = form.elements.number.value.replace(/[\s\p{Cf}]/gu, "");
    if (/^\p{Nd}{2}$/u.test(number)) return approve(number, form.elements.number, button);
    card.complain(texts.numberInvalid ?? card.words.failed);
    return form.elements.number.setAttribute("aria-invalid", "true");
  });
}

// Says who waits: each browser that has the code, or the one whose number was typed.
function list(devices) {
  const faces = devices.map(({ description, network, when }) => {
    const face = card.copy("a-device");
    const put = (name, text) => (face.querySelector(`[data-put="${name}"]`).textContent = text);
    put("device", description);
    put("when", when);
    for (const part of face.querySelectorAll("[data-if]")) part.hidden = part.dataset.if !== network;
    return face;
  });
  document.getElementById("devices").replaceChildren(...faces);
  const away = document.getElementById("away");
  away.hidden = devices.every(({ network }) => network !== "other");
  card.only({ several: devices.length > 1 });
}

async function approve(number, field, button) {
  const mine = (call = new AbortController());
  card.busy(button);
  try {
    const { ceremony, options, device } = await ask("link/number", { link, number }, mine.signal);
    if (device) list([device]);
    const credential = await passkeys.get(options, "modal", mine.signal);
    const state = await ask("link/approve", { ceremony, credential }, mine.signal).catch((error) => {
      if (error.code === "unknown-passkey") forget(options.rpId, credential.id);
      throw error;
    });
    judge(state);
  } catch (error) {
    if (mine.signal.aborted) return;
    card.idle();
    list(told.devices);
    refused(error, field);
  }
}

const forget = async (rpId, id) => (await import("./abilities.js")).forget(rpId, id);

function refused(error, field) {
  if (error.name === "NotAllowedError") {
    card.tell("not-approved");
    return card.refused(error, "");
  }
  // A DOMException's code is a number.
  const stage = String(error.code).replace("link-", "");
  if (["numbers-spent", "too-old", "denied", "elsewhere"].includes(stage)) return judge({ stage });
  card.refused(error);
  if (stage !== "wrong-number") return undefined;
  field.value = "";
  return field.setAttribute("aria-invalid", "true");
}

const find = (code) => ask("link/find", { code }).then(follow);

// Does `work` for a press of `button`, which says so meanwhile.
function press(button, work, failed = refused) {
  card.busy(button, card.words.moment);
  work().catch((error) => {
    card.idle();
    failed(error);
  });
}

// The code in the address.
function scanned(code) {
  find(code).catch(async (error) => {
    await come;
    const isOver = error.code && error.code !== "offline";
    again = isOver ? begin : () => scanned(code);
    ended((isOver && texts.none) || card.words.failed, error instanceof Refusal ? error.message : "");
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
function typed({ elements: { code } }, button) {
  if (!code.value.trim()) return code.focus();
  const failed = (error) => {
    card.refused(error);
    code.setAttribute("aria-invalid", "true");
  };
  return press(button, () => find(code.value), failed);
}

// Once the new device has its passkey, the link no longer exists.
const undeniable = (error) => (error.code === "no-link" ? over("gone") : refused(error));

const actions = {
  restart: () => again(),
  cancel: () => {
    call?.abort();
    card.idle();
    list(told.devices);
  },
  deny: (button) => press(button, () => ask("link/deny", { link }).then(judge), undeniable),
};

async function start() {
  card.on(actions);
  // Who is not signed in has no form here.
  if (!card.words.signIn) card.onSubmit(typed);
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
else passkeys.unsupported();
