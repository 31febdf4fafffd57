// The pages between two hosts go on by themselves, with the part of the page that was asked for.

const form = document.querySelector("form");

if (form) {
  // Chromium applies the form's policy to redirects of the app too. The session exists by then.
  addEventListener("securitypolicyviolation", (event) => {
    if (event.effectiveDirective === "form-action") location.replace(form.dataset.next + location.hash);
  });
  form.action += location.hash;
  form.submit();
} else {
  location.replace(document.querySelector("a.main").href + location.hash);
}
