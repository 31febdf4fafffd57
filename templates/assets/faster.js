// Offers a passkey on this device, after a sign-in with another one's: once, and only where one can be kept.

import { canKeep } from "./abilities.js";
import { ask } from "./ask.js";
import * as card from "./card.js";
import * as passkeys from "./passkeys.js";
import { setUp } from "./set-up.js";

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
  document.getElementById("set-up").hidden = false;
  setUp((signal) => ask("devices/passkey/options", {}, signal), "devices/passkey/verify", leave);
  card.on({
    later: (link, event) => {
      event.preventDefault();
      kept((storage) => storage.setItem(KEY, "1"));
      leave();
    },
  });
}
