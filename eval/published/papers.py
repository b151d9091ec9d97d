"""The tables of the papers whose systems are implemented here, number by number as printed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from eval.scoring.metrics import METRICS, Direction
from lipsync.texts import Message

FOLDER = Path(__file__).parent / "tables"
Kind = Literal["comparison", "ablation", "user study", "complexity"]
KINDS: tuple[Kind, ...] = get_args(Kind)
NOTICE = Message("published.notice")


@dataclass(frozen=True)
class Paper:
    """Where numbers come from; its title and authors in English and, with ``chinese``, as printed."""

    key: str
    title: str
    chinese: str
    authors: str
    authors_chinese: str
    journal: str
    year: int
    short: str
    doi: str = ""


@dataclass(frozen=True)
class PublishedColumn:
    """One column.

    Attributes:
        key: name in `eval.scoring.metrics` where the column is one of those, else its own.
        label: heading.
        better: which way is better.
        metric: the metric of `eval.scoring.metrics` that measures the same; None where there is none.
    """

    key: str
    label: str
    better: Direction
    metric: str | None = None

    @property
    def arrow(self) -> str:
        return {"higher": "↑", "lower": "↓", "zero": "→ 0"}[self.better]


@dataclass(frozen=True)
class PublishedRow:
    """One method.

    Attributes:
        method: its name.
        values: as printed, so that no digit is lost; None where the paper has none.
        ours: the system that the paper introduces.
        control: real video, which competes with none.
        config: the name of this row's configuration in this project, for ablations.
    """

    method: Message
    values: Sequence[str | None]
    ours: bool = False
    control: bool = False
    config: str | None = None


@dataclass(frozen=True)
class PublishedTable:
    """One table of a paper (of one data set, where the paper prints two side by side).

    Attributes:
        number: of the table in the paper.
        kind: comparison, ablation, user study or complexity.
        dataset: what it was measured on; empty where that is no question.
        title: what it shows.
        note: what a reader should know, such as numbers that contradict each other.
    """

    paper: Paper
    number: str
    kind: Kind
    dataset: str
    title: Message
    columns: tuple[PublishedColumn, ...]
    rows: tuple[PublishedRow, ...]
    note: Message | None = None

    @property
    def source(self) -> str:
        """Paper, table and data set in one line."""
        place = f"{self.paper.short}, {self.paper.journal}, Table {self.number}"
        return f"{place} ({self.dataset})" if self.dataset else place

    def number_of(self, method: str, key: str) -> float | None:
        """The number of a method in a column; None where the paper has none.

        Raises:
            KeyError: no such row or column.
        """
        columns = [column.key for column in self.columns]
        for row in self.rows:
            if row.method == method and key in columns:
                value = row.values[columns.index(key)]
                return None if value is None else float(value)
        raise KeyError(f"{self.source} has no {method}, {key}")


# Columns that are no metric of this project, or that a paper calls otherwise.
_OWN = {
    "sync": PublishedColumn("sync", "Sync", "higher", "lse_c"),
    "sync_accuracy": PublishedColumn("sync_accuracy", Message("published.column.sync_accuracy"), "higher"),
    "visual_quality": PublishedColumn("visual_quality", Message("published.column.visual_quality"), "higher"),
    "overall": PublishedColumn("overall", Message("published.column.overall"), "higher"),
    "params": PublishedColumn("params", Message("published.column.params"), "lower"),
    "flops": PublishedColumn("flops", "FLOPs (G)", "lower"),
    "madd": PublishedColumn("madd", "MAdd (G)", "lower"),
    "memory": PublishedColumn("memory", Message("published.column.memory"), "lower"),
}


def published(kind: Kind | None = None, paper: str | None = None) -> tuple[PublishedTable, ...]:
    """All tables, or those of one kind or one paper, in the order of the papers.

    Args:
        paper: key, such as ``m-csawav2lip``.
    """
    return tuple(
        table
        for table in _all()
        if (kind is None or table.kind == kind) and (paper is None or table.paper.key == paper)
    )


@cache
def _all() -> tuple[PublishedTable, ...]:
    names = ("m-csawav2lip", "lstm-cbam", "visual-dubbing")
    return tuple(table for name in names for table in _read(FOLDER / f"{name}.json"))


def _read(path: Path) -> list[PublishedTable]:
    data = json.loads(path.read_text(encoding="utf-8"))
    paper = Paper(**data["paper"])
    return [_table(paper, table) for table in data["tables"]]


def _table(paper: Paper, data: dict[str, Any]) -> PublishedTable:
    """A table of a file, in which a text is a key and a name, such as Wav2Lip, is written out."""
    return PublishedTable(
        paper,
        number=data["number"],
        kind=data["kind"],
        dataset=data["dataset"],
        title=Message(data["title"], dataset=data["dataset"]),
        columns=tuple(map(_column, data["columns"])),
        rows=tuple(PublishedRow(**{**row, "method": Message(row["method"])}) for row in data["rows"]),
        note=Message(data["note"]) if "note" in data else None,
    )


def _column(key: str) -> PublishedColumn:
    if key in _OWN:
        return _OWN[key]
    metric = METRICS.get(key)
    return PublishedColumn(key, metric.label, metric.direction, key)
