// Browsers apply a page's form-action policy to redirects of the app too. By then the visitor of the code page is signed in,
// so `next` leads on as well.

import { goOn } from "./onward.js";

const { next } = document.querySelector("main").dataset;

addEventListener("securitypolicyviolation", ({ effectiveDirective }) => {
  if (effectiveDirective === "form-action") goOn(next);
});
