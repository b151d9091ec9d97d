// The time of the locked players: one video leads, the one whose sound is on; the others follow it.
// Part of locked_player.js, which says how the parts come together.
//
// A follower that is a little off plays a little faster or slower. While one that is further off jumps, all wait, and
// go on together, as they do after every seek. Where the leader has ended, the wall clock leads.

const FRAME = 0.04; // s; no two are to be further apart
const FAR = 0.08; // s; further away a follower jumps, nearer it is quicker to play faster
const GAIN = 6; // 1/s; a follower that is 10 ms late plays 6 % faster, until it is looked at again
const BEND = 0.5; // most that the rate of a follower, whose sound is off, is bent
const CHECK = 60; // ms between two looks at the followers
const STRAIN = 5; // times that all had to wait for a late one within 10 s, until the page says so

/** A video with what is known of it: the frame it shows, where it is to jump next. */
function movie(video) {
  const film = { video, loaded: false, shown: 0, next: null };
  video.addEventListener("seeked", () => {
    if (film.next !== null) { const time = film.next; film.next = null; jump(film, time); }
  });
  if (video.requestVideoFrameCallback) {
    const presented = (_, frame) => {
      film.shown = frame.mediaTime;
      if (video.isConnected) video.requestVideoFrameCallback(presented);
    };
    video.requestVideoFrameCallback(presented);
  }
  return film;
}

/** Seek one video; while it seeks already only the last wish counts. */
function jump(film, time) {
  if (film.video.seeking) { film.next = time; return; }
  film.video.currentTime = time;
}

const lastFrame = (cell) => Math.max(0, cell.clip.duration - 0.5 / (cell.clip.fps || view.fps));
const isHeat = (cell) => state.difference && cell.heat;
const seen = (cell) => (isHeat(cell) ? cell.heat : cell.main);

/** The video that leads: the one whose sound is on, or the first. */
function leader() {
  return cells[state.sound]?.main ? cells[state.sound] : cells.find((cell) => cell.main);
}

/** Every video that has to keep up: those that show, and the one whose sound is on. */
function running() {
  const lead = leader();
  return cells.flatMap((cell) => (cell.main ? (cell === lead && isHeat(cell) ? [[cell, cell.main], [cell, cell.heat]] : [[cell, seen(cell)]]) : []));
}

function now() {
  if (!state.playing || state.waiting) return state.time;
  const cell = leader();
  const video = cell?.main.video;
  const leads = video && !video.paused && !video.ended && !video.seeking && video.currentTime < cell.clip.duration;
  if (leads) return video.currentTime;
  return state.time + (state.speed * (performance.now() - state.since)) / 1000;
}

function anchor(time) { [state.time, state.since] = [time, performance.now()]; }

/** The middle of the frame that holds a time: there no rounding leads to a neighbour. */
function middle(time) {
  const frames = Math.max(1, Math.round(view.duration * view.fps));
  const frame = Math.min(frames - 1, Math.max(0, Math.floor(time * view.fps + 1e-3)));
  return (frame + 0.5) / view.fps;
}

function seek(time) {
  gather(middle(time), 0);
  paint();
}

function start(film) {
  film.video.playbackRate = state.speed;
  film.video.play().catch(() => {}); // a play that a pause or a seek overtakes
}

function play() {
  const [from, to] = part();
  if (state.time < from - 1e-3 || state.time >= to - 0.75 / view.fps) seek(from);
  Object.assign(state, { playing: true, waiting: true }); // for those that still seek
  note("");
  applySound();
  requestAnimationFrame(tick);
  paint();
}

function pause() {
  const time = now();
  Object.assign(state, { playing: false, waiting: false });
  for (const { main, heat } of cells) { main?.video.pause(); heat?.video.pause(); }
  seek(time);
}

function toggle_play() { if (root.hasAttribute("data-ready")) (state.playing ? pause : play)(); }

function step(frames) {
  if (state.playing) pause();
  seek(state.time + frames / view.fps);
}

/** What is played: all, or the loop from A to B. */
function part() {
  return state.loop ? [state.a ?? 0, state.b ?? view.duration] : [0, view.duration];
}

function tick() {
  if (!state.playing || !root.isConnected) return;
  if (state.waiting && !gone_on()) { requestAnimationFrame(tick); return; }
  const time = now();
  const [from, to] = part();
  if (time >= to - 0.25 / view.fps) {
    if (state.loop) seek(from);
    else { anchor(view.duration); state.waiting = true; pause(); return; }
  } else {
    anchor(time);
    if (performance.now() - state.checked > CHECK) lock(time);
  }
  paintTime();
  requestAnimationFrame(tick);
}

/** Bring every follower to the leader's time. */
function lock(time) {
  const past = (performance.now() - state.checked) / 1000;
  state.apart = Math.max(past, 0.8 * state.apart); // on a busy machine the looks are rare
  state.checked = performance.now();
  const lead = leader()?.main;
  const lost = running().filter(([cell, film]) => film !== lead && !follow(cell, film, time));
  if (!lost.length) return;
  state.gathered = [...state.gathered.filter((then) => performance.now() - then < 10_000), performance.now()];
  if (state.gathered.length >= STRAIN) note(localized("player.strain"));
  gather(time, 0.5 * FRAME);
}

/** Correct one follower; false where it has to jump. */
function follow(cell, film, time) {
  const { video } = film;
  if (video.seeking || time >= lastFrame(cell)) return true;
  if (video.paused || video.ended) { jump(film, time); start(film); return true; }
  const late = time - video.currentTime;
  if (Math.abs(late) > FAR) return false;
  const gain = Math.min(GAIN, 0.7 / state.apart); // more would carry it past the leader until the next look
  const bend = Math.abs(late) < 0.004 ? 0 : Math.max(-BEND, Math.min(BEND, gain * late));
  const rate = state.speed * (1 + bend);
  if (Math.abs(video.playbackRate - rate) > 0.004) video.playbackRate = rate;
  return true;
}

/** All go to the same time, those that are nearer than this stay; they go on when every one of them is there. */
function gather(time, near) {
  anchor(time);
  state.waiting = state.playing;
  for (const [cell, film] of running()) {
    const place = Math.min(time, lastFrame(cell));
    film.video.pause();
    if (film.video.seeking || Math.abs(film.video.currentTime - place) >= near) jump(film, place);
  }
}

/** Whether the wait for each other is over; then all go on. */
function gone_on() {
  if (running().some(([, film]) => film.video.seeking || film.next !== null)) return false;
  state.waiting = false;
  state.checked = performance.now();
  anchor(state.time);
  for (const [cell, film] of running()) if (state.time < lastFrame(cell)) start(film);
  return true;
}

function applySound() {
  cells.forEach((cell, i) => {
    if (cell.main) {
      cell.main.video.muted = i !== state.sound;
      cell.main.video.preservesPitch = i === state.sound; // keeping the pitch of muted sound only costs time
    }
    pressed(`sound-${i}`, i === state.sound);
  });
  one('[data-set="sound"]').value = state.sound;
}

function chooseSound(i) {
  const time = now();
  state.sound = i;
  applySound();
  const lead = leader()?.main;
  if (lead) lead.video.playbackRate = state.speed;
  anchor(time);
  if (state.playing && !state.waiting) for (const [cell, film] of running()) if (film.video.paused && time < lastFrame(cell)) start(film);
}
