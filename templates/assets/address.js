// The e-mail field, and the address last used in this browser.

import { complain, words } from "./card.js";

// The address in the e-mail field; `undefined`, and said so, where it is none.
export function address(email) {
  email.value = email.value.trim();
  if (email.checkValidity()) return email.value;
  complain(words.invalid);
  email.setAttribute("aria-invalid", "true");
  return undefined;
}

const KEY = "bmauth-email";

// Only to fill it in. A browser may keep nothing; then nothing is filled in.
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
