// Browsers hold the policy for a page's forms against wherever an app itself leads on from there. By then the visitor of the
// page of a code is signed in, and is led on from `next` as well.

import { goOn } from "./onward.js";

const { next } = document.querySelector("main").dataset;

addEventListener("securitypolicyviolation", ({ effectiveDirective }) => {
  if (effectiveDirective === "form-action") goOn(next);
});
