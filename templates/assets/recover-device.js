// The page that sets up a device once the code of a recovery was proved.

import { ask } from "./ask.js";
import * as card from "./card.js";
import * as passkeys from "./passkeys.js";
import { setUp } from "./set-up.js";

if (passkeys.supported) setUp((signal) => ask("recover/passkey/options", {}, signal), "recover/passkey/verify");
else card.show("unsupported");
