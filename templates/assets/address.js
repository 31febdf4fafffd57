// The e-mail input, and the address last used in this browser.

import { complain, words } from "./card.js";

// The address in the e-mail input; `undefined`, with a message, if it is not an address.
export function address(email) {
  email.value = email.value.trim();
  if (email.checkValidity()) return email.value;
  complain(words.invalid);
  email.setAttribute("aria-invalid", "true");
  return undefined;
}

const KEY = "bmauth-email";

// Only to fill it in. If the browser stores nothing, nothing is filled in.
export const remembered = {
  get: () => attempt(() => localStorage.getItem(KEY)),
  set: (address) => attempt(() => localStorage.setItem(KEY, address)),
  clear: () => attempt(() => localStorage.removeItem(KEY)),
};

export function attempt(action) {
  try {
    return action();
  } catch {
    return null;
  }
}
