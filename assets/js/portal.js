// Language and theme of the page. Both are remembered on this machine and need no server.
(() => {
  const CORE = "CORE_MODULE"; // Gradio's module with changeLocale

  // The address names what is open, so a reload stays there. What it asked for keeps its name until it is there.
  const PARTS = {
    compare: [".set-title", { set: "" }], // the page itself remembers the set
    results: ["[data-shown]", { study: "shown" }],
    leaderboard: ["[data-board]", { suite: "suite", language: "language" }],
  };
  const note = () => {
    const open = document.querySelector("#tabs [data-tab-id][aria-selected=true]")?.dataset.tabId;
    if (!open) return;
    const address = new URL(location.href);
    address.searchParams.set("tab", open);
    for (const [tab, [selector, names]] of Object.entries(PARTS)) {
      const part = document.querySelector(selector);
      if (part) Object.keys(names).forEach(forgetNamed);
      else if (tab === open && namedInAddress(...Object.keys(names)).some(Boolean)) continue;
      for (const [name, data] of Object.entries(names)) {
        const value = tab === open && part?.dataset[data];
        if (value) address.searchParams.set(name, value);
        else address.searchParams.delete(name);
      }
    }
    history.replaceState(history.state, "", address);
  };
  document.addEventListener("opened", () => setTimeout(note)); // the page shows it by then

  const remembered = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
  const remember = (key, value) => { try { localStorage.setItem(key, value); } catch { /* private window */ } };

  const setLocale = async (locale) => {
    document.documentElement.lang = locale;
    for (const button of document.querySelectorAll("[data-locale]")) {
      button.setAttribute("aria-pressed", String(button.dataset.locale === locale));
    }
    if (!CORE) return;
    const core = await import(new URL(CORE, document.baseURI).href);
    await core.changeLocale(locale);
    document.documentElement.lang = locale;
    requestAnimationFrame(() => translate(locale));
  };

  // Texts that begin with a key, from any language to the wanted one.
  const known = {};
  const names = (locale, beginning) => {
    const tables = window.gradio_config?.i18n_translations;
    if (!tables) return new Map();
    return (known[`${locale} ${beginning}`] ??= namesOf(tables, locale, beginning));
  };
  const namesOf = (tables, locale, beginning) => {
    const found = new Map();
    for (const table of Object.values(tables)) {
      for (const [key, text] of Object.entries(table)) {
        const wanted = key.startsWith(beginning) && tables[locale]?.[key];
        if (wanted && (!found.has(text) || key.endsWith(".tab"))) found.set(text, wanted); // "Score" is a button, too
      }
    }
    return found;
  };

  // What Gradio writes once and keeps after a switch of languages: names of tabs that were never opened, its own
  // words in drop zones and short messages, and headers of tables, which it does not translate at all.
  const RENAMED = [
    ['.tab-container button, [role="tab"]', ""],
    ['[data-testid="upload-text"], [data-testid="upload-text"] *', "gradio."],
    [".toast-wrap *", "gradio."],
    ["#score-rows th *", "score.row."],
    ["#make-rows th *", "make.row."],
  ];

  const rename = (locale) => {
    for (const [selector, beginning] of RENAMED) {
      const nodes = document.querySelectorAll(selector);
      const wanted = nodes.length ? names(locale, beginning) : new Map();
      for (const parent of nodes) {
        for (const node of parent.childNodes) {
          const old = node.nodeType === Node.TEXT_NODE && node.data.trim();
          const name = old && wanted.get(old);
          if (name && name !== old) node.data = node.data.replace(old, name);
        }
      }
    }
  };

  // Pictures that are buttons, and what they show.
  const PICTURES = [[".preview", "face.preview"], ["#result-gif", "result.video"]];

  // The names of buttons that Gradio has in English alone.
  const nameControls = (locale) => {
    for (const [within, beginning] of [["", "gradio."], ["#score-rows", "score.row."], ["#make-rows", "make.row."]]) {
      const wanted = names(locale, beginning);
      for (const attribute of ["aria-label", "title"]) {
        for (const node of document.querySelectorAll(`${within} [${attribute}]`)) {
          const name = wanted.get(node.getAttribute(attribute));
          if (name && name !== node.getAttribute(attribute)) node.setAttribute(attribute, name);
        }
      }
    }
    for (const [within, key] of PICTURES) {
      const name = window.gradio_config?.i18n_translations?.[locale]?.[key];
      for (const button of name ? document.querySelectorAll(`${within} .image-container > button`) : []) {
        if (button.getAttribute("aria-label") !== name) button.setAttribute("aria-label", name);
      }
    }
    for (const place of document.querySelectorAll(".empty[aria-label]:not([role])")) place.setAttribute("role", "img");
  };

  // Gradio's button that adds files has another button in it, and a name that Gradio did not translate.
  const joinUploads = (locale) => {
    const name = window.gradio_config?.i18n_translations?.[locale]?.["gradio.file_upload"];
    for (const inner of document.querySelectorAll(".icon-button button:not([inert])")) {
      inner.inert = true;
      for (const key of name ? ["aria-label", "title"] : []) inner.closest(".icon-button").setAttribute(key, name);
    }
  };

  // Gradio's tables have boxes to tick without a name, inside of buttons; the column names them.
  const nameBoxes = () => {
    for (const cell of document.querySelectorAll(":is(.bool-cell, .select-all-checkbox)[role=button]")) {
      cell.setAttribute("role", "none");
      cell.removeAttribute("tabindex");
    }
    for (const box of document.querySelectorAll(".bool-cell input")) {
      const column = box.closest("[data-col]")?.dataset.col;
      const name = document.querySelector(`#${box.closest("[id$=rows]")?.id} th[data-heading="${column}"]`)?.innerText.trim();
      if (name && box.ariaLabel !== name) box.ariaLabel = name;
    }
  };

  // One stop of the tab key for a group of choices, and arrows between them: Gradio gives each its own name,
  // and a new one whenever it is chosen.
  const joinChoices = () => {
    for (const first of document.querySelectorAll(".wrap > label:first-of-type > input[type=radio]")) {
      for (const input of first.closest(".wrap").querySelectorAll(":scope > label > input[type=radio]")) {
        if (input.name !== first.name) input.name = first.name;
      }
    }
  };

  // The same for those of the audio player with a number in them.
  const AUDIO = ["gradio.audio.back", "gradio.audio.forward", "gradio.audio.speed"];

  const nameButtons = (locale) => {
    const tables = window.gradio_config?.i18n_translations;
    if (!tables?.[locale]) return;
    for (const button of document.querySelectorAll(".component-wrapper button[aria-label]")) {
      const name = button.getAttribute("aria-label");
      for (const [key, table] of AUDIO.flatMap((key) => Object.values(tables).map((table) => [key, table]))) {
        const [before, after] = table[key].split("{number}");
        if (!name.startsWith(before) || !name.endsWith(after)) continue;
        const number = Number(name.slice(before.length, name.length - after.length));
        const wanted = tables[locale][key].replace("{number}", Math.round(number * 100) / 100);
        if (!Number.isNaN(number) && wanted !== name) button.setAttribute("aria-label", wanted);
        break;
      }
    }
  };

  // What a pointer or a screen reader reads, see `localized_attribute`.
  const DESCRIBED = ["title", "alt", "aria-label"];
  const describe = (locale) => {
    for (const name of DESCRIBED) {
      for (const node of document.querySelectorAll(`[data-${name}]`)) {
        const texts = JSON.parse(node.getAttribute(`data-${name}`));
        const wanted = texts[locale.split("-")[0]] ?? texts.en;
        if (node.getAttribute(name) !== wanted) node.setAttribute(name, wanted);
      }
    }
  };

  // The list of sets comes with counts, "1 × 5", and says "1 clip · 5 methods".
  const counted = new WeakMap();
  const countSets = (locale) => {
    const words = document.getElementById("set-counts")?.dataset.texts;
    if (!words) return;
    const texts = JSON.parse(words);
    const worded = (key, count) => {
      const text = texts[key][locale.split("-")[0]] ?? texts[key].en;
      return (text[count === "1" ? "one" : "other"] ?? text).replace("{count}", count);
    };
    for (const name of document.querySelectorAll("#set-list label span")) {
      for (const node of name.childNodes) {
        const counts = node.nodeType === Node.TEXT_NODE && node.data.match(/^(.*)\n(\d+) × (\d+)$/s);
        if (counts) counted.set(node, counts);
        if (!counted.has(node)) continue;
        const [, title, clips, methods] = counted.get(node);
        const facts = name.querySelector("small") ?? name.appendChild(document.createElement("small"));
        const wanted = `${worded("count.clips", clips)} · ${worded("count.methods", methods)}`;
        if (node.data !== title) node.data = title;
        if (facts.textContent !== wanted) facts.textContent = wanted;
      }
    }
  };

  // A page that asks for consent leads to its box.
  const led = new WeakSet();
  const leadToConsent = () => {
    for (const refusal of document.querySelectorAll('[data-error="request.consent"]')) {
      if (led.has(refusal)) continue;
      led.add(refusal);
      refusal.closest('[role="tabpanel"]')?.querySelector('[id$="consent"] input')?.focus();
    }
  };

  // On a phone the result is far below what it was made from: a finished one comes into view.
  let awaited = null; // the video that was shown when another was asked for
  const result = () => document.querySelector("#result video")?.src ?? "";
  const showResult = () => {
    if (awaited === null || !result() || result() === awaited) return;
    awaited = null;
    if (window.innerWidth <= 640) document.getElementById("download").scrollIntoView({ behavior: "smooth" });
  };

  const nameTab = (locale) => {
    const title = window.gradio_config?.i18n_translations?.[locale]?.["page.title"];
    if (title && document.title !== title) document.title = title;
  };

  const translate = (locale) => {
    nameTab(locale);
    rename(locale);
    nameControls(locale);
    nameButtons(locale);
    describe(locale);
    countSets(locale);
    joinChoices();
    joinUploads(locale);
    nameBoxes();
  };

  // Gradio's page about the API: a click on its own button shows it, the address alone does not.
  const openApi = () => {
    const button = document.querySelector(".show-api");
    if (new URLSearchParams(location.search).get("view") === "api") button?.click(); // counts as open, unseen
    button?.click();
  };

  const setTheme = (theme) => document.body.classList.toggle("dark", theme === "dark");

  document.addEventListener("click", (event) => {
    const language = event.target.closest("[data-locale]");
    if (language) {
      remember("lipsync-locale", language.dataset.locale);
      setLocale(language.dataset.locale);
    }
    if (event.target.closest("#start")) {
      awaited = result();
      if (window.innerWidth <= 640) {
        document.getElementById("status")?.scrollIntoView({ behavior: "smooth", block: "center" });
      }
    }
    if (event.target.closest("[data-open-api]")) openApi();
    const inner = event.target.closest(".icon-button")?.querySelector("[inert]");
    if (inner && !inner.contains(event.target)) inner.click();
    if (event.target.closest("[data-theme]")) {
      const theme = document.body.classList.contains("dark") ? "light" : "dark";
      remember("lipsync-theme", theme);
      setTheme(theme);
    }
  });

  // Whether the button is what was touched last, so that an error stays on the page (TAKE_BACK in generate_page.py).
  for (const kind of ["pointerdown", "keydown", "click", "change", "drop"]) {
    document.addEventListener(kind, ({ target }) => {
      document.body.toggleAttribute("data-started", Boolean(target.closest?.("#start")));
    }, true);
  }

  document.addEventListener("keydown", joinChoices, true);

  // Tables come and are drawn anew while the page is used; a text takes the place of another in the same elements.
  let waiting = false;
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    setTimeout(() => {
      waiting = false;
      translate(document.documentElement.lang);
      leadToConsent();
      showResult();
    }, 200);
  }).observe(document.body, {
    childList: true,
    subtree: true,
    attributeFilter: ["data-error", "src", ...DESCRIBED.map((name) => `data-${name}`)],
  });

  const offered = [...document.querySelectorAll("[data-locale]")].map((button) => button.dataset.locale);
  const own = (navigator.language || "en").toLowerCase().split("-")[0];
  const browser = offered.find((locale) => locale.split("-")[0] === own) || "en";
  setLocale(remembered("lipsync-locale") || browser);
  if (new URLSearchParams(location.search).get("view") === "api") openApi();
  if (remembered("lipsync-theme")) setTheme(remembered("lipsync-theme"));
})();
