"""Validation of plain values from YAML, JSON and browsers; an invalid one raises a clear error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from eval.study.storage.labels import LANGUAGES, BilingualText
from lipsync.errors import ConfigError

MARKUP = re.compile(r"<\s*[/!?a-zA-Z]|&#?\w+;")  # a tag, a comment, an entity
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")  # no database takes all of these
LONGEST = 8000  # characters of one text


def plain_text(text: object, what: str, longest: int = LONGEST) -> str:
    """The text, trimmed.

    Raises:
        ConfigError: no text, too long, or with HTML in it.
    """
    if not isinstance(text, str):
        raise ConfigError("value.text", what=what)
    if len(text) > longest:
        raise ConfigError("value.too_long", what=what, length=len(text), most=longest)
    if MARKUP.search(text) or CONTROL.search(text):
        raise ConfigError("value.no_html", what=what)
    return text.strip()


def mapping(values: object, what: str) -> Mapping[str, Any]:
    if not isinstance(values, Mapping) or not all(isinstance(key, str) for key in values):
        raise ConfigError("value.mapping", what=what)
    return values


def known(given: Mapping[str, Any], names: set[str], what: str) -> None:
    for name in given:
        if name not in names:
            raise ConfigError("value.unknown_name", what=what, name=name, known=", ".join(sorted(names)))


def entries(value: object) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def choice(value: object, choices: tuple[str, ...], what: str) -> str:
    if value is False and "off" in choices:  # YAML reads a bare off as false
        value = "off"
    if value not in choices:
        raise ConfigError("value.one_of", what=what, choices=", ".join(choices), value=value)
    return str(value)


def whole(value: object, least: int, what: str) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or not least <= value <= 1_000_000:
        raise ConfigError("value.whole_number", what=what, least=least, value=value)
    return value


def flag(value: object, what: str) -> bool:
    if not isinstance(value, bool):
        raise ConfigError("value.boolean", what=what, value=value)
    return value


def name_of(value: object, what: str) -> str | None:
    return None if value is None or value == "" else plain_text(str(value), what, 200)


def names(value: object, what: str) -> tuple[str, ...]:
    """The names in a list, or one alone; of files, so that they may look like HTML."""
    found = tuple(str(entry) for entry in entries(value))
    if any(CONTROL.search(name) for name in found):
        raise ConfigError("value.control_characters", what=what)
    return found


def bilingual_text(value: object, what: str) -> BilingualText:
    if isinstance(value, BilingualText):
        return value
    if isinstance(value, Mapping):
        known(value, set(LANGUAGES), "text")
        texts = [plain_text(value[name], what) for name in LANGUAGES if value.get(name)]
        if not texts:
            raise ConfigError("value.no_text", what=what)
        return BilingualText(*(plain_text(value.get(name) or texts[0], what) for name in LANGUAGES))
    text = plain_text(value, what)
    if not text:
        raise ConfigError("value.no_text", what=what)
    return BilingualText(text, text)
