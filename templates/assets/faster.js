// Offers a passkey on this device, after a sign-in with another one's: once, and only where one can be kept.

import { canKeep } from "./abilities.js";
import * as card from "./card.js";
import { addPasskey, stop } from "./confirm.js";
import * as passkeys from "./passkeys.js";

const KEY = "bmauth-not-faster";
const leave = () => location.replace(card.words.returnTo);

// A browser may keep nothing: then it is asked each time.
function kept(action) {
  try {
    return action(localStorage);
  } catch {
    return null;
  }
}

const saidNo = kept((storage) => storage.getItem(KEY));
const able = passkeys.supported && (await canKeep());

if (saidNo || !able) leave();
else {
  document.getElementById("offer").hidden = false;
  card.on({
    add: () => addPasskey(leave),
    cancel: (button) => {
      stop();
      card.idle();
      if ("stays" in button.dataset) card.show();
    },
    later: (link, event) => {
      event.preventDefault();
      kept((storage) => storage.setItem(KEY, "1"));
      leave();
    },
  });
}
