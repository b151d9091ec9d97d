// Building blocks of the rater's page: elements, texts in every language, codes, questions.

const page = JSON.parse(document.getElementById("page").textContent); // {texts: key -> language -> text, sides}
const main = document.querySelector("main");
const remembered = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
const remember = (key, value) => {
  try {
    if (value === null) localStorage.removeItem(key); else localStorage.setItem(key, value);
  } catch { /* private window */ }
};

function h(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return element;
}

// Both languages, of which the style sheet shows the page's own.
const both = ({ en, zh }) => h("span", {},
  h("span", { className: "en", lang: "en" }, en || zh || ""), h("span", { className: "zh", lang: "zh-CN" }, zh || en || ""));
// A text may have a plural: {one, other}, chosen by the value `count`.
const fill = (text, values) => (text.other ? text[values.count === 1 ? "one" : "other"] : text)
  .replace(/\{(\w+)\}/g, (_, key) => values[key]);
const sentence = (key) => page.texts[key];
const t = (key, values = {}) => {
  const { en, zh } = page.texts[key];
  return both({ en: fill(en, values), zh: fill(zh, values) });
};

const chinese = () => document.documentElement.lang.startsWith("zh");

function setLanguage(language, keep = false) {
  document.documentElement.lang = language;
  if (keep) remember("lipsync-locale", language);
  const { en, zh } = page.texts["rate.title"];
  document.title = chinese() ? zh : en;
}

function setTheme() {
  const wanted = remembered("lipsync-theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  document.documentElement.classList.toggle("dark", wanted === "dark");
}

const languages = { several: true }; // the study is held in more than one

const languageButton = () => languages.several && h("button", {
  type: "button", className: "plain language",
  onclick: () => setLanguage(chinese() ? "en" : "zh-CN", true),
}, h("span", { className: "en", lang: "zh-CN" }, "中文"), h("span", { className: "zh", lang: "en" }, "English"));

// Everything but the top line is one view; its heading takes the focus, so that a screen reader begins there.
function show(kind, far, ...parts) {
  const top = h("div", { className: "top" }, h("div", { className: "far" }, far), languageButton());
  main.replaceChildren(top, notice, h("div", { className: `view ${kind}` }, ...parts));
  main.querySelector("h1")?.focus();
  scrollTo(0, 0);
}

const heading = (...text) => h("h1", { tabIndex: -1 }, ...text);
const prose = (text) => h("div", { className: "prose" }, both(text));
const card = (...parts) => h("div", { className: "card" }, ...parts);

// One line for what concerns every view: no connection, or a refusal.
const notice = h("div", { className: "notice", role: "alert", hidden: true });

function showNotice(text, wrong = false) {
  notice.hidden = !text;
  notice.className = wrong ? "notice wrong" : "notice";
  notice.replaceChildren(...(text ? [text] : []));
}

const mainButton = (key, onclick) => h("button", { type: "button", className: "main", onclick }, t(key));

function codeWithCopy(id, code) {
  const output = h("output", { id }, code);
  const text = h("span", { role: "status" }, t("rate.copy"));
  const copy = async () => {
    getSelection().selectAllChildren(output);
    try {
      await navigator.clipboard.writeText(code);
    } catch {
      document.execCommand("copy"); // pages without HTTPS have no clipboard of their own
    }
    text.replaceChildren(t("rate.copied"));
  };
  return h("div", { className: "code" }, output, h("button", { type: "button", onclick: copy }, text));
}

// Marks 1 to 5, or which of two is better: a fieldset of radio buttons. `question`: {key, title, hint, choices: [{value, big, small}]}.
function asked(question, chosen, onChoose) {
  const scale = h("div", { className: question.choices.length === 3 ? "scale three" : "scale" },
    question.choices.map(({ value, big, small }) => h("label", {},
      h("input", { type: "radio", name: question.key, value, checked: String(value) === String(chosen), onchange: () => onChoose(value) }),
      h("span", { className: "mark" }, big && h("b", {}, big), small))));
  return h("fieldset", { className: "question", disabled: true, name: question.key },
    h("legend", {}, question.title, question.hint && h("small", {}, question.hint)), scale);
}
