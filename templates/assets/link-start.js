// The page of a new device: it shows a code for the other device, or reads the one that the other shows.

import { ask } from "./ask.js";
import * as card from "./card.js";
import * as passkeys from "./passkeys.js";
import { remembered, wait } from "./waiting.js";
import { unwatch } from "./watch.js";

const first = document.getElementById("scan") ? "scan" : "show";
// What of the two is shown, or was shown last.
let face = first;
let camera = null;

function turn(name) {
  camera?.abort();
  unwatch();
  card.show(name === first ? undefined : "other");
  begin(name);
}

function begin(name) {
  face = name;
  if (name === "show") return showCode();
  return card.onSubmit((form) => {
    const code = form.elements.code.value.trim();
    if (code) find(code);
    else form.elements.code.focus();
  });
}

async function showCode() {
  card.only({ again: false, shown: true });
  try {
    const link = await ask("link/ask", { return_to: card.words.returnTo });
    if (face !== "show") return;
    document.querySelector(".qr img").src = link.qr;
    card.put({ short: link.short });
    wait({ ...link, stage: "shown" });
  } catch (error) {
    card.refused(error);
    card.only({ again: true, shown: false });
  }
}

// The other device's code, scanned or typed.
async function find(code) {
  camera?.abort();
  try {
    add(await ask("link/find", { code, return_to: card.words.returnTo }));
  } catch (error) {
    card.refused(error);
    document.getElementById("code")?.setAttribute("aria-invalid", "true");
  }
}

function add(state) {
  if (state.role === "approving") {
    // A code for the other side was typed: that is the other page, which goes on with it.
    history.pushState({ link: state.link }, "", "/_bmauth/link");
    return location.reload();
  }
  card.show("add");
  return wait(state);
}

const actions = {
  show: () => turn("show"),
  scan: () => turn("scan"),
  restart: () => turn(face),
  stop: () => camera?.abort(),
  camera: async (button) => {
    const box = document.querySelector(".camera");
    const mine = (camera = new AbortController());
    card.quiet();
    button.hidden = true;
    box.hidden = false;
    let code;
    try {
      const { scan } = await import("./scan.js");
      await scan(box.querySelector("video"), (text) => (code = read(text)), mine.signal);
    } catch {
      if (!mine.signal.aborted) noCamera();
    }
    box.hidden = true;
    button.hidden = false;
    if (code) find(code);
  },
};

// Only this site's own address is a code of ours: anything else is not followed, and not sent.
function read(text) {
  const [address, code] = text.split("#");
  if (address === `${location.origin}/_bmauth/link` && code) return code;
  card.tell("foreign");
  return undefined;
}

function noCamera() {
  card.tell("camera-off");
  document.getElementById("code").focus();
}

async function start() {
  card.on(actions);
  document.addEventListener("visibilitychange", () => document.hidden && camera?.abort());
  const state = await remembered();
  // A code that was not used yet is not known any more: it takes a new one.
  if (state?.stage === "found" || state?.stage === "approved") return add(state);
  return begin(first);
}

if (passkeys.supported) start();
else card.show("unsupported");
