"""Rows of the papers' ablation tables, by which the settings of a network can be named in a configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from lipsync.errors import ConfigError
from lipsync.registry import Registry, unknown

T = TypeVar("T")
Make = Callable[[str], Any]

# By the dataclass of the settings: the rows of each table, and what makes the settings of one of them.
ROWS: dict[type, list[tuple[Registry[Any], Make]]] = {}


def register_rows(kind: type[T], rows: Registry[Any], make: Callable[[str], T]) -> None:
    """Let ``ablation = "NAME"`` stand for the settings ``kind`` that ``make`` gives for a row of a table."""
    ROWS.setdefault(kind, []).append((rows, make))


def ablated(kind: type[T], name: str) -> T:
    """The settings of a row, of whichever table has it.

    Raises:
        ConfigError: no table has it.
    """
    tables = ROWS[kind]
    for rows, make in tables:
        if name in rows:
            return make(name)
    names = [row for rows, _ in tables for row in rows]
    raise ConfigError(unknown(tables[0][0].kind if len(tables) == 1 else "kind.ablation", name, names))
