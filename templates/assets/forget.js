// Tells the browser which passkeys came to nothing, on a page that shows something else.

import { forget } from "./abilities.js";

const { rp, forget: ids } = document.querySelector("main").dataset;
if (window.PublicKeyCredential) for (const id of ids.split(" ")) forget(rp, id);
