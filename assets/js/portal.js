// Language and theme of the page. Both are remembered on this machine and need no server.
(() => {
  const CORE = "CORE_MODULE"; // Gradio's module with changeLocale
  // The link of a study opens the rater's page, also where only the portal's own address can be linked to.
  const study = new URLSearchParams(location.search).get("study");
  if (study) location.replace(`rate?study=${encodeURIComponent(study)}`);

  const remembered = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
  const remember = (key, value) => { try { localStorage.setItem(key, value); } catch { /* private window */ } };

  // What Gradio writes into drop zones: in its own words, and only once.
  const UPLOADS = [
    ["Drop File Here", "将文件拖放到此处"], ["Drop Video Here", "将视频拖放到此处"], ["Drop Image Here", "将图像拖放到此处"],
    ["Drop Audio Here", "将音频拖放到此处"], ["- or -", "- 或 -"], ["Click to Upload", "点击上传"],
  ];

  const setLocale = async (locale) => {
    document.documentElement.lang = locale;
    for (const button of document.querySelectorAll("[data-locale]")) {
      button.setAttribute("aria-pressed", String(button.dataset.locale === locale));
    }
    if (!CORE) return;
    const core = await import(new URL(CORE, document.baseURI).href);
    await core.changeLocale(locale);
    document.documentElement.lang = locale;
    requestAnimationFrame(() => { renameTabs(locale); renameDropZones(locale); });
  };

  // Gradio gives a tab that was never opened its name once; after a switch of languages it keeps the old one.
  const renameTabs = (locale) => {
    const tables = window.gradio_config?.i18n_translations ?? {};
    const wanted = tables[locale] ?? {};
    const names = new Map();
    for (const table of Object.values(tables)) {
      for (const [key, text] of Object.entries(table)) if (wanted[key]) names.set(text, wanted[key]);
    }
    for (const tab of document.querySelectorAll('.tab-container button, [role="tab"]')) {
      for (const node of tab.childNodes) {
        const name = node.nodeType === Node.TEXT_NODE && names.get(node.data.trim());
        if (name && name !== node.data.trim()) node.data = name;
      }
    }
  };

  const renameDropZones = (locale) => {
    const uploads = locale === "en" ? UPLOADS.map(([english, chinese]) => [chinese, english]) : UPLOADS;
    for (const wrap of document.querySelectorAll('[data-testid="upload-text"], [data-testid="upload-text"] *')) {
      for (const node of wrap.childNodes) {
        const pair = node.nodeType === Node.TEXT_NODE && uploads.find(([text]) => text === node.data.trim());
        if (pair) node.data = node.data.replace(...pair);
      }
    }
  };

  const setTheme = (theme) => document.body.classList.toggle("dark", theme === "dark");

  document.addEventListener("click", (event) => {
    const language = event.target.closest("[data-locale]");
    if (language) {
      remember("lipsync-locale", language.dataset.locale);
      setLocale(language.dataset.locale);
    }
    if (event.target.closest("#start") && window.innerWidth <= 640) {
      document.getElementById("status")?.scrollIntoView({ behavior: "smooth", block: "center" });
    }
    if (event.target.closest("[data-theme]")) {
      const theme = document.body.classList.contains("dark") ? "light" : "dark";
      remember("lipsync-theme", theme);
      setTheme(theme);
    }
  });

  const browser = (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh-CN" : "en";
  setLocale(remembered("lipsync-locale") || browser);
  if (remembered("lipsync-theme")) setTheme(remembered("lipsync-theme"));
})();
