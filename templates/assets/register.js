// The page that creates an account: an address, then a passkey on this device. The code by mail comes next.

import { followOthers } from "./anew.js";
import { address as typed, remembered } from "./address.js";
import { ask } from "./ask.js";
import * as card from "./card.js";
import { onward } from "./onward.js";
import * as passkeys from "./passkeys.js";
import { arrived } from "./refusal.js";
import { explain } from "./set-up.js";

const form = document.getElementById("form");
const { email } = form.elements;
const button = form.querySelector(".main");

// The one call to the browser that may be under way.
let call = null;

async function register(address) {
  const mine = (call = new AbortController());
  card.busy(button);
  try {
    const body = { email: address, return_to: card.words.returnTo };
    const begin = ask("register/options", body, mine.signal);
    const [{ ceremony, options }, { handIn }] = await Promise.all([begin, arrived(import("./hand-in.js"))]);
    const credential = await passkeys.create(options, mine.signal);
    const { location: next } = await handIn("register/verify", ceremony, options, credential, mine.signal);
    remembered.set(address);
    location.assign(onward(next));
  } catch (error) {
    if (mine.signal.aborted) return;
    card.idle();
    explain(error, button);
  }
}

function start() {
  button.disabled = false;
  followOthers();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (card.isBusy()) return;
    card.quiet();
    const address = typed(email);
    if (address) register(address);
  });
  form.querySelector('[data-do="cancel"]').addEventListener("click", () => {
    call?.abort();
    card.idle();
  });
}

if (passkeys.supported) start();
else passkeys.unsupported();
