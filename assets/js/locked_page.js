// What the locked players are made of: HTML, with the texts of texts.js.
// Part of locked_player.js, which says how the parts come together.

const SPEEDS = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2];
const ICONS = {
  play: '<path d="M7 4.5v15l12.5-7.5z"/>',
  pause: '<path d="M6 4.5h4.5v15H6zM13.5 4.5H18v15h-4.5z"/>',
  back: '<path d="M17 5v14l-9.5-7zM5 5h2.2v14H5z"/>',
  forward: '<path d="M7 5v14l9.5-7zM16.8 5H19v14h-2.2z"/>',
  sound: '<path d="M4 9.5h4L13 5v14l-5-4.5H4z"/><path d="M15.5 8.5a5 5 0 0 1 0 7M18 6a8.5 8.5 0 0 1 0 12" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round"/>',
};

const icon = (name) => `<svg viewBox="0 0 24 24" aria-hidden="true">${ICONS[name]}</svg>`;
const one = (selector) => root.querySelector(selector);
const all = (selector) => [...root.querySelectorAll(selector)];

const button = (name, inside, attributes = "") => `<button type="button" data-do="${name}" ${attributes}>${inside}</button>`;
const iconButton = (name, image) => button(name, `${icon(image)}<span class="visually-hidden">${localized(`player.${name}`)}</span>`);
const toggle = (name) => button(name, localized(`player.${name}`), 'aria-pressed="false"');
const sample = (i) => `<svg class="sample line-${i}" viewBox="0 0 28 8" aria-hidden="true"><path d="M1 4H27"/></svg>`;

function cellHtml(clip, i) {
  const { width, height } = clip;
  const inside = clip.picture
    ? `<img src="${escaped(new URL(clip.picture, document.baseURI).href)}" alt="">`
    : clip.src
    ? '<video muted playsinline disablepictureinpicture tabindex="-1"></video><p class="held" hidden></p>'
    : `<p class="failed">${spans(clip.error)}</p>`;
  const name = clip.titles ? spans(clip.titles) : clip.real ? localized("player.reference") : escaped(clip.name);
  const letter = clip.letter && clip.letter !== clip.name ? `<b>${escaped(clip.letter)}</b>` : "";
  const sound = clip.src && clip.sound
    ? button(`sound-${i}`, `${icon("sound")}<span class="visually-hidden">${localized("player.unmute")}</span>`, 'class="unmute" aria-pressed="false"')
    : "";
  return `<figure class="cell" style="--ratio: ${width / height}">
    <div class="frame">${inside}</div>
    <figcaption>${sample(i)}${letter}<span class="name">${name}</span><span class="length"></span>${sound}</figcaption>
  </figure>`;
}

function pageHtml() {
  const ratio = Math.max(...view.clips.map((clip) => clip.width / clip.height));
  return `<div class="grid" data-count="${view.clips.length}" style="--ratio: ${ratio}">${view.clips.map(cellHtml).join("")}</div>
  <div class="bar" role="group">
    <div class="seek"><i class="fill"></i><i class="part"></i><input type="range" min="0" max="${view.duration}" step="any" value="0"></div>
    <div class="buttons">
      <span class="group">${iconButton("back", "back")}${button("play", "", 'class="main"')}${iconButton("forward", "forward")}</span>
      <output class="clock"></output>
      <label><span>${localized("player.speed")}</span><select data-set="speed">${SPEEDS.map(
        (speed) => `<option value="${speed}">${speed}×</option>`).join("")}</select></label>
      <label>${icon("sound")}<span>${localized("player.sound")}</span><select data-set="sound"></select></label>
      ${view.plain ? toggle("loop") : comparingHtml()}
    </div>
  </div>
  <p class="notes-line" role="status"><span class="note"></span><span class="later"></span></p>
  <div class="curves" hidden></div>
  <ul class="reasons"></ul>
  ${view.plain ? "" : `<p class="keys">${localized("player.keys")}</p>`}`;
}

/** What only those who compare methods need. */
function comparingHtml() {
  return `<span class="group">${button("a", "A", 'aria-pressed="false"')}${button("b", "B", 'aria-pressed="false"')}${toggle("loop")}</span>
      <span class="group">${toggle("zoom")}${toggle("difference")}${toggle("labels")}</span>
      <span class="group">${view.blind ? button("reveal", localized("player.reveal"), 'class="main-text"') : toggle("blind")}</span>`;
}

/** What only JavaScript can put in the page's language: menus and names for screen readers. */
function relabel() {
  if (!view) return;
  const menu = one('[data-set="sound"]');
  menu.innerHTML = view.clips
    .map((clip, i) => clip.src && clip.sound
      ? `<option value="${i}">${escaped(spoken(clip))}</option>` : "")
    .join("") + `<option value="-1">${escaped(plain("player.silent"))}</option>`;
  menu.value = state.sound;
  one('[data-set="speed"]').value = state.speed;
  one("input[type=range]").setAttribute("aria-label", plain("player.seek"));
  one(".bar").setAttribute("aria-label", plain("player.bar"));
  gates();
  if (!view.plain) for (const [name, key] of [["a", "player.from"], ["b", "player.to"]]) one(`[data-do=${name}]`).title = plain(key);
  cells.forEach((cell) => cell.main?.video.setAttribute("aria-label", spoken(cell.clip)));
}

/** The name of a clip in the page's language. */
function spoken(clip) {
  if (clip.titles) return clip.titles[document.documentElement.lang.split("-")[0]] ?? clip.titles.en;
  return clip.real ? plain("player.reference") : caption(clip);
}

const caption = (clip) => (clip.letter && clip.letter !== clip.name ? `${clip.letter} ${clip.name}` : clip.name);

/** Whether a clip ends before the longest does. */
const isShort = (clip) => clip.duration < view.duration - 0.5 / view.fps;

function lengths() {
  for (const { node, clip } of cells) {
    node.querySelector(".length").innerHTML = clip.src && isShort(clip) ? localized("player.length", { seconds: clip.duration.toFixed(1) }) : "";
  }
}

function pressed(name, on) { one(`[data-do="${name}"]`)?.setAttribute("aria-pressed", String(on)); }
function note(html) { one(".note").innerHTML = html; }
