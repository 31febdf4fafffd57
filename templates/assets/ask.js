// A question to the gateway. Its no has a code for the script and a sentence for the person.
export class Refusal extends Error {
  constructor(code, message, reload) {
    super(message);
    this.name = "Refusal";
    this.code = code;
    this.reload = reload === true;
  }
}

let token = document.querySelector('meta[name="csrf"]').content;
const words = document.querySelector("main").dataset;

export function ask(path, body, signal) {
  const headers = { "content-type": "application/json", "x-bmauth-csrf": token };
  return send(path, { method: "POST", headers, body: JSON.stringify(body), signal });
}

// The same for what is only read.
export const look = (path, signal) => send(path, { signal });

async function send(path, request) {
  let response;
  try {
    response = await fetch(`/_bmauth/${path}`, { ...request, credentials: "same-origin", redirect: "error" });
  } catch (error) {
    throw error.name === "AbortError" ? error : new Refusal("offline", words.offline);
  }
  token = response.headers.get("x-bmauth-csrf") ?? token;
  // Whatever stands between may answer too, in anything but JSON.
  const answer = await response.json().catch((error) => {
    if (error.name === "AbortError") throw error;
  });
  if (response.ok && answer) return answer;
  const { go_on: next } = answer ?? {};
  if (next && (await import("./anew.js")).anew(next)) return new Promise(() => {});
  throw new Refusal(answer?.refusal, answer?.message || words.failed, answer?.reload || Boolean(next));
}
