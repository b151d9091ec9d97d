// In the Results tab's pieces of HTML: a click on an entry of the list selects its study; the link of a
// study begins with the address under which this browser sees the portal, and can be copied. Where that address
// means this machine to whoever opens it, a sentence says so. The portal draws the QR code of the whole link.
const LOCAL = /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/;
const fill = () => {
  for (const field of element.querySelectorAll("[data-path]")) {
    const url = new URL(field.dataset.path, document.baseURI);
    field.value = url.href;
    for (const note of element.querySelectorAll("[data-local]")) note.hidden = !LOCAL.test(url.hostname);
    if (!("draw" in field.dataset)) continue;
    const drawn = document.querySelector("[data-qr]");
    if (drawn) drawn.hidden = drawn.dataset.qr !== url.href; // another study's
    if (drawn?.dataset.qr !== url.href) trigger("input", { url: url.href });
  }
};

element.addEventListener("click", async (event) => {
  const entry = event.target.closest("[data-study]");
  if (entry) trigger("click", { study: entry.dataset.study });
  const larger = event.target.closest(".qr")?.querySelector("[data-enlarge]");
  if (larger) larger.ariaExpanded = larger.ariaExpanded !== "true";
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = element.querySelector("[data-path]");
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    document.execCommand("copy"); // pages without HTTPS have no clipboard of their own
  }
  button.classList.add("did");
});

fill();
watch("value", fill);
