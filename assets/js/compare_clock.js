// The time of the locked players: one video leads, the one whose sound is on; the others follow it.
// Part of compare.js, which says how the parts come together.
//
// A follower that is a little off plays a little faster or slower. One that is further off jumps. Where even that does
// not help, because the machine is too busy, all wait for each other and go on together. Where the leader has ended,
// the wall clock leads.

const FRAME = 0.04; // s; followers stay nearer than this
const FAR = 0.12; // s; further away a follower jumps, nearer it is quicker to play faster
const GAIN = 6; // 1/s; a follower that is 10 ms late plays 6 % faster
const BEND = 0.5; // most that the rate of a follower, whose sound is off, is bent
const CHECK = 60; // ms between two looks at the followers
const PATIENCE = 1500; // ms; a follower that is far off again so soon after a jump makes all wait
const STRAIN = 3; // times that all had to wait within 10 s, until the page says so

/** A video with what is known of it: the frame it shows, how long its jumps take. */
function movie(video) {
  const film = { video, loaded: false, shown: 0, cost: 0.05, jumped: -1e9, next: null };
  video.addEventListener("seeked", () => {
    if (state.playing) film.cost = 0.7 * film.cost + 0.3 * Math.min(0.4, (performance.now() - film.jumped) / 1000);
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
  film.jumped = performance.now();
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
  anchor(middle(time));
  for (const [cell, film] of running()) {
    jump(film, Math.min(state.time, lastFrame(cell)));
    if (state.playing && film.video.paused && state.time < lastFrame(cell)) start(film);
  }
  paint();
}

function start(film) {
  film.video.playbackRate = state.speed;
  film.video.play().catch(() => {}); // a play that a pause or a seek overtakes
}

function play() {
  const [from, to] = part();
  if (state.time < from - 1e-3 || state.time >= to - 0.75 / view.fps) seek(from);
  state.playing = true;
  anchor(state.time);
  note("");
  applySound();
  for (const [cell, film] of running()) if (state.time < lastFrame(cell)) start(film);
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
  state.checked = performance.now();
  const lead = leader()?.main;
  const lost = running().filter(([cell, film]) => film !== lead && !follow(cell, film, time));
  if (lost.length) gather();
}

/** Correct one follower; false where that would not help. */
function follow(cell, film, time) {
  const { video } = film;
  if (video.seeking || time >= lastFrame(cell)) return true;
  if (video.paused || video.ended) { jump(film, time); start(film); return true; }
  const late = time - video.currentTime;
  if (Math.abs(late) > FAR) {
    if (performance.now() - film.jumped < PATIENCE) return false;
    jump(film, Math.min(time + film.cost * state.speed, lastFrame(cell)));
    return true;
  }
  const bend = Math.abs(late) < 0.004 ? 0 : Math.max(-BEND, Math.min(BEND, GAIN * late));
  const rate = state.speed * (1 + bend);
  if (Math.abs(video.playbackRate - rate) > 0.004) video.playbackRate = rate;
  return true;
}

/** All stop at the same frame, and go on when every one of them shows it. */
function gather() {
  const time = now();
  anchor(time);
  state.waiting = true;
  state.gathered = [...state.gathered.filter((then) => performance.now() - then < 10_000), performance.now()];
  if (state.gathered.length >= STRAIN) note(localized("player.strain"));
  for (const [cell, film] of running()) {
    film.video.pause();
    jump(film, Math.min(time, lastFrame(cell)));
  }
}

/** Whether the wait for each other is over; then all go on. */
function gone_on() {
  if (running().some(([, film]) => film.video.seeking || film.next !== null)) return false;
  state.waiting = false;
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
  if (state.playing) for (const [cell, film] of running()) if (film.video.paused && time < lastFrame(cell)) start(film);
}
