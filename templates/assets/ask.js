// A request to the gateway. A refusal has a code for the script and a sentence for the person.
import { Refusal, offline } from "./refusal.js";

// Letters show times by the clock of their reader.
document.cookie = `bmauth-offset=${-new Date().getTimezoneOffset()}; path=/_bmauth; samesite=lax${location.protocol.endsWith("s:") ? "; secure" : ""}`;

let token = document.querySelector('meta[name="csrf"]').content;
const words = document.querySelector("main").dataset;

export function ask(path, body, signal, keepalive) {
  // A press with a name is carried out once.
  const press = crypto.randomUUID?.() ?? "";
  const headers = { "content-type": "application/json", "x-bmauth-csrf": token, "x-bmauth-press": press };
  return send(path, { method: "POST", headers, body: JSON.stringify(body), signal, keepalive });
}

export const look = (path, signal) => send(path, { signal });

async function send(path, request) {
  const go = () => fetch(`/_bmauth/${path}`, { ...request, credentials: "same-origin", redirect: "error" });
  // A lost answer is given again.
  const response = await go().catch(go).catch((error) => {
    throw error.name === "AbortError" ? error : offline();
  });
  token = response.headers.get("x-bmauth-csrf") ?? token;
  // A proxy in between may answer too, in anything but JSON.
  const answer = await response.json().catch((error) => {
    if (error.name === "AbortError") throw error;
  });
  if (response.ok && answer) return answer;
  const { go_on: next } = answer ?? {};
  if (next && (await import("./anew.js")).anew(next)) return new Promise(() => {});
  throw new Refusal(answer?.refusal, answer?.message || words.failed, answer?.reload || Boolean(next));
}
