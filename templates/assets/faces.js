// The faces on which something is done to one's passkeys: one shape, with words that come apart from the page.

import { ask } from "./ask.js";
import * as card from "./card.js";
import { confirm, run, unconfirmed } from "./confirm.js";
import * as passkeys from "./passkeys.js";
import { explain } from "./set-up.js";
import { come, texts } from "./texts.js";

// The text beside a picture is in the page once the picture has come.
come.then(() => {
  for (const [id, text] of Object.entries(texts.told ?? {})) {
    const told = document.createElement("template");
    told.id = id;
    told.content.append(text);
    document.body.append(told);
  }
});

// Shows the face of an act, with `values` in their places and the parts that stand for these. `act(form, button)` is what
// sending it does.
export async function face(name, values, act) {
  await come;
  if (!texts[name]) return card.complain(card.words.failed, true);
  const [heading, text, button] = texts[name];
  card.show("confirm", { heading, text, button, last: texts.last, ...values });
  card.only({ row: "title" in values, last: Boolean(values.isLast), name: name === "make" });
  document.querySelector("#form .main").classList.toggle("danger", name === "remove");
  return card.onSubmit(act);
}

// Confirming and making are two presses: some browsers allow one dialog a press.
export function addPasskey(done) {
  return face("add", {}, (form, button) =>
    run(button, async (signal) => make(await confirm({ act: "add" }, signal), done), unconfirmed),
  );
}

function make({ ceremony, options }, done) {
  const work = async (signal) => {
    const credential = await passkeys.create(options, signal);
    const name = document.getElementById("passkey-name").value;
    done((await ask("devices/passkey/verify", { ceremony, credential, name }, signal)).location);
  };
  const failed = async (error, button) => {
    // What was confirmed is spent then, or too old: it is asked for once more.
    if (error.name === "Refusal") await addPasskey(done);
    explain(error, button);
  };
  return face("make", {}, (form, button) => run(button, work, failed));
}
