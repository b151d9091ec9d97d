"""Texts in a page, which can be switched to another language.

- ``label(key)`` for labels, buttons and choices: a marker that the browser replaces, so switching the
  language needs no server and keeps every input;
- ``localized(key, ...)`` inside HTML: every language is in the markup and the style sheet shows the page's;
- ``localized_attribute(name, key, ...)`` for what a pointer or a screen reader reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape

from lipsync.assets import asset
from lipsync.texts import ENGLISH, Message, Text, catalogue, languages

COMMANDS = ("cli.", "help.")  # beginnings of the texts that a terminal alone shows
# Browsers name Chinese in several ways; the first is what a page calls it.
LOCALES = {"zh": ("zh-CN", "zh-TW", "zh")}


def locale(language: str) -> str:
    """What a page calls a language: "zh-CN" for "zh"."""
    return LOCALES.get(language, (language,))[0]


def label(key: str) -> str:
    """The marker that the browser replaces by the text of ``key`` in the page's language."""
    return "__i18n__" + json.dumps({"__type__": "translation_metadata", "key": key})


def by_language(sentence: str, /, **parameters: object) -> dict[str, str]:
    """A text, message or finished sentence in every language, for scripts of a page: language, text."""
    message = Message(sentence, **parameters)
    return {language: message.text(language) for language in languages()}


def localized(sentence: str, /, **parameters: object) -> str:
    """HTML of a text, message or finished sentence in every language, of which a page shows its own.

    Args:
        sentence: key of a text, message, or finished sentence.
        parameters: fill the text's fields. All is escaped.
    """
    return spans(by_language(sentence, **parameters))


def localized_attribute(name: str, sentence: str, /, **parameters: object) -> str:
    """An attribute that people read, such as ``title``, which ``portal.js`` sets in the page's language.

    English comes first.

    Args:
        name: of the attribute.
        sentence, parameters: as of :func:`localized`.
    """
    texts = by_language(sentence, **parameters)
    return f'{name}="{escape(texts[ENGLISH])}" data-{name}="{escape(json.dumps(texts))}"'


def spans(texts: Mapping[str, str]) -> str:
    """HTML of plain texts, language to text; a language that lacks it shows the English one."""
    return "".join(
        f'<span class="{language}" lang="{locale(language)}">'
        f"{escape(texts.get(language) or texts[ENGLISH])}</span>"
        for language in languages()
    )


def templates(beginning: str) -> dict[str, dict[str, Text]]:
    """Texts whose key begins so with their fields, for scripts that fill them: key, language, text."""
    found = catalogue()
    return {
        key: {language: texts.get(key, text) for language, texts in found.items()}
        for key, text in found[ENGLISH].items()
        if key.startswith(beginning)
    }


def texts_script(beginning: str) -> str:
    """JavaScript to stand before a script: `TEXTS`, its `templates`, and what makes HTML of them."""
    made = asset("js", "texts.js").read_text(encoding="utf-8")
    return f"const TEXTS = {json.dumps(templates(beginning))};\n{made}"


def language_style() -> str:
    """The style sheet that shows the page's language alone; English where there are no texts in it."""
    others = [language for language in languages() if language != ENGLISH]
    hidden = [f'html:not([lang|="{language}"]) .{language}' for language in others]
    hidden += [f'html[lang|="{language}"] .{ENGLISH}' for language in others]
    return f"{', '.join(hidden)} {{ display: none; }}"


def translations(more: Mapping[str, Message]) -> dict[str, dict[str, str]]:
    """All texts of pages without plural by the browser's names of the languages, to replace labels by.

    Args:
        more: texts that are put together by the program, by key.
    """
    found: dict[str, dict[str, str]] = {}
    for language, texts in catalogue().items():
        shown = {key: text for key, text in texts.items() if not key.startswith(COMMANDS)}
        plain = {key: text for key, text in shown.items() if isinstance(text, str)}
        plain |= {key: message.text(language) for key, message in more.items()}
        found |= {name: plain for name in LOCALES.get(language, (language,))}
    return found
