// What the page's address named when the page was opened, for the events that open it, until it was there. The
// address itself changes with what is open.
(() => {
  const named = new URLSearchParams(location.search);
  const study = named.get("study");
  if (study && named.get("tab") !== "results") { // where only the portal's own address can be linked to
    location.replace(`rate?study=${encodeURIComponent(study)}`);
  }
  const tab = named.get("set") ? "compare" : named.get("tab");
  const known = gradio_config.components.some(({ type, props }) => type === "tabitem" && props.id === tab);
  window.namedTab = () => ({ __type__: "update", ...(known && { selected: tab }) });
  window.namedInAddress = (...names) => names.map((name) => named.get(name) ?? "");
  window.forgetNamed = (name) => named.delete(name);
})();
