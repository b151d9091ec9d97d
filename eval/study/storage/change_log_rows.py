"""How the database that stores studies records changes of their rows, and how they are stored again."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Float, Integer

from eval.study.storage.models import Base


@dataclass(frozen=True)
class RecordedTable:
    """How the rows of one table are recorded and found again.

    Attributes:
        columns: recorded as they are.
        names: recorded instead of numbers: field to SQL over the row ``NEW``.
        numbers: found again: column to SQL over the fields ``:name``.
        key: columns that tell rows apart.
        changes: columns whose change is recorded; the others change with every request, or never.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    names: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    changes: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """Of a line, in the order in which the trigger records them."""
        return (*self.columns, *self.names)

    def takes(self, row: object) -> bool:
        """Whether a line's row has a value for every field, of a type that the column takes."""
        if not isinstance(row, dict):
            return False
        columns = Base.metadata.tables[self.name].columns
        try:
            return all(_fits(row[name], columns[name]) for name in self.columns) and all(
                _is_text(row[name]) or (name == "other" and row[name] is None) for name in self.names
            )
        except (KeyError, ValueError, RecursionError):
            return False

    def insert(self) -> str:
        """SQL that stores a line, or brings the row that is there to its state."""
        columns = (*self.columns, *self.numbers)
        values = (*(f":{name}" for name in self.columns), *(f"({sql})" for sql in self.numbers.values()))
        sets = ", ".join(f"{name} = excluded.{name}" for name in self.columns if name not in self.key)
        return (
            f"INSERT INTO {self.name} ({', '.join(columns)}) VALUES ({', '.join(values)}) "
            f"ON CONFLICT ({', '.join(self.key)}) DO " + (f"UPDATE SET {sets}" if self.changes else "NOTHING")
        )

    @property
    def _recorded(self) -> str:
        values = (*(f"NEW.{name}" for name in self.columns), *(f"({sql})" for sql in self.names.values()))
        return ", ".join(values)

    def select(self) -> str:
        """SQL that records all rows there are."""
        return f"SELECT {self._recorded} FROM {self.name} AS NEW ORDER BY rowid"

    def triggers(self) -> Iterator[str]:
        """SQL of the triggers that record its rows."""
        when = [f"INSERT ON main.{self.name}"]
        if self.changes:
            when.append(f"UPDATE OF {', '.join(self.changes)} ON main.{self.name}")
        for number, what in enumerate(when):
            yield (
                f"CREATE TEMP TRIGGER journal_{self.name}_{number} AFTER {what} "
                f"BEGIN SELECT journal('{self.name}', {self._recorded}); END"
            )


# The salt is not recorded: it is deleted when a study closes, so that nobody can try addresses afterwards.
_RATER = "SELECT {} FROM rater WHERE rater.id = NEW.rater_id"
_TRIAL = "SELECT {} FROM trial JOIN rater ON rater.id = trial.rater_id WHERE trial.id = NEW.trial_id"
_FILE = "SELECT file FROM stimulus WHERE stimulus.id = NEW.{}"
_CLIP = "SELECT id FROM stimulus WHERE file = :{}"
TABLES = {
    table.name: table
    for table in (
        RecordedTable(
            "study", ("id", "link", "state", "spec", "made"), ("id",), changes=("link", "state", "spec")
        ),
        RecordedTable(
            "stimulus",
            ("study_id", "file", "kind", "item", "method", "seconds", "expected"),
            ("file",),
            changes=("kind", "item", "method", "expected"),
        ),
        RecordedTable(
            "rater",
            (
                "study_id", "name", "code", "session", "address", "language", "number", "seed", "began",
                "seen", "done", "completion", "comment",
            ),
            ("study_id", "name"),
            changes=("code", "session", "address", "done", "completion", "comment"),
        ),
        RecordedTable(
            "trial",
            ("name", "position", "swapped", "handed", "rated"),
            ("rater_id", "name"),
            {
                "study": _RATER.format("study_id"),
                "rater": _RATER.format("name"),
                "stimulus": _FILE.format("stimulus_id"),
                "other": _FILE.format("other_id"),
            },
            {
                "rater_id": "SELECT id FROM rater WHERE study_id = :study AND name = :rater",
                "stimulus_id": _CLIP.format("stimulus"),
                "other_id": _CLIP.format("other"),
            },
            ("rated",),
        ),
        RecordedTable(
            "rating",
            ("token", "question", "mark", "at"),
            ("trial_id", "token", "question"),
            {
                "study": _TRIAL.format("rater.study_id"),
                "rater": _TRIAL.format("rater.name"),
                "trial": _TRIAL.format("trial.name"),
            },
            {
                "trial_id": "SELECT trial.id FROM trial JOIN rater ON rater.id = trial.rater_id "
                "WHERE rater.study_id = :study AND rater.name = :rater AND trial.name = :trial"
            },
        ),
    )
}  # fmt: skip
# The last sign of life changes with every request and is not recorded; what a rater was given says enough.
SEEN = (
    "UPDATE rater SET seen = max(seen, coalesce((SELECT max(max(handed, coalesce(rated, 0))) FROM trial "
    "WHERE trial.rater_id = rater.id), 0))"
)
GONE = (
    "CREATE TEMP TRIGGER journal_study_gone AFTER DELETE ON main.study "
    "BEGIN SELECT journal('gone', OLD.id, NULL); END",
    "CREATE TEMP TRIGGER journal_rater_gone AFTER DELETE ON main.rater "
    "BEGIN SELECT journal('gone', OLD.study_id, OLD.name); END",
)


def is_change(change: object) -> bool:
    """Whether this is what a line may say: a row of a table, or that a study or a rater is gone."""
    if not isinstance(change, dict):
        return False
    if change.get("table") == "gone":
        return _is_text(change.get("study")) and (change.get("rater") is None or _is_text(change["rater"]))
    table = TABLES.get(change["table"]) if _is_text(change.get("table")) else None
    return table is not None and table.takes(change.get("row"))


def _fits(value: Any, column: Column[Any]) -> bool:
    if value is None:
        return bool(column.nullable)
    if isinstance(column.type, Float | Integer | Boolean):
        kinds = (int, float) if isinstance(column.type, Float) else (int,)
        return type(value) in kinds and math.isfinite(value) and abs(value) < 2**63
    return _is_text(value) and (not isinstance(column.type, JSON) or isinstance(json.loads(value), dict))


def _is_text(value: object) -> bool:
    """Whether it is a text without halves of characters, which no database takes."""
    return isinstance(value, str) and value.encode(errors="ignore").decode() == value
