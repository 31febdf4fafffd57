// Offers a passkey on this device, after a sign-in with another one's: once, and only where one can be kept.

import { canKeep } from "./abilities.js";
import * as card from "./card.js";
import { stop } from "./confirm.js";
import { addPasskey } from "./faces.js";
import { goOn } from "./onward.js";
import * as passkeys from "./passkeys.js";

// A cookie, for our pages alone (without a path it goes where this page lies): what is stored otherwise goes with the app's
// at signing out, and then the same would be asked at each sign-in. It holds for as long as browsers let it, about a year.
const NO = "bmauth-not-faster=1";
const leave = () => goOn(card.words.returnTo);

const saidNo = document.cookie.split("; ").includes(NO);
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
      document.cookie = `${NO}; max-age=34560000; samesite=lax; secure`;
      leave();
    },
  });
}
