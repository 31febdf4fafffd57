// Which recovery to stop stands in the fragment of the address, which no server and no log sees. It goes into the form,
// and out of the address bar.

const [hold, word] = location.hash.slice(1).split(".");
const { elements } = document.querySelector("form");
if (word) {
  elements.hold.value = hold;
  elements.word.value = word;
}
history.replaceState(null, "", location.pathname + location.search);
