"""Results computed from a set's videos, stored by the videos' content so that they are computed once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eval.compare.index import ComparisonSet
from eval.scoring.scores import write_text
from lipsync.errors import ConfigError

CACHE = "cache"


def place(set_: ComparisonSet, kind: str, suffix: str, *content: object) -> Path:
    """The path of a cached result: a hash of its kind and of everything it depends on.

    Raises:
        ConfigError: the set was deleted meanwhile.
    """
    described = json.dumps([kind, *map(str, content)])
    folder = set_.folder / CACHE
    try:
        folder.mkdir(exist_ok=True)
    except FileNotFoundError as problem:
        raise ConfigError("sets.missing", name=set_.id) from problem
    return folder / f"{hashlib.sha256(described.encode()).hexdigest()[:24]}{suffix}"


def remembered(path: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The JSON of a file; computed and written if the file is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        pass
    made = make()
    write_text(path, json.dumps(made, allow_nan=False) + "\n")
    return made
