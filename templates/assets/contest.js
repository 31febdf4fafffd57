// "This account was recovered": an older passkey says that it was another person.

import { ask } from "./ask.js";
import * as card from "./card.js";
import { run, stop, unconfirmed } from "./confirm.js";
import * as passkeys from "./passkeys.js";

// Asking spends it, and the challenge stands for it then: a closed dialog can be opened again, and the page loaded anew.
let question = card.words.question;

async function contest(signal) {
  const { ceremony, options } = await ask("contest/options", { question }, signal);
  question = ceremony;
  history.replaceState(null, "", `?question=${question}${location.hash}`);
  const credential = await passkeys.get(options, "modal", signal);
  await ask("contest/verify", { ceremony, credential }, signal);
  card.show("stopped");
}

card.on({
  me: () => card.show("was-me"),
  "not-me": (button) => run(button, contest, unconfirmed),
  cancel: () => {
    stop();
    card.idle();
  },
});
