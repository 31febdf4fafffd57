// Why something did not happen, with a code for the script and a sentence for the person.
export class Refusal extends Error {
  constructor(code, message, reload) {
    super(message);
    this.name = "Refusal";
    this.code = code;
    this.reload = reload === true;
  }
}

export const offline = () => new Refusal("offline", document.querySelector("main").dataset.offline);

// A part of the script that is loaded only now: if it does not load, the connection is lost.
export const arrived = (part) => part.catch(() => Promise.reject(offline()));
