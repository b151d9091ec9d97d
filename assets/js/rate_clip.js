// One clip: fetched whole, so that no pause of the network shows in it, and watched until it was played to its end.

// The clip as an object URL.
const fetched = (url) => persist(async (signal) => {
  const answer = await fetch(url, { signal });
  if (answer.status >= 500) throw new TypeError(`answered ${answer.status}`);
  if (!answer.ok) throw new Refused(sentence("rate.clip.gone"));
  return URL.createObjectURL(await answer.blob());
});

// All of it was played, in any order: what was skipped by seeking is a hole in `played`.
function wholly(video) {
  let sum = 0;
  for (let i = 0; i < video.played.length; i += 1) sum += video.played.end(i) - video.played.start(i);
  return sum >= video.duration - Math.max(0.1, 0.02 * video.duration);
}

const SHAPES = {
  play: "M24 16 L50 32 L24 48 Z",
  again: "M32 14 a18 18 0 1 1 -16.5 10.8 M13 13 v13 h13",
};

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 64 64");
  svg.setAttribute("aria-hidden", "true");
  const ring = document.createElementNS(svg.namespaceURI, "circle");
  for (const [key, value] of Object.entries({ cx: 32, cy: 32, r: 30, fill: "#0009", stroke: "#fff", "stroke-width": 2 })) ring.setAttribute(key, value);
  const path = document.createElementNS(svg.namespaceURI, "path");
  path.setAttribute("d", SHAPES[name]);
  const filled = name === "play";
  path.setAttribute("fill", filled ? "#fff" : "none");
  if (!filled) for (const [key, value] of Object.entries({ stroke: "#fff", "stroke-width": 4, "stroke-linecap": "round", transform: "translate(6.4 6.4) scale(0.8)" })) path.setAttribute(key, value);
  svg.append(ring, path);
  return svg;
}

// Builds the player of one clip.
//   url: of the clip; name: "A", "B" or ""; onStart(): it plays; onPlayed(): it was played to its end, all of it;
//   onSkipped(): it ended with holes; onWrong(): it cannot be played.
function player({ url, name = "", onStart, onPlayed, onSkipped, onWrong }) {
  const video = h("video", { playsInline: true, disablePictureInPicture: true, preload: "auto", tabIndex: -1 });
  video.disableRemotePlayback = true;
  const label = h("span", {});
  const button = h("button", { type: "button", className: "play", disabled: true }, label);
  const bar = h("div", { className: "line" });
  const box = h("figure", { className: "clip" }, name && h("div", { className: "name" }, name), video, button, bar);
  const show = (key) => {
    button.replaceChildren(...(key === "loading" ? [] : [icon(key)]), label);
    label.replaceChildren(t(`rate.clip.${key}`), ...(name ? [h("span", { className: "visually-hidden" }, ` ${name}`)] : []));
  };
  show("loading");

  const toggle = () => {
    if (!video.paused) video.pause();
    else video.play().catch(() => { if (video.error) onWrong(); });
  };
  button.addEventListener("click", toggle);
  video.addEventListener("loadedmetadata", () => {
    box.style.setProperty("--shape", `${video.videoWidth} / ${video.videoHeight}`);
    box.style.setProperty("--ratio", String(video.videoWidth / video.videoHeight || 1.778));
  });
  video.addEventListener("error", () => { if (video.currentSrc) onWrong(); });
  video.addEventListener("ratechange", () => { if (video.playbackRate !== 1) video.playbackRate = 1; });
  video.addEventListener("contextmenu", (event) => event.preventDefault());
  video.addEventListener("play", () => {
    box.classList.add("playing");
    label.replaceChildren(t("rate.clip.pause"));
    onStart(video);
    const draw = () => {
      bar.style.width = `${(100 * video.currentTime) / video.duration || 0}%`;
      if (!video.paused) requestAnimationFrame(draw);
    };
    draw();
  });
  video.addEventListener("pause", () => {
    box.classList.remove("playing");
    if (!video.ended) show("play");
  });
  video.addEventListener("ended", () => {
    bar.style.width = "100%";
    box.classList.remove("playing");
    show("again");
    if (wholly(video)) { box.classList.add("seen"); onPlayed(); } else onSkipped();
  });
  fetched(url).then((address) => {
    video.src = address;
    button.disabled = false; // some phones read nothing of a video before it is played
    show("play");
  }, onWrong);
  return {
    box,
    toggle,
    pause: () => video.pause(),
    release: () => { video.pause(); URL.revokeObjectURL(video.src); },
    get playing() { return !video.paused; },
  };
}
