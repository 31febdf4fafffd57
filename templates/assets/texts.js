// Rare sentences of a page's script, in the page's language. If they do not load, a general sentence is shown.

const { texts: address } = document.querySelector("main").dataset;

// Empty until they have come: no button waits for them.
export const texts = {};

// Settled once they have come, or will not.
export const come = fetch(address)
  .then((answer) => answer.json())
  .then((said) => Object.assign(texts, said))
  .catch(() => {});
