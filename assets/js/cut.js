// A player that chooses the part of a recording that is used.
//
// The body of one function: `js_on_load` of one gr.HTML, whose names it uses: `element`, `props`, `watch`, `trigger`.
// lipsync/ui/choices/cut_choice.py says what `props.value` is, and writes before it `TEXTS`, the texts in every
// language, texts.js, and `NAME`, of what is cut. All times are seconds.

const LEAST = 0.1; // that is left

const root = element.querySelector(".cut");
let cut = null; // the value
let parts = {};

function show(value) {
  parts.media?.pause();
  cut = value;
  root.hidden = !cut;
  root.open = root.open && Boolean(cut);
  if (!cut) { root.innerHTML = ""; parts = {}; return; }
  const handle = (end) => `<input type="range" class="${end}" min="0" max="${cut.seconds}" step="0.01">`;
  const field = (end) => `<label><span>${localized(`cut.${end}`)}</span><input type="number" class="${end}" min="0" max="${cut.seconds.toFixed(2)}" step="0.01" inputmode="decimal"> s</label>`;
  root.innerHTML = `<summary><span>${localized(`cut.${NAME}`)}</span><span class="figures brief"></span></summary>
    <div class="inside">
      <${cut.kind} playsinline preload="metadata" tabindex="-1"></${cut.kind}>
      <p class="figures unplayable" hidden>${localized("cut.unplayable")}</p>
      <div class="track"><i class="used"></i><i class="head"></i>${handle("start")}${handle("end")}</div>
      <div class="fields"><button type="button" class="play"></button>${field("start")}${field("end")}
        <button type="button" class="all">${localized("cut.all")}</button></div>
      <p class="figures sentence" role="status"></p>
    </div>`;
  parts = { media: root.querySelector(cut.kind), brief: root.querySelector(".brief"), sentence: root.querySelector(".sentence") };
  parts.media.addEventListener("error", () => {
    if (!parts.media.getAttribute("src")) return;
    parts.media.hidden = true;
    root.querySelector(".unplayable").hidden = false;
    root.querySelector(".play").disabled = true;
  });
  for (const name of ["play", "pause", "seeked", "timeupdate"]) parts.media.addEventListener(name, paint);
  parts.media.addEventListener("click", toggle);
  if (root.open) load();
  relabel();
  paint();
}

/** The file is fetched when the row is opened. */
function load() {
  if (parts.media && !parts.media.getAttribute("src")) {
    parts.media.src = new URL(cut.src, document.baseURI).href;
    parts.media.addEventListener("loadedmetadata", () => { parts.media.currentTime = cut.start; }, { once: true });
  }
}

function relabel() {
  for (const end of ["start", "end"]) root.querySelector(`[type=range].${end}`)?.setAttribute("aria-label", plain(`cut.${end}`));
}

const whole = () => cut.start <= 0 && cut.end >= cut.seconds;

function paint() {
  if (!cut) return;
  const share = (time) => `${(100 * time) / cut.seconds}%`;
  root.style.setProperty("--start", share(cut.start));
  root.style.setProperty("--end", share(cut.end));
  root.style.setProperty("--now", share(parts.media.currentTime || cut.start));
  for (const end of ["start", "end"]) {
    for (const input of root.querySelectorAll(`input.${end}`)) {
      if (input === document.activeElement && input.type === "number") continue;
      input.value = input.type === "number" ? cut[end].toFixed(2) : cut[end];
    }
  }
  const [start, end, used, total] = [cut.start, cut.end, cut.end - cut.start, cut.seconds].map((time) => time.toFixed(2));
  parts.brief.innerHTML = localized(whole() ? "cut.brief.all" : "cut.brief", { start, end, total });
  parts.sentence.innerHTML = localized(whole() ? "cut.used.all" : "cut.used", { used, total });
  root.querySelector(".all").disabled = whole();
  const name = parts.media.paused ? "cut.play" : "cut.pause";
  const button = root.querySelector(".play");
  if (button.dataset.name !== name) { button.dataset.name = name; button.innerHTML = localized(name); }
}

/** Take a time for the start or the end; the other one stays, and so does a least length between them. */
function choose(end, time) {
  if (!Number.isFinite(time)) return;
  const near = Math.min(Math.max(0, time), cut.seconds);
  if (end === "start") cut = { ...cut, start: Math.max(0, Math.min(near, cut.end - LEAST)) };
  else cut = { ...cut, end: Math.min(cut.seconds, Math.max(near, cut.start + LEAST)) };
  if (cut.end > cut.seconds - 0.005) cut.end = cut.seconds;
  parts.media.pause();
  if (parts.media.readyState) parts.media.currentTime = end === "start" ? cut.start : Math.max(cut.start, cut.end - 0.04);
  paint();
}

/** The value goes to the server once a person has let go. */
function done() {
  props.value = cut;
  trigger("change");
}

function toggle() {
  const { media } = parts;
  if (!media.paused) { media.pause(); return; }
  if (media.currentTime < cut.start - 0.02 || media.currentTime >= cut.end - 0.06) media.currentTime = cut.start;
  media.play().then(watchEnd, () => {});
}

function watchEnd() {
  const { media } = parts;
  if (!media || media.paused) return;
  if (media.currentTime >= cut.end) {
    media.pause();
    media.currentTime = cut.end;
  }
  paint();
  requestAnimationFrame(watchEnd);
}

root.addEventListener("toggle", () => { if (root.open) load(); else parts.media?.pause(); });
root.addEventListener("input", ({ target }) => {
  if (target.type === "range") choose(target.className, Number(target.value));
});
root.addEventListener("change", ({ target }) => {
  if (target.type === "number") choose(target.className, Number.parseFloat(target.value));
  target.blur?.();
  paint();
  done();
});
root.addEventListener("click", ({ target }) => {
  if (target.closest(".play")) toggle();
  if (target.closest(".all")) { cut = { ...cut, start: 0, end: cut.seconds }; paint(); done(); }
});

// The page's language may change at any time.
new MutationObserver(relabel).observe(document.documentElement, { attributes: true, attributeFilter: ["lang"] });

watch("value", () => { if (props.value !== cut) show(props.value?.src ? props.value : null); });
show(props.value?.src ? props.value : null);
