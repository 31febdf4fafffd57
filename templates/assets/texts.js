// What a page's script says rarely, in the page's language. Where it does not come, what fails everywhere is said.

const { texts: address } = document.querySelector("main").dataset;

// Empty until they have come: no button waits for them.
export const texts = {};

// Settled once they have come, or will not.
export const come = fetch(address)
  .then((answer) => answer.json())
  .then((said) => Object.assign(texts, said))
  .catch(() => {});
