// The face "Set up this device": makes a passkey on it and goes on.

import * as card from "./card.js";
import { goOn } from "./onward.js";
import * as passkeys from "./passkeys.js";
import { arrived } from "./refusal.js";

// Makes the buttons of the present face work. `begin` answers with ceremony and options; `verify` is where the passkey
// goes; `done` learns where to go on to.
export function setUp(begin, verify, done = goOn) {
  const face = document.getElementById("set-up");
  const button = face.querySelector('[data-do="create"]');
  let call = null;
  button.addEventListener("click", async () => {
    if (card.isBusy()) return;
    const mine = (call = new AbortController());
    card.busy(button);
    try {
      // With a passkey, nothing must be missing.
      const handing = arrived(import("./hand-in.js"));
      const [{ ceremony, options }, { handIn }] = await Promise.all([begin(mine.signal), handing]);
      const credential = await passkeys.create(options, mine.signal);
      const { location: next } = await handIn(verify, ceremony, options, credential, mine.signal);
      done(next);
    } catch (error) {
      if (mine.signal.aborted) return;
      card.idle();
      explain(error, button);
    }
  });
  face.querySelector('[data-do="cancel"]').addEventListener("click", () => {
    call?.abort();
    card.idle();
  });
}

// Says why no passkey was made.
export function explain(error, button) {
  if (error.name === "NotAllowedError") {
    button.querySelector("span").textContent = button.dataset.again;
    card.tell("none-made");
    card.refused(error, "");
  } else if (error.name === "InvalidStateError") {
    card.tell("already");
  } else {
    card.refused(error);
  }
}
