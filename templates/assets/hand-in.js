// A new passkey on its way to the gateway.

import { forget } from "./abilities.js";
import { ask } from "./ask.js";

// Sends a new passkey to the gateway. If it is refused, it cannot sign in. If the outcome is unknown, it may be valid.
export const handIn = (verify, ceremony, { rp }, credential, signal) =>
  ask(verify, { ceremony, credential, name: document.getElementById("passkey-name")?.value }, signal).catch(async (error) => {
    const { name, code } = error;
    const isOpen = name !== "Refusal" || [undefined, "offline", "unavailable", "fault"].includes(code);
    if (!isOpen) await forget(rp.id, credential.id);
    throw error;
  });
