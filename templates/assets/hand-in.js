// A new passkey on its way to the gateway.

import { forget } from "./abilities.js";
import { ask } from "./ask.js";

// Hands a new passkey in. Refused, it signs nobody in; one of which nobody knows what became of it may be good.
export const handIn = (verify, ceremony, { rp }, credential, signal) =>
  ask(verify, { ceremony, credential, name: document.getElementById("passkey-name")?.value }, signal).catch(async (error) => {
    const { name, code } = error;
    const isOpen = name !== "Refusal" || [undefined, "offline", "unavailable", "fault"].includes(code);
    if (!isOpen) await forget(rp.id, credential.id);
    throw error;
  });
