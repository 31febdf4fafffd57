// The side of a link that waits: it shows a number, and once approved makes its passkey.

import { ask, look } from "./ask.js";
import * as card from "./card.js";
import { watch } from "./watch.js";

// Waits on the present face.
export function wait(state) {
  remember(state.link);
  watch(state, (now) => {
    if (now.stage === "approved") return device(now.link);
    if (now.stage !== "shown" && now.stage !== "found") return over(now.stage);
    card.put({ number: now.number });
    return card.only({ shown: now.stage === "shown", found: now.stage === "found" });
  });
}

function device(link) {
  const begin = (signal) => ask("link/passkey/options", { link }, signal);
  import("./set-up.js").then(({ setUp }) => {
    card.show("device");
    setUp(begin, "link/passkey/verify");
  }, card.refused);
}

// The end of a link, in the words that the page has for it.
export function over(stage) {
  const known = card.words[stage.replace(/-./g, (dash) => dash[1].toUpperCase())] ?? card.words.failed;
  const [heading, text] = known.split("|");
  ended(heading, text);
}

export function ended(heading, text) {
  remember(null);
  card.show("over", { heading, text });
}

// A reloaded page goes on with its link.
export const remember = (link) => history.replaceState({ link }, "");
export async function remembered() {
  const link = history.state?.link;
  return link ? look(`link/state?link=${link}`).catch(() => null) : null;
}
