"""Every text of the pages, the command line and the errors, by key.

A package keeps its texts in ``locales/LANGUAGE.json``, key to text, and so does the folder of a method; a
language is there as soon as a file of it is. A text may have ``{fields}`` with the format specifications of
``str.format``, and a plural: instead of one string ``{"one": ..., "other": ...}``, chosen by the field
``count``.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

Text = str | dict[str, str]
ENGLISH = "en"
FULL_STOPS = ".。"
# What would break a line, move a terminal's cursor, turn the direction of writing round, or be no UTF-8.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")

_folders = [
    Path(__file__).with_name("locales"),
    *sorted(Path(__file__).with_name("methods").glob("*/locales")),
]


def add_locales(folder: Path) -> None:
    """Add the texts of another folder."""
    if folder not in _folders:
        _folders.append(folder)
        catalogue.cache_clear()


def load(folders: Iterable[Path]) -> dict[str, dict[str, Text]]:
    """The texts of all files ``LANGUAGE.json`` in the folders: language, key, text. English is the first.

    Raises:
        ValueError: two folders have the same key.
    """
    found: dict[str, dict[str, Text]] = {ENGLISH: {}}
    for path in (path for folder in folders for path in sorted(folder.glob("*.json"))):
        texts = json.loads(path.read_text(encoding="utf-8"))
        known = found.setdefault(path.stem, {})
        if twice := known.keys() & texts.keys():
            raise ValueError(f"{path} has {min(twice)!r}, which another file has too")
        known.update(texts)
    return found


@cache
def catalogue() -> dict[str, dict[str, Text]]:
    """All texts: language, key, text."""
    return load(_folders)


def languages() -> tuple[str, ...]:
    """Codes of the languages that there are texts in, English first."""
    return tuple(catalogue())


def known(key: str) -> bool:
    """Whether there is a text of this key."""
    return key in catalogue()[ENGLISH]


def terminal_language(environment: Mapping[str, str] = os.environ) -> str:
    """The language of the command line: ``LIPSYNC_LANGUAGE``, else that of the locale, else English."""
    names = ("LIPSYNC_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
    wanted = next((environment[name] for name in names if environment.get(name)), ENGLISH)
    language = wanted.replace("-", "_").split("_")[0].split(".")[0].lower()
    return language if language in languages() else ENGLISH


class Message(str):
    """A text and its parameters: as a string the English sentence, by :meth:`text` that of any language.

    So it can be stored, compared and printed as a sentence, and translated as long as it is not stored.

    Args:
        key: of the text; a message stays what it is, and what is no key is taken for a finished sentence.
        parameters: fill the fields; messages and lists of messages among them are translated too.
    """

    key: str
    parameters: dict[str, object]
    _clause: bool

    def __new__(cls, key: str, /, **parameters: object) -> Message:
        if isinstance(key, Message):
            return key
        plain = {name: _worded(value) for name, value in parameters.items()}
        return cls._made(_fill(key, ENGLISH, plain), key, plain)

    @classmethod
    def _made(cls, english: str, key: str, parameters: dict[str, object], clause: bool = False) -> Message:
        message = super().__new__(cls, english.rstrip(FULL_STOPS) if clause else english)
        message.key, message.parameters, message._clause = key, parameters, clause
        return message

    def __reduce__(self) -> tuple[object, ...]:
        return Message._made, (str(self), self.key, self.parameters, self._clause)

    def text(self, language: str) -> str:
        """The sentence in a language; English where that one lacks it."""
        if not known(self.key):
            return str(self)
        sentence = _fill(self.key, language, self.parameters)
        return sentence.rstrip(FULL_STOPS) if self._clause else sentence

    def with_names(self, names: Mapping[str, str]) -> Message:
        """The sentence with other names in its parameters, such as the name by which a user knows a file.

        Args:
            names: old name to new name, which may be a message.
        """
        if not known(self.key):
            return Message(str(_renamed(str(self), names)))
        renamed = {name: _renamed(value, names) for name, value in self.parameters.items()}
        message = Message(self.key, **renamed)
        return message.clause if self._clause else message

    @property
    def clause(self) -> Message:
        """The sentence without its full stop, to stand inside another one."""
        return self._made(str(self), self.key, self.parameters, clause=True)


def translated(sentence: object, language: str) -> str:
    """A message in a language, anything else as it is."""
    return sentence.text(language) if isinstance(sentence, Message) else str(sentence)


def for_terminal(sentence: str, /, **parameters: object) -> str:
    """A text, message or finished sentence in the language of the command line."""
    return Message(sentence, **parameters).text(terminal_language())


def _fill(key: str, language: str, parameters: Mapping[str, object]) -> str:
    texts = catalogue()
    text = texts.get(language, {}).get(key) or texts[ENGLISH].get(key)
    if text is None:
        return key
    if isinstance(text, dict):
        text = text.get("one" if parameters.get("count") == 1 else "other") or text["other"]
    try:
        filled = text.format(**{name: _shown(value, language) for name, value in parameters.items()})
    except KeyError:  # a stored sentence that happens to be a key
        return key
    return filled if "\n" in text else _UNSEEN.sub(_escaped, filled)  # the fields may hold anything


def _escaped(unseen: re.Match[str]) -> str:
    return " " if unseen[0].isspace() else unseen[0].encode("unicode_escape").decode()


def _worded(value: object) -> object:
    """An exception's words in place of the exception, which may not be picklable."""
    if isinstance(value, BaseException):
        message = getattr(value, "message", value.args[0] if value.args else None)
        return message if isinstance(message, Message) else str(value)
    return value


def _renamed(value: object, names: Mapping[str, str]) -> object:
    if isinstance(value, Message):
        return value.with_names(names)
    if isinstance(value, list | tuple):
        return [_renamed(entry, names) for entry in value]
    if not isinstance(value, str | Path):
        return value
    text = str(value)
    if text in names:
        return names[text]
    for old, new in names.items():
        text = text.replace(old, new)
    return text


def _shown(value: object, language: str) -> object:
    if isinstance(value, list | tuple) and any(isinstance(entry, Message) for entry in value):
        return _fill("list.separator", language, {}).join(translated(entry, language) for entry in value)
    return value.text(language) if isinstance(value, Message) else value


Stored = dict[str, dict[str, Any]]


def messages_in(value: object) -> Stored:
    """The messages in plain values as something to store beside them, since JSON keeps their English alone.

    Returns:
        English sentence to key and parameters.
    """
    found: Stored = {}
    if isinstance(value, Message):
        parameters = {
            name: v if isinstance(v, str | int | float | list | None) else str(v)
            for name, v in value.parameters.items()
        }
        found[str(value)] = {"key": value.key, "parameters": parameters, "clause": value._clause}
        value = value.parameters
    if isinstance(value, Mapping):
        value = [*value, *value.values()]
    for entry in value if isinstance(value, list | tuple) else ():
        found |= messages_in(entry)
    return found


def with_messages(value: Any, stored: Stored) -> Any:
    """Plain values with the messages that :func:`messages_in` gave; other sentences stay as they are."""
    if isinstance(value, Mapping):
        return {with_messages(key, stored): with_messages(entry, stored) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(with_messages(entry, stored) for entry in value)
    if not isinstance(value, str) or value not in stored:
        return value
    try:
        entry = stored[value]
        inner = {sentence: other for sentence, other in stored.items() if sentence != value}
        message = Message(entry["key"], **with_messages(entry["parameters"], inner))
        message = message.clause if entry["clause"] else message
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):  # stored by somebody else
        return value
    return message if message == value else value
