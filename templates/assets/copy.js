// Copies the address that is shown. Where the browser lets no script do that, it is selected, for the person to copy.

const [button, address, copied] = ["copy", "address", "copied"].map((id) => document.getElementById(id));

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}

button.addEventListener("click", async () => {
  getSelection().selectAllChildren(address);
  copied.textContent = (await copy(address.textContent)) ? copied.dataset.said : "";
});
