// Reloads a page whose token became invalid with the cookie of another tab, and keeps what was typed.

import { attempt } from "./address.js";
import * as card from "./card.js";
import { goOn } from "./onward.js";

const KEY = "bmauth-anew";
// Milliseconds, after which a note is ignored.
const FRESH = 10_000;
// In a row.
const MOST = 3;

const email = document.getElementById("email");
const left = JSON.parse(attempt(() => sessionStorage.getItem(KEY)) ?? "{}");
attempt(() => sessionStorage.removeItem(KEY));
const came = Date.now() - left.at < FRESH;

if (came && email && !email.value) email.value = left.typed ?? "";
if (came && left.pressed && document.getElementById("anew")) card.tell("anew");

// Goes on to `address`; says whether it does.
export function anew(address) {
  const times = came ? left.times + 1 : 1;
  if (times > MOST) return false;
  const note = { at: Date.now(), times, typed: email?.value, pressed: card.isBusy() };
  attempt(() => sessionStorage.setItem(KEY, JSON.stringify(note)));
  goOn(address);
  return true;
}

// Goes on once the visitor has signed in in another tab.
export function followOthers() {
  document.addEventListener("visibilitychange", async () => {
    if (document.hidden || card.isBusy()) return;
    const answer = await fetch("/_bmauth/whoami").catch(() => undefined);
    if (answer?.ok && !card.isBusy()) location.reload();
  });
}
