// The locked players of Compare and of a result: several videos as if they were one.
//
// With locked_page.js, locked_load.js, locked_clock.js and locked_curves.js before it, this is the body of one
// function: `js_on_load` of one gr.HTML, whose names it uses: `element`, `props`, `trigger`, `watch`. `props.value` is the payload that
// lipsync/ui/players/locked_player.py describes, which also writes `TEXTS`, the texts in every language, and texts.js before it. What takes longer comes later as
// messages: `extra` (mouth and curves) and `heats` (differences). All times are seconds of the item.

const READ = 120; // ms between two changes of a number while the videos play
const BAR = 92; // px of the bar under the players
const CAPTION = 44; // px of two lines under a player

const root = element.querySelector(".locked");
let view = null; // the payload
let cells = []; // one per clip of it
let parts = {}; // what moves with the time
const received = { extra: null, heats: null }; // what was worked out after the payload
let abort = new AbortController(); // of what belongs to the payload
const state = {
  time: 0, since: 0, playing: false, speed: 1, loop: false, a: null, b: null,
  zoom: false, difference: false, labels: true, sound: -1, checked: 0, apart: 0, drawn: -1, read: 0, waiting: false, gathered: [],
};

/** Everything anew for another payload. The place in time stays when it is the same item. */
function show(payload) {
  abort.abort();
  abort = new AbortController();
  for (const cell of cells) drop(cell);
  const same = view && payload && view.place === payload.place;
  Object.assign(state, { playing: false, difference: false, time: same ? state.time : 0 });
  if (!same) Object.assign(state, { loop: false, a: null, b: null });
  [view, cells] = [payload, []];
  root.hidden = !view;
  root.innerHTML = view ? pageHtml() : "";
  if (!view) return;
  cells = all(".cell").map((node, i) => newCell(node, view.clips[i]));
  parts = { range: one("input[type=range]"), fill: one(".fill"), clock: one(".clock"), head: null, values: [] };
  state.sound = view.sound ?? view.clips.findIndex((clip) => clip.src && clip.sound);
  for (const name of ["zoom", "labels"]) pressed(name, state[name]);
  relabel();
  applySound();
  fit();
  lengths();
  ready();
  load();
  showExtra();
}

function newCell(node, clip) {
  const video = node.querySelector("video");
  const cell = { node, clip, held: node.querySelector(".held"), main: video && movie(video), heat: null, url: null };
  if (video) video.addEventListener("click", toggle_play);
  return cell;
}

function drop(cell) {
  for (const movie of [cell.main, cell.heat]) {
    if (movie) { movie.video.pause(); movie.video.removeAttribute("src"); movie.video.load(); }
  }
  for (const url of [cell.url, cell.heatUrl]) if (url?.startsWith("blob:")) URL.revokeObjectURL(url);
}

/** The columns that make the players largest, and their height: they, their captions and the bar fit into the window. */
function fit() {
  const grid = one(".grid");
  if (!grid?.offsetParent) return;
  const style = getComputedStyle(grid);
  const [gap, ratio] = [parseFloat(style.columnGap), Number(style.getPropertyValue("--ratio"))];
  const top = Math.min(grid.getBoundingClientRect().top + window.scrollY, 0.4 * window.innerHeight);
  const talls = cells.map((_, i) => {
    const rows = Math.ceil(cells.length / (i + 1));
    return (window.innerHeight - top - BAR - (rows - 1) * gap) / rows - CAPTION;
  });
  const widths = talls.map((tall, i) => Math.min(tall * ratio, (grid.clientWidth - i * gap) / (i + 1)));
  const columns = 1 + widths.indexOf(Math.max(...widths));
  root.style.setProperty("--columns", columns);
  root.style.setProperty("--tall", `${Math.floor(Math.max(160, talls[columns - 1]))}px`);
}

// ---- drawing -----------------------------------------------------------------------------------------------

/** Everything that a click or a key may have changed. */
function paint() {
  if (!view) return;
  const share = (time) => `${(100 * time) / view.duration}%`;
  root.style.setProperty("--from", share(state.a ?? 0));
  root.style.setProperty("--to", share(state.b ?? view.duration));
  root.toggleAttribute("data-part", state.a !== null || state.b !== null);
  root.toggleAttribute("data-labels", state.labels);
  const name = state.playing ? "pause" : "play";
  one("[data-do=play]").innerHTML = `${icon(name)}<span class="visually-hidden">${localized(`player.${name}`)}</span>`;
  for (const name of ["loop", "zoom", "difference", "labels"]) pressed(name, state[name]);
  pressed("blind", view.blind);
  pressed("a", state.a !== null);
  pressed("b", state.b !== null);
  for (const cell of cells) {
    if (!cell.main) continue;
    cell.main.video.style.visibility = isHeat(cell) ? "hidden" : "";
    if (cell.heat) cell.heat.video.style.visibility = isHeat(cell) ? "" : "hidden";
  }
  later();
  state.drawn = -1;
  paintTime();
}

/** What changes with the time, once per frame; numbers that nobody can read that fast, less often. */
function paintTime() {
  const time = Math.min(now(), view.duration);
  const last = Math.round(view.duration * view.fps) - 1;
  const frame = Math.min(Math.floor(time * view.fps + 1e-3), last);
  if (frame === state.drawn) return;
  const often = state.playing && state.drawn >= 0 && performance.now() - state.read < READ;
  state.drawn = frame;
  const share = time / view.duration;
  parts.fill.style.transform = `scaleX(${share.toFixed(5)})`;
  if (parts.head) parts.head.style.transform = `translateX(${(100 * share).toFixed(3)}%)`;
  if (!parts.range.matches(":active")) parts.range.value = time;
  const transform = state.zoom ? zoomAt(time) : "";
  for (const cell of cells) paintCell(cell, time, transform);
  if (often) return;
  state.read = performance.now();
  parts.range.setAttribute("aria-valuetext", `${time.toFixed(2)} s`);
  parts.clock.innerHTML = localized("player.clock", { time: time.toFixed(2), total: view.duration.toFixed(2), frame });
  paintValues(time);
}

function paintCell(cell, time, transform) {
  if (!cell.main) return;
  const over = time >= cell.clip.duration && isShort(cell.clip);
  if (cell.held.hidden === over) {
    cell.held.hidden = !over;
    cell.held.innerHTML = over ? localized("player.held", { seconds: cell.clip.duration.toFixed(1) }) : "";
  }
  for (const film of [cell.main, cell.heat]) {
    if (film && film.video.style.transform !== transform) film.video.style.transform = transform;
  }
}

/** The transform that fills the frame with the mouth at a time. */
function zoomAt(time) {
  const mouth = extra()?.mouth;
  if (!mouth) return "";
  const [left, top, right, bottom] = between(mouth.boxes, time * mouth.fps);
  const scale = Math.max(1, Math.min(1 / (right - left), 1 / (bottom - top)));
  const shift = (low, high) => {
    const middle = Math.min(1 - 0.5 / scale, Math.max(0.5 / scale, (low + high) / 2));
    return (100 * (0.5 - middle * scale)).toFixed(3);
  };
  return `translate(${shift(left, right)}%, ${shift(top, bottom)}%) scale(${scale.toFixed(4)})`;
}

// ---- what comes later: curves, mouth, differences ----------------------------------------------------------

/** The extra of this payload, not of the one before. */
const extra = () => (view && received.extra?.key === view.key ? received.extra : null);
const heats = () => (view && received.heats?.key === view.key ? received.heats : null);

function showExtra() {
  if (!view) return;
  const more = extra();
  gates();
  const curves = one(".curves");
  const charts = more?.curves ?? [];
  if (curves.dataset.drawn !== `${view.key} ${charts.length}`) {
    curves.dataset.drawn = `${view.key} ${charts.length}`;
    curves.hidden = charts.length === 0;
    curves.innerHTML = charts.map(chartHtml).join("") + '<i class="part"></i><i class="head"></i>';
    one(".reasons").innerHTML = (more?.reasons ?? []).map((why) => `<li>${spans(why)}</li>`).join("");
    [parts.head, parts.values] = [one(".head"), all("[data-value]")];
  }
  if (heats()?.paths && state.difference) warm(heats().paths);
  paint();
}

/** What is still worked out, and what the colours of the differences mean. */
function later() {
  const notes = [extra()?.note, heats()?.note].filter(Boolean);
  if (cells.some(isHeat)) notes.push(TEXTS["player.heat"]);
  one(".later").innerHTML = notes.map((note) => spans(note)).join(" ");
}

/** Load the heat maps into their cells. */
async function warm(paths) {
  const { signal } = abort;
  await Promise.all(cells.map(async (cell, i) => {
    if (!paths[i] || !cell.main || cell.heat) return;
    const video = document.createElement("video");
    Object.assign(video, { muted: true, playsInline: true, tabIndex: -1 });
    cell.node.querySelector(".frame").insertBefore(video, cell.held);
    video.addEventListener("click", toggle_play);
    video.style.visibility = "hidden";
    const film = movie(video);
    try {
      cell.heatUrl = await source(paths[i], 0, signal);
      await opened(video, cell.heatUrl, signal);
      cell.heat = film;
    } catch { video.remove(); }
  }));
  if (!signal.aborted) seek(now());
}

// ---- what a person does ------------------------------------------------------------------------------------

const ACTIONS = {
  play: toggle_play,
  back: () => step(-1),
  forward: () => step(1),
  a: () => mark("a"),
  b: () => mark("b"),
  loop: () => { state.loop = !state.loop; },
  zoom: () => { state.zoom = !state.zoom; },
  labels: () => { state.labels = !state.labels; },
  difference: () => {
    if (!view.difference) return note(localized(undifferent()));
    state.difference = !state.difference;
    if (!state.difference) return seek(now());
    if (heats()?.paths) warm(heats().paths);
    else trigger("heat", {});
  },
  blind: () => ask(view.blind ? "reveal" : "blind"),
  reveal: () => ask("reveal"),
};

function ask(what) {
  if (state.playing) pause();
  trigger("ask", { what });
}

/** Put A or B where the video is; there already, take it away. Both together are a loop. */
function mark(name) {
  const time = name === "a" ? Math.floor(now() * view.fps + 1e-3) / view.fps : (Math.floor(now() * view.fps + 1e-3) + 1) / view.fps;
  const other = name === "a" ? "b" : "a";
  state[name] = state[name] !== null && Math.abs(state[name] - time) < 0.5 / view.fps ? null : time;
  if (state.a !== null && state.b !== null && state.b <= state.a) state[other] = null;
  if (state.a !== null && state.b !== null) state.loop = true;
  if (state.a === null && state.b === null) state.loop = false;
}

root.addEventListener("click", (event) => {
  const name = event.target.closest("[data-do]")?.dataset.do;
  if (name?.startsWith("sound-")) {
    const i = Number(name.slice(6));
    chooseSound(state.sound === i ? -1 : i);
  } else if (name) ACTIONS[name]();
  const plot = event.target.closest(".curves");
  if (plot) seekAt(event, plot);
  if (name || plot) paint();
});

function seekAt(event, plot) {
  const box = plot.getBoundingClientRect();
  seek((view.duration * (event.clientX - box.left)) / box.width);
}

root.addEventListener("pointermove", (event) => {
  const plot = event.buttons & 1 && event.target.closest(".curves");
  if (plot) seekAt(event, plot);
});

root.addEventListener("input", (event) => {
  if (event.target.type === "range") seek(Number(event.target.value));
});

root.addEventListener("change", (event) => {
  const name = event.target.dataset.set;
  if (name === "speed") {
    const time = now();
    state.speed = Number(event.target.value);
    anchor(time);
    for (const [, film] of running()) film.video.playbackRate = state.speed;
  }
  if (name === "sound") chooseSound(Number(event.target.value));
  paint();
});

/** What was worked out since; it comes by another way than the payload, for that would build everything anew. */
function onMessage({ detail }) {
  if (!root.isConnected) { window.removeEventListener("locked-message", onMessage); return; }
  received[detail.name] = detail.value;
  showExtra();
}

/** Keys work in the player, and where nothing else is meant. */
function onKey(event) {
  if (!root.isConnected) { document.removeEventListener("keydown", onKey); return; }
  const { target } = event;
  const mine = root.contains(target) || (target === document.body && !view?.plain);
  if (!mine || !view || root.offsetParent === null || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!root.hasAttribute("data-ready") || target.tagName === "SELECT") return;
  const far = event.shiftKey ? 10 : 1;
  const keys = {
    " ": target.tagName === "BUTTON" ? null : toggle_play,
    ArrowLeft: () => step(-far), ArrowRight: () => step(far), Home: () => seek(0), End: () => seek(view.duration),
  };
  const action = keys[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}
document.addEventListener("keydown", onKey);

// Also when the tab is opened again.
new ResizeObserver(fit).observe(root);

// The page's language may change at any time.
new MutationObserver(relabel).observe(document.documentElement, { attributes: true, attributeFilter: ["lang"] });

// For tests and the curious: where every player is.
root.lockedTimes = () => ({
  time: now(),
  playing: state.playing,
  waiting: state.waiting,
  clips: cells.map((cell) => {
    const film = cell.main && seen(cell);
    return film && { time: film.video.currentTime, shown: film.shown, ended: now() >= lastFrame(cell), seeking: film.video.seeking };
  }),
});

watch("value", () => show(props.value?.clips ? props.value : null));
window.addEventListener("locked-message", onMessage);
show(props.value?.clips ? props.value : null);
