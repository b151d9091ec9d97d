// How the locked players get their videos.
// Part of locked_player.js, which says how the parts come together.

const WHOLE = 64e6; // bytes; smaller files are fetched whole, so that every seek is exact and quick

/** Fetches the files, three at a time: a browser opens six connections, and the page needs some itself. */
async function load() {
  const { signal } = abort;
  const waiting = cells.filter((cell) => cell.main);
  const total = waiting.length;
  let done = 0;
  const work = async () => {
    for (let cell = waiting.shift(); cell; cell = waiting.shift()) {
      await fill(cell, signal);
      if (signal.aborted) return;
      done += 1;
      note(done < total ? localized("player.loading", { done, total }) : "");
    }
  };
  note(localized("player.loading", { done, total }));
  await Promise.all([work(), work(), work()]);
  if (signal.aborted) return;
  seek(state.time);
  ready();
  if (view.autoplay && leader()) play();
}

async function fill(cell, signal) {
  try {
    cell.url = await source(cell.clip.src, cell.clip.bytes, signal);
    await opened(cell.main.video, cell.url, signal);
    cell.main.loaded = true;
  } catch (problem) {
    if (signal.aborted) return;
    cell.main = null;
    cell.node.querySelector(".frame").innerHTML = `<p class="failed">${localized("player.broken")}</p>`;
  }
}

async function source(path, bytes, signal) {
  const url = new URL(path, document.baseURI).href;
  if (bytes > WHOLE) return url;
  const answer = await fetch(url, { signal });
  if (!answer.ok) throw new Error(answer.statusText);
  return URL.createObjectURL(await answer.blob());
}

function opened(video, url, signal) {
  return new Promise((done, failed) => {
    video.addEventListener("loadeddata", done, { once: true, signal });
    video.addEventListener("error", () => failed(new Error("not playable")), { once: true, signal });
    signal.addEventListener("abort", () => failed(new Error("left")), { once: true });
    video.preload = "auto";
    video.src = url;
  });
}

/** Buttons work once every video does. */
function ready() {
  const loading = cells.some((cell) => cell.main && !cell.main.loaded);
  root.toggleAttribute("data-ready", !loading);
  gates();
  paint();
}

/** Which buttons can be used now. */
function gates() {
  const loading = !root.hasAttribute("data-ready");
  for (const part of all(".bar button, .bar input")) part.disabled = loading || !leader();
  if (view.plain) return;
  one("[data-do=zoom]").disabled ||= !extra()?.mouth;
  const difference = one("[data-do=difference]");
  difference.setAttribute("aria-disabled", String(!view.difference)); // it can still be pressed, and says why
  difference.title = view.difference ? "" : plain(undifferent());
}

/** The text that says why there is no difference to show. */
const undifferent = () => (view.blind ? "player.withheld" : "player.unpaired");
