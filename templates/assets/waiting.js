// The side of a link that waits: it shows a number, and once approved makes its passkey.

import { ask, look } from "./ask.js";
import * as card from "./card.js";
import { arrived } from "./refusal.js";
import { come, texts } from "./texts.js";
import { unwatch, watch } from "./watch.js";

// Waits on the present face, and on the next one until the passkey is made: it may be turned down there, too.
export function wait(state) {
  remember(state.link);
  let approved = false;
  watch(state, (now) => {
    if (now.stage === "approved") {
      if (!approved) device(now.link);
      approved = true;
      return undefined;
    }
    // What is sent meanwhile is answered: it may have been the link's end.
    if (now.stage !== "shown" && now.stage !== "found") return approved && card.isBusy() ? undefined : over(now.stage);
    card.put({ number: now.number });
    return card.only({ shown: now.stage === "shown", found: now.stage === "found" });
  });
}

function device(link) {
  const begin = (signal) => ask("link/passkey/options", { link }, signal);
  const files = [import("./set-up.js"), import("./address.js"), import("./onward.js")];
  arrived(Promise.all(files)).then(([{ setUp }, { remembered }, { goOn }]) => {
    card.show("device");
    setUp(begin, "link/passkey/verify", async (next) => {
      unwatch();
      // Whose device this is, it learns only now.
      const who = await look("whoami").catch(() => null);
      if (who) remembered.set(who.email);
      goOn(next);
    });
  }, card.refused);
}

// The end of a link, in the words there are for it.
export async function over(stage) {
  await come;
  ended(...(texts[stage] ?? [card.words.failed]));
}

export function ended(heading, text) {
  remember(null);
  card.show("over", { heading, text });
}

// In another language, the page goes on with its link.
document.querySelector("footer nav")?.addEventListener("click", (event) => {
  const { href } = event.target;
  if (!href || !history.state?.link) return;
  event.preventDefault();
  history.replaceState(history.state, "", href);
  location.reload();
});

// A reloaded page goes on with its link.
export const remember = (link) => history.replaceState({ link }, "");
export async function remembered() {
  const link = history.state?.link;
  return link ? look(`link/state?link=${link}`).catch(() => null) : null;
}
