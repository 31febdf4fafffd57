// "Keep your account safe": what was chosen is confirmed with the passkey that this session was begun with.

import { ask } from "./ask.js";
import * as card from "./card.js";
import { run, stop, unconfirmed } from "./confirm.js";
import { goOn } from "./onward.js";
import * as passkeys from "./passkeys.js";

const form = document.getElementById("form");
const boxes = [...form.querySelectorAll('input[name="passkey"]')];
const listed = boxes.map((box) => box.value);

async function answer(remove, signal) {
  const asked = { remove, listed, return_to: card.words.returnTo || undefined };
  const { ceremony, options } = await ask("recover/review/options", asked, signal);
  const credential = await passkeys.get(options, "modal", signal);
  const { location: next } = await ask("recover/review/verify", { ceremony, credential }, signal);
  goOn(next);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (card.isBusy()) return;
  card.quiet();
  const keeps = event.submitter?.value === "keep";
  const remove = keeps ? [] : boxes.filter((box) => box.checked).map((box) => box.value);
  if (!keeps && remove.length === 0) return card.complain(card.words.nothingChosen);
  run(event.submitter, (signal) => answer(remove, signal), unconfirmed);
});

card.on({
  cancel: () => {
    stop();
    card.idle();
  },
});
