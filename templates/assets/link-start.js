// The page of a new device: it shows a code for the other device, or reads the one that the other shows.

import { ask } from "./ask.js";
import * as card from "./card.js";
import { texts } from "./texts.js";
import * as passkeys from "./passkeys.js";
import { remembered, wait } from "./waiting.js";
import { unwatch } from "./watch.js";

// What was shown last of "show", a code for a signed-in phone or computer, and "scan", which reads a computer's.
let begin = null;
let camera = null;

function leave() {
  camera?.abort();
  unwatch();
}

// A code is shown here, and goes on at the device of that kind.
function show(there) {
  begin = () => show(there);
  leave();
  card.show("show");
  card.only({ again: false, phone: there === "phone", computer: there === "computer" });
  showCode(begin);
}

// The other one is a computer, which shows a code.
function scan() {
  begin = scan;
  leave();
  card.show("scan");
  card.onSubmit((form, button) => {
    const code = form.elements.code.value.trim();
    if (!code) return form.elements.code.focus();
    card.busy(button, card.words.moment);
    return find(code);
  });
}

async function showCode(mine) {
  try {
    const link = await ask("link/ask", { return_to: card.words.returnTo });
    if (begin !== mine) return;
    document.querySelector(".qr img").src = link.qr;
    card.put({ short: link.short });
    wait({ ...link, stage: "shown" });
  } catch (error) {
    if (begin !== mine) return;
    card.refused(error);
    card.only({ again: true, shown: false, number: false });
  }
}

// The other device's code, scanned or typed.
async function find(code) {
  camera?.abort();
  try {
    add(await ask("link/find", { code, return_to: card.words.returnTo }));
  } catch (error) {
    card.idle();
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
  phone: () => show("phone"),
  // Between two computers, the shown code is typed: only phones and tablets can be held before a screen.
  computer: () => (document.getElementById("scan") ? scan() : show("computer")),
  where: () => {
    begin = null;
    leave();
    card.show();
  },
  restart: () => (begin ?? card.show)(),
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
    } catch (error) {
      if (!mine.signal.aborted) noCamera(error.name);
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

// Why there is no picture, by what the Media Capture standard calls it: which of the page's sentences says so.
const CAMERA = [
  ["NotAllowedError", "SecurityError"],
  ["NotFoundError", "OverconstrainedError"],
  ["NotReadableError", "AbortError"],
];

function noCamera(name) {
  card.tell("camera-off");
  card.put({ why: texts.camera?.[CAMERA.findIndex((names) => names.includes(name))] });
  document.getElementById("code").focus();
}

async function start() {
  card.on(actions);
  document.addEventListener("visibilitychange", () => document.hidden && camera?.abort());
  const state = await remembered();
  // A code that was not used yet is not known any more: a new one is needed.
  if (state?.stage !== "found" && state?.stage !== "approved") return;
  if (state.role === "approving") return add(state);
  card.show("show");
  card.only({ again: false, phone: false, computer: false });
  wait(state);
}

if (passkeys.supported) start();
else passkeys.unsupported();
