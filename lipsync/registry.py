"""Things that are looked up by name: methods, metrics, encoders.

An entry is either the object itself or the place where it lives, ``"package.module:attribute"``.
Such a lazy entry is imported on first use, so a menu of methods can be drawn without importing
a single network.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Generic, TypeVar, cast

from lipsync.errors import ConfigError
from lipsync.texts import Message

T = TypeVar("T")


def unknown(kind: str, name: str, known: Iterable[str]) -> Message:
    """The sentence for a name that is not among the known ones: suggests the nearest, or lists them.

    Args:
        kind: what it should be a name of: the key of a text, or words.
    """
    folded = {entry.casefold(): entry for entry in known}
    near = get_close_matches(str(name).casefold(), folded, n=1)
    if near:
        return Message("registry.nearest", kind=Message(kind), name=name, nearest=folded[near[0]])
    return Message("registry.unknown", kind=Message(kind), name=name, known=", ".join(folded.values()))


def imported(place: str) -> Any:
    """What ``"package.module:attribute"`` names, imported now."""
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


class Registry(Generic[T]):
    """Objects of one kind by name, in the order they were registered.

    Args:
        kind: what the entries are, for messages: the key of a text, or words such as ``"method"``.
    """

    def __init__(self, kind: str) -> None:
        self.kind = Message(kind)
        self._entries: dict[str, T | str] = {}
        self._metadata: dict[str, Mapping[str, Any]] = {}

    def register(self, name: str, entry: T | str, **metadata: Any) -> None:
        """Add ``entry`` under ``name``: the object, or ``"module:attribute"`` to import it on first use.

        ``metadata`` is what a menu wants to know before anything is imported (a label, a paper, a unit).

        Raises:
            ValueError: the name is taken, or the string is not of the form ``module:attribute``.
        """
        if name in self._entries:
            raise ValueError(f"{self.kind} {name!r} is registered twice")
        if isinstance(entry, str):
            module, _, attribute = entry.partition(":")
            if not module or not attribute:
                raise ValueError(f"{self.kind} {name!r}: {entry!r} is not 'module:attribute'")
        self._entries[name] = entry
        self._metadata[name] = MappingProxyType(metadata)

    def get(self, name: str) -> T:
        """The object registered under ``name``, imported now if it was lazy.

        Raises:
            ConfigError: no such name; the message suggests the nearest one.
        """
        self._require(name)
        entry = self._entries[name]
        if isinstance(entry, str):
            entry = cast(T, imported(entry))
            self._entries[name] = entry
        return entry

    def metadata(self, name: str) -> Mapping[str, Any]:
        """What was registered beside the entry, read-only; imports nothing.

        Raises:
            ConfigError: no such name.
        """
        self._require(name)
        return self._metadata[name]

    def names(self) -> tuple[str, ...]:
        """All names, in the order they were registered; imports nothing."""
        return tuple(self._entries)

    def _require(self, name: str) -> None:
        if name not in self._entries:
            raise ConfigError(unknown(self.kind, name, self._entries))

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
