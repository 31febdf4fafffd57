// Offers a passkey on this device, after a sign-in with another one's: once, and only where one can be kept.

import { ask } from "./ask.js";
import * as card from "./card.js";
import * as passkeys from "./passkeys.js";
import { setUp } from "./set-up.js";

const KEY = "bmauth-not-faster";
const leave = () => location.replace(card.words.returnTo);

const saidNo = card.attempt(() => localStorage.getItem(KEY));
const able = passkeys.supported && (await passkeys.canKeep());

if (saidNo || !able) leave();
else {
  document.getElementById("set-up").hidden = false;
  setUp((signal) => ask("devices/passkey/options", {}, signal), "devices/passkey/verify", leave);
  card.on({
    later: (link, event) => {
      event.preventDefault();
      card.attempt(() => localStorage.setItem(KEY, "1"));
      leave();
    },
  });
}
