// Offers a passkey on this device, after a sign-in with another one's: once, and only where one can be kept.

import { canKeep } from "./abilities.js";
import * as card from "./card.js";
import { stop } from "./confirm.js";
import { addPasskey } from "./faces.js";
import { goOn } from "./onward.js";
import * as passkeys from "./passkeys.js";

// A cookie, only for our pages (without a path it is for this page's folder). Other storage is cleared with the app's at
// sign-out, and then each sign-in would ask again. Browsers keep the cookie for about a year.
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
