// The rater's page: consent, instructions, practice, one clip (or pair) at a time, thanks.
// The portal knows where a rater is; this page only shows it, so that closing the browser loses nothing.

const given = (new URLSearchParams(location.search).get("study") || "").trim();
const link = given.match(/[?&]study=([\w-]+)/)?.[1] || given; // the whole link may have been pasted
const voting = new URLSearchParams(location.search).has("vote"); // comes from the leaderboard, which says what is stored
const CODE = `lipsync-rater:${link}`, PENDING = `lipsync-vote:${link}`;
const SIDES = [[1, "rate.pair.a"], [0, "rate.pair.none"], [2, "rate.pair.b"]]; // mark and label, in the order on the page
let keys = () => {}; // what the view at hand does with a key

const wait = () => show("text-page", "", heading(t("rate.loading")));

function refuse(sentence) {
  keys = () => {};
  const code = remembered(CODE);
  const shut = ["study.full", "study.closed"].some((key) => sentence.en === page.texts[key].en); // to newcomers
  show("text-page", "", card(heading(t("rate.refused")), h("p", { className: "why" }, both(sentence)),
    shut && !code && returnByCode(), code && yourCode(code), reloadStep()));
}

const reloadStep = () => h("div", { className: "steps" }, mainButton("rate.reload", () => location.reload()));

function noLink() {
  show("text-page", "", card(heading(t("rate.nolink")), h("p", {}, t("rate.nolink.how"))));
}

// The rater code, and what it is good for.
const yourCode = (code) => [
  h("strong", {}, t("rate.delete")), codeWithCopy("forget", code), h("p", { className: "quiet" }, t("rate.delete.how"))];

// The way back for those whose browser does not know them.
function returnByCode() {
  const field = h("input", { id: "return-code", required: true, autocomplete: "off", spellcheck: false });
  const goOn = async (event) => {
    event.preventDefault();
    showNotice(null);
    const groups = field.value.toUpperCase().match(/[0-9A-Z]/g)?.join("").match(/.{1,4}/g); // as codes are written
    const code = groups ? groups.join("-") : field.value;
    try {
      const study = await ask("study_open", link, code);
      if (study.state === "new") throw new Refused(sentence("study.no_data"));
      remember(CODE, code);
      await enter(study, code);
    } catch (error) {
      refuseOr((why) => showNotice(both(why), true))(error);
    }
  };
  return h("details", { className: "return" }, h("summary", {}, t("rate.return")),
    h("form", { onsubmit: goOn }, h("label", { htmlFor: "return-code" }, t("rate.return.code")),
      h("div", {}, field, h("button", { type: "submit" }, t("rate.return.go")))));
}

function consent(study, go) {
  const box = h("input", { type: "checkbox", id: "agree" });
  const next = mainButton("rate.continue", go);
  next.disabled = true;
  box.addEventListener("change", () => { next.disabled = !box.checked; });
  show("text-page", "", card(
    heading(both(study.title)),
    returnByCode(),
    prose(study.consent),
    h("label", { className: "agree" }, box, h("span", {}, t("rate.agree"))),
    h("div", { className: "steps" }, next)));
}

function instructions(study, code, go) {
  const pairs = study.mode === "pairwise";
  show("text-page", "", card(
    heading(t("rate.instructions")),
    h("p", {}, h("strong", {}, t(pairs ? "rate.length.pairs" : "rate.length", { count: study.clips, minutes: study.minutes }))),
    prose(study.instructions),
    h("ul", { className: "quiet" },
      h("li", {}, t("rate.instructions.resume")),
      h("li", { className: "keys" }, t(pairs ? "rate.keys.pairs" : "rate.keys"))),
    yourCode(code),
    h("div", { className: "steps" }, mainButton("rate.begin", go))));
}

function far(study, view) {
  const number = view.position + 1;
  if (study.arena) return [h("strong", { id: "far" }, t("rate.progress.arena", { number }))]; // who votes there stops at will
  const label = t("rate.progress", { number, of: view.total });
  return [
    h("strong", { id: "far" }, view.stage === "training" && [t("rate.training"), " "], label),
    h("progress", { max: view.total, value: view.position, ariaHidden: "true" }),
  ];
}

// What is asked, in the form that `asked` draws. A study whose author left the labels of a pair alone gets A and B,
// for on a phone nothing is left or right.
function questions(study) {
  return study.questions.map(({ key, text, labels }) => {
    const sides = labels.length === 3;
    const own = sides && labels.some((label, i) => label.en !== page.sides[i].en || label.zh !== page.sides[i].zh);
    const choices = sides
      ? SIDES.map(([value, label]) => ({ value, small: own ? both(labels[value]) : t(label) }))
      : labels.map((label, i) => ({ value: i + 1, big: String(i + 1), small: both(label) }));
    return { key, title: both(text), choices };
  });
}

// One clip or pair with its questions. onVote(marks) and onBack() resolve when the next view is there; onStop() leaves.
function trial(study, view, { onVote, onBack, onStop }) {
  const marks = { ...view.marks };
  const pair = view.media.length > 1;
  const opens = performance.now() + 1000 * view.wait; // before that the portal would not take marks
  const seen = new Set();
  let open = Object.keys(marks).length > 0; // what was answered once can be changed without playing it again
  let busy = false;
  const status = h("div", { className: "status", role: "status" });
  const showStatus = (key) => status.replaceChildren(t(key));
  const missing = () => fields.find((field) => marks[field.name] === undefined);

  const refresh = () => {
    const first = open ? missing() : undefined;
    for (const field of fields) {
      field.disabled = !open;
      field.classList.toggle("now", field === first && fields.length > 1);
    }
    next.disabled = !open || busy || Boolean(first);
    back.disabled = busy;
    if (open) showStatus(busy ? "rate.status.saving" : first ? "rate.status.open" : "rate.status.ready");
  };
  const choose = (field, value) => { marks[field.name] = value; refresh(); };
  const fields = questions(study).map((question) =>
    asked(question, marks[question.key], (value) => choose(fields.find((field) => field.name === question.key), value)));

  const players = view.media.map((url, i) => player({
    url: clipAddress(url),
    name: pair ? "AB"[i] : "",
    onStart: () => players.forEach((other, k) => { if (k !== i) other.pause(); }),
    onPlayed: async () => {
      seen.add(i);
      if (open || seen.size < players.length) return;
      await delay(opens - performance.now());
      open = true;
      refresh();
      fields[0].scrollIntoView({ block: "nearest", behavior: "smooth" });
    },
    onSkipped: () => { if (!open && !seen.has(i)) showStatus("rate.status.skipped"); },
    onWrong: (error) => showNotice(error instanceof Refused ? both(error.sentence) : t("rate.clip.wrong"), true),
  }));

  const act = async (what) => {
    if (busy) return;
    busy = true;
    showNotice(null);
    refresh();
    players.forEach((one) => one.pause());
    try {
      await what();
      players.forEach((one) => one.release());
    } catch (error) {
      refuseOr((sentence) => showNotice(both(sentence), true))(error);
    } finally {
      busy = false;
      refresh();
    }
  };
  const next = mainButton(view.position + 1 === view.total ? "rate.finish" : "rate.next", () => act(() => onVote(marks)));
  next.id = "next";
  const back = h("button", { type: "button", id: "back", className: "plain", hidden: !view.back, onclick: () => act(onBack) }, t("rate.back"));

  showStatus(pair ? "rate.status.pair" : "rate.status.play");
  refresh();
  const above = far(study, view);
  const stop = study.arena && h("button", { type: "button", id: "stop", className: "plain", onclick: onStop }, t("rate.stop"));
  show("trial", above,
    h("h1", { className: "visually-hidden", tabIndex: -1 }, [...above[0].cloneNode(true).childNodes]),
    h("div", { className: pair ? "clips two" : "clips" }, players.map((one) => one.box)),
    status, fields, h("div", { className: "steps" }, back, stop, next));

  keys = (event) => {
    const on = event.target;
    if (event.key === " " && !on.closest("button, input")) {
      event.preventDefault();
      (players.find((one, i) => one.playing || !seen.has(i)) || players[0]).toggle();
    } else if (event.key === "Enter" && !on.closest("button") && !next.disabled) {
      event.preventDefault();
      next.click();
    } else if (/^[1-5]$/.test(event.key) && open && !busy) {
      const field = on.closest("fieldset") || missing();
      const input = field?.querySelectorAll("input")[Number(event.key) - 1];
      if (!input) return;
      event.preventDefault();
      input.checked = true;
      choose(field, Number(input.value));
      (missing()?.querySelector("input") || next).focus();
    }
  };
}

function comment({ onSend, onBack }) {
  const text = h("textarea", { id: "comment", maxLength: 2000 });
  const act = async (what) => {
    for (const button of [send, back]) button.disabled = true;
    showNotice(null);
    await what().catch(refuseOr((sentence) => showNotice(both(sentence), true)));
    for (const button of [send, back]) button.disabled = false;
  };
  const send = mainButton("rate.finish", () => act(() => onSend(text.value)));
  const back = h("button", { type: "button", id: "back", className: "plain", onclick: () => act(onBack) }, t("rate.back"));
  show("text-page", "", card(
    heading(t("rate.comment")),
    h("label", {}, h("span", { className: "quiet" }, t("rate.comment.how")), text),
    h("div", { className: "steps" }, back, send)));
}

function thanks(study, { completion, code }) {
  show("text-page", "", card(
    heading(t("rate.thanks")),
    h("p", {}, t("rate.thanks.saved")),
    completion && [h("strong", {}, t("rate.code")), codeWithCopy("code", completion), h("p", { className: "quiet" }, t("rate.code.how"))],
    code && yourCode(code),
    study.arena && h("div", { className: "steps" }, mainButton("rate.board", () => location.assign("./?tab=leaderboard")))));
}

addEventListener("keydown", (event) => {
  if (!event.ctrlKey && !event.metaKey && !event.altKey) keys(event);
});

// What a refusal does; anything else is a mistake of this page and stays one.
const refuseOr = (onRefused) => (error) => {
  if (error instanceof Elsewhere) return;
  if (!(error instanceof Refused)) throw error;
  onRefused(error.sentence);
};

async function run() {
  const code = remembered(CODE) || "";
  await enter(await ask("study_open", link, code), code);
}

// Goes on where a study says that the holder of this code is.
async function enter(study, code) {
  languages.several = study.languages.length > 1;
  if (!languages.several) setLanguage(study.languages[0] === "zh" ? "zh-CN" : "en");
  if (study.state === "finished") return thanks(study, { completion: study.completion, code });
  if (study.state === "going") return rest(study, study.session, code);
  if (study.arena && voting) return begin(study, code);
  return consent(study, () => begin(study, code).catch(refuseOr(refuse)));
}

async function begin(study, code) {
  wait();
  const other = remembered(CODE) || "";
  if (other && other !== code) return run(); // begun in another tab meanwhile: one person is one rater
  const started = await ask("study_consent", link, chinese() ? "zh" : "en");
  remember(CODE, started.code);
  if (study.arena && voting) return rest(study, started.session, started.code);
  return instructions(study, started.code, () => rest(study, started.session, started.code).catch(refuseOr(refuse)));
}

const pending = () => JSON.parse(remembered(PENDING) || "null");

// From the trial at hand to the thanks.
async function rest(study, token, code) {
  let shown = null; // the view at hand, if it can be shown again as it is
  const session = raterSession({ code, token, onHere: () => regain(), onOver: (now) => enter(now, code) });

  const vote = async ({ trial, position, marks: before }, marks) => {
    const known = pending();
    const same = known && known.trial === trial && JSON.stringify(known.marks) === JSON.stringify(marks);
    const sent = same ? known : { trial, position, before, marks, token: randomToken() };
    remember(PENDING, JSON.stringify(sent)); // it outlives this page until the portal has it
    try {
      return await session.ask("study_rate", sent.trial, sent.marks, sent.token);
    } finally {
      if (pending()?.token === sent.token) remember(PENDING, null); // another tab's stays
    }
  };
  // Whether nobody has answered this trial since its marks were those, in another tab or on another device; and the
  // newest view.
  const compare = async ({ trial, position, marks }) => {
    const newest = await session.ask("study_next");
    let there = newest;
    while (there.position > position) there = await session.ask("study_back", there.trial);
    return { newest, same: there.trial === trial && JSON.stringify(there.marks) === JSON.stringify(marks) };
  };
  const regain = async () => {
    const { newest, same } = await compare(shown || { position: Infinity });
    if (same) return session.restore();
    session.lift();
    return display(newest);
  };
  const finish = async (text) => {
    const end = await session.ask("study_finish", text);
    thanks(study, { completion: end.completion, code });
  };
  const display = async (view) => {
    if (session.covered) throw new Elsewhere();
    keys = () => {};
    shown = view;
    if (view.stage !== "end") {
      trial(study, view, {
        onVote: async (marks) => display(await vote(view, marks)),
        onBack: async () => display(await session.ask("study_back", view.trial)),
        onStop: () => thanks(study, { code }),
      });
    } else if (study.comments) {
      comment({ onSend: finish, onBack: async () => display(await session.ask("study_back", "")) });
    } else {
      shown = null;
      await finish("");
    }
  };
  wait();
  const unsent = pending();
  if (unsent) {
    const { trial: name, position = Infinity, before = {}, marks } = unsent;
    const view = { trial: name, position, marks: before };
    if ((await compare(view)).same) await vote(view, marks).catch(refuseOr(() => {}));
    else remember(PENDING, null);
  }
  await display(await session.ask("study_next"));
}

setTheme();
setLanguage(remembered("lipsync-locale") || (navigator.language.toLowerCase().startsWith("zh") ? "zh-CN" : "en"));
line.onChange = (down) => showNotice(down ? t("rate.offline") : null);
if (link) {
  wait();
  run().catch(refuseOr(refuse));
} else noLink();
