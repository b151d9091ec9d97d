// The list of the visitor's jobs: a press on a button triggers its event with the job. The list is drawn anew
// while a job runs; what was focused then, and a question that was asked, stay.
let held = null; // { job, what, sure } of the focused button
const opened = new Map(); // whether the person opened or closed the videos of a batch, by its id

const named = (button) => ({
  job: button.closest("[data-job]").dataset.job, what: button.dataset.what, sure: button.classList.contains("did"),
});

element.addEventListener("click", (event) => {
  const list = event.target.closest("summary")?.parentElement;
  if (list) opened.set(list.closest("[data-job]").dataset.job, !list.open);
  const button = event.target.closest("[data-what]");
  if (!button) return;
  if ("sure" in button.dataset && !button.classList.contains("did")) {
    button.classList.add("did");
    held = named(button);
    return;
  }
  const { job, what } = named(button);
  trigger(what, { job });
  const seen = { select: "status", submit: "face" }[what];
  if (seen) document.getElementById("actions")?.scrollIntoView({ behavior: "smooth", block: "nearest" });
  if (seen === "face" && window.innerWidth <= 640) document.getElementById(seen)?.scrollIntoView({ behavior: "smooth" });
});

document.addEventListener("focusin", ({ target }) => {
  const button = element.contains(target) && target.closest("[data-what]");
  if (held && held !== button) for (const asked of element.querySelectorAll(".did")) if (asked !== button) asked.classList.remove("did");
  held = button ? named(button) : null;
});

watch("value", () => {
  for (const list of element.querySelectorAll("details")) {
    list.open = opened.get(list.closest("[data-job]").dataset.job) ?? list.open;
  }
  if (!held || document.activeElement !== document.body) return;
  const { job, what, sure } = held;
  const button = [...element.querySelectorAll(`[data-what="${what}"]`)].find((one) => named(one).job === job);
  if (!button) return;
  button.classList.toggle("did", sure);
  button.focus({ preventScroll: true });
});
