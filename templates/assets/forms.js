// Forms that work without a script: pressed twice they are sent once, and the button says that it is at work.

// Milliseconds, after which an answer is lost, and the button can be pressed again: the gateway knows the same press again.
const LOST = 10_000;
const SIGNS = ["aria-busy", "aria-disabled"];

const { moment } = document.querySelector("main").dataset;
let rest = () => {};

function work(button) {
  const label = button.querySelector("span:not(.unseen)") ?? button;
  const words = [...label.childNodes];
  const { minHeight } = button.style;
  button.style.minHeight = `${button.offsetHeight}px`;
  button.classList.add("busy");
  for (const name of SIGNS) button.setAttribute(name, "true");
  label.replaceChildren(moment);
  const progress = document.getElementById("progress");
  progress.textContent = moment;
  const lost = setTimeout(() => rest(), LOST);
  rest = () => {
    clearTimeout(lost);
    rest = () => {};
    button.classList.remove("busy");
    for (const name of SIGNS) button.removeAttribute(name);
    button.style.minHeight = minHeight;
    label.replaceChildren(...words);
    progress.textContent = "";
  };
}

addEventListener("submit", (event) => {
  // The page's own script takes this one.
  if (event.defaultPrevented) return;
  const button = event.submitter ?? event.target.querySelector("button");
  if (document.querySelector("[aria-busy]")) event.preventDefault();
  else if (button) work(button);
});
// A page that comes back from the browser's memory is not at work any more.
addEventListener("pageshow", () => rest());
