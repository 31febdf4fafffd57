// What a link in a mail is about stands in the fragment of the address, which no server and no log sees, or where a mail
// filter has moved it to. The address goes into the form as it is, and all of that out of the address bar. Where too little
// of it has arrived, the page asks for the link.

const form = document.querySelector("form");
const field = document.getElementById("link");
const arrived = location.href.slice(form.action.length);
if ((arrived.match(/[\w-]/g) ?? []).length >= Number(field.dataset.least)) {
  field.value = location.href;
  document.getElementById("paste").hidden = true;
  // In another language it is about the same.
  for (const other of document.querySelectorAll("footer [hreflang]")) other.hash = arrived;
} else {
  document.getElementById("cut")?.removeAttribute("hidden");
}
history.replaceState(null, "", form.action);
