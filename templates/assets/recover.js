// The page that mails a code for recovery. In a browser without passkeys the code would be useless, so the page says so first.

import { canKeep } from "./abilities.js";
import * as passkeys from "./passkeys.js";

const inside = document.getElementById("inside");

if (!passkeys.supported) passkeys.unsupported();
else if (inside) inside.hidden = await canKeep();
