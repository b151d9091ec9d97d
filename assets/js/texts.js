// Texts by language as HTML, for scripts whose `TEXTS` has each key in every language.
// Part of what `gr.HTML` runs as `js_on_load`, before the script that shows them.

const escaped = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

/** HTML of a text by language; the style sheet shows the page's. */
const spans = (texts, values = {}) => Object.entries(texts).map(([language, text]) =>
  `<span class="${language}" lang="${language === "zh" ? "zh-CN" : language}">${escaped(filled(text, values))}</span>`).join("");
const localized = (key, values = {}) => spans(TEXTS[key], values);

/** A text in the page's language alone, for places that hold no HTML. */
const plain = (key) => TEXTS[key][document.documentElement.lang.split("-")[0]] ?? TEXTS[key].en;
