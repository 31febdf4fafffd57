// Leads on to the page that says what to do in a browser without passkeys, and which page to open in another one.

const { pathname, search } = location;
const asked = new URLSearchParams({ from: pathname });
const to = new URLSearchParams(search).get("return_to");
if (to) asked.set("return_to", to);
location.replace(`/_bmauth/unsupported?${asked}`);
