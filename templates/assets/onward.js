// The fragment of the address that was asked for, which no server sees. Redirects keep it; links and scripts do here, on
// pages that say so. On others it is a secret of ours, which no app may get.

const carries = "carries" in document.querySelector("main").dataset;

export const onward = (address) => (carries && !address.includes("#") ? address + location.hash : address);

function carry(root) {
  for (const link of root.querySelectorAll('a[href^="/_bmauth/"]')) link.href = onward(link.getAttribute("href"));
  for (const form of root.querySelectorAll("form[action]")) form.action = onward(form.getAttribute("action"));
  for (const template of root.querySelectorAll("template")) carry(template.content);
}

carry(document);

// Goes on to `address`; back leads past this page then.
export function goOn(address) {
  const { href } = new URL(onward(address), location);
  // Where nothing but a fragment could change, the browser would stay.
  if (href === location.href) location.reload();
  else location.replace(href);
}
