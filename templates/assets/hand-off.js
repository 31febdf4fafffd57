// The page between two hosts sends its form by itself.

const form = document.querySelector("form");

// Chromium holds the form's policy against wherever the app itself leads on from there. The session is there by then.
addEventListener("securitypolicyviolation", (event) => {
  if (event.effectiveDirective === "form-action") location.replace(form.dataset.next + location.hash);
});

form.action += location.hash;
form.submit();
