// The card: what the page shows while something happens and when it went wrong.

// A module runs once all that it imports has come.
for (const part of document.querySelectorAll(".unscripted")) part.remove();

const main = document.querySelector("main");
const panel = document.getElementById("panel");
const progress = document.getElementById("progress");
const front = [...panel.childNodes];
const alert = document.getElementById("alert");
const news = document.getElementById("news");
const frontTitle = document.title;

// Every sentence of the script is in the page, in its language.
export const words = main.dataset;
export const copy = (id) => document.getElementById(id).content.cloneNode(true);

export const isBusy = () => main.hasAttribute("aria-busy");

// Turns `button` into the sign that we wait, where it stands.
export function busy(button, sign = words.waiting) {
  quiet();
  main.setAttribute("aria-busy", "true");
  button.classList.add("busy");
  const label = button.querySelector("span");
  button.dataset.label = label.textContent;
  button.style.minHeight = `${button.offsetHeight}px`;
  label.textContent = progress.textContent = sign;
  for (const other of panel.querySelectorAll("button")) other.setAttribute("aria-disabled", "true");
  for (const input of panel.querySelectorAll("input")) input.readOnly = true;
  const cancel = panel.querySelector('[data-do="cancel"]');
  if (!cancel) return;
  cancel.hidden = false;
  cancel.removeAttribute("aria-disabled");
}

export function idle() {
  main.removeAttribute("aria-busy");
  progress.textContent = "";
  for (const button of panel.querySelectorAll("button")) {
    button.removeAttribute("aria-disabled");
    if (button.classList.contains("busy")) {
      button.classList.remove("busy");
      button.style.minHeight = "";
      button.querySelector("span").textContent = button.dataset.label;
      if (panel.contains(document.activeElement) || document.activeElement === document.body) button.focus();
    }
  }
  for (const input of panel.querySelectorAll("input")) input.readOnly = false;
  const cancel = panel.querySelector('[data-do="cancel"]');
  if (cancel) cancel.hidden = !("stays" in cancel.dataset);
}

export function complain(sentence, reload) {
  alert.textContent = sentence;
  if (reload) alert.append(" ", copy("reload"));
  alert.focus();
}

// The link to the page itself would leave its fragment behind.
alert.addEventListener("click", (event) => {
  if (!event.target.closest('a[href=""]')) return;
  event.preventDefault();
  location.reload();
});

// Shows what was refused, or the gateway's sentence about the device; any other failure is a bug of ours.
export async function refused(error, otherwise = words.failed) {
  const said = (error.name === "Refusal" ? error.message : await error.said) || otherwise;
  if (said && !isBusy()) complain(said, error.reload);
}

// Shows what is not a mistake of the visitor: the focus stays.
export function tell(id) {
  news.hidden = false;
  news.replaceChildren(document.getElementById(id) ? copy(id) : words.failed);
}

export function quiet() {
  alert.replaceChildren();
  news.hidden = true;
  for (const input of panel.querySelectorAll("input")) input.removeAttribute("aria-invalid");
}

// Replaces the first face of the card with another one, or shows the first one again without a name; fills in `values`.
// Removes earlier messages.
export function show(id, values = {}) {
  idle();
  quiet();
  panel.replaceChildren(...(id ? [copy(id)] : front));
  put(values);
  const heading = panel.querySelector("h1");
  if (id) (panel.querySelector("h1 + .lead") ?? heading).after(alert, news);
  document.title = id ? frontTitle.replace(/^.*?(?= · )/, () => heading.textContent) : frontTitle;
  heading.focus();
}

export function put(values) {
  for (const [name, text] of Object.entries(values)) {
    for (const place of panel.querySelectorAll(`[data-put="${name}"]`)) {
      // A status that says the same again would be read out again.
      if (place.textContent !== String(text ?? "")) place.textContent = text ?? "";
    }
  }
}

// Shows the parts of the face whose condition is true, and hides the others.
export function only(facts) {
  for (const [name, so] of Object.entries(facts)) {
    for (const part of panel.querySelectorAll(`[data-if="${name}"]`)) part.hidden = !so;
  }
}

// Presses of the buttons that name what they do, whichever face has them.
export function on(actions) {
  main.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button && button.getAttribute("aria-disabled") !== "true") actions[button.dataset.do]?.(button, event);
  });
}

// What sending the form of the present face does: `act(form, button)`, unless something is under way.
export function onSubmit(act) {
  const form = document.getElementById("form");
  // A property: a face that comes back has its listener already.
  form.onsubmit = (event) => {
    event.preventDefault();
    if (isBusy()) return;
    quiet();
    act(form, form.querySelector("button:not([type])"));
  };
}

// The browser's memory has the page as it waited.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
