// In the Results tab's pieces of HTML: a click on an entry of the list selects its study; the link of a
// study begins with the address under which this browser sees the portal, and can be copied.
const fill = () => {
  for (const field of element.querySelectorAll("[data-path]")) {
    field.value = new URL(field.dataset.path, document.baseURI).href;
  }
};

element.addEventListener("click", async (event) => {
  const entry = event.target.closest("[data-study]");
  if (entry) trigger("click", { study: entry.dataset.study });
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
