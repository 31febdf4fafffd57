// The page that sets up a device once the code of a recovery was proved.

import { ask } from "./ask.js";
import { remembered } from "./address.js";
import * as card from "./card.js";
import { goOn } from "./onward.js";
import * as passkeys from "./passkeys.js";
import { setUp } from "./set-up.js";

function done(next) {
  remembered.set(card.words.email);
  goOn(next);
}

if (passkeys.supported) setUp((signal) => ask("recover/passkey/options", {}, signal), "recover/passkey/verify", done);
else passkeys.unsupported();
