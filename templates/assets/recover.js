// The page that mails a code for getting back in. Without passkeys the code would be in vain: that is said before it is asked for.

import { canKeep } from "./abilities.js";
import * as passkeys from "./passkeys.js";

const inside = document.getElementById("inside");

if (!passkeys.supported) passkeys.unsupported();
else if (inside) inside.hidden = await canKeep();
