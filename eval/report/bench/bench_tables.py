"""The tables of a benchmark: all items together, and each language where there are several."""

from __future__ import annotations

import math
import platform
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from eval.batch.suites.bench_run import BenchRun
from eval.batch.summary import ScoreTable, summarise_rows
from eval.report.bench.bench_json import BenchItem, BenchMethod, BenchReport, BenchScore, BenchSuite
from eval.scoring.metrics import METRICS
from lipsync.texts import Message

PORTAL = "lipsync-portal"
LIBRARIES = ("torch", "numpy", "opencv-python", "mediapipe", "librosa", "scikit-image", "lpips", "av")


@dataclass(frozen=True)
class BenchTables:
    """The tables of a run.

    Attributes:
        whole: over all items.
        languages: over the items of each; empty where there is one, or none is known.
        sounds: over the videos of each sound without a voice; empty where there are not several.
    """

    whole: ScoreTable
    languages: Mapping[str, ScoreTable] = field(default_factory=dict)
    sounds: Mapping[str, ScoreTable] = field(default_factory=dict)

    def parts(self) -> Iterator[tuple[dict[str, str], ScoreTable]]:
        """Each table with the ``language`` or ``sound`` of its videos; that over all has neither."""
        yield {}, self.whole
        yield from (({"language": name}, table) for name, table in self.languages.items())
        yield from (({"sound": name}, table) for name, table in self.sounds.items())


def bench_tables(run: BenchRun) -> BenchTables:
    """The tables of a finished run.

    Several sounds drive one face, so videos of different sounds are not independent: intervals and tests are
    then in the table of each sound alone.
    """
    whole = summarise_rows(list(run.results), run.scores)
    sounds = _parts(run, {face.item: face.sound for face in run.faces})
    if sounds:
        return BenchTables(_untested(whole), sounds=sounds)
    return BenchTables(whole, _parts(run, {face.item: face.language for face in run.faces}))


def _parts(run: BenchRun, part_of: Mapping[str, str]) -> dict[str, ScoreTable]:
    """A table for each part, by the items in it; none where there are not several."""
    parts = [part for part in dict.fromkeys(part_of.values()) if part]
    return {
        part: summarise_rows([row for row in run.results if part_of[row["item"]] == part], run.scores)
        for part in parts
        if len(parts) > 1
    }


def _untested(table: ScoreTable) -> ScoreTable:
    """The table with its means alone."""
    columns = [
        replace(
            column,
            tests=(),
            methods={
                name: replace(summary, low=math.nan, high=math.nan)
                for name, summary in column.methods.items()
            },
        )
        for column in table.columns
    ]
    return replace(table, columns=tuple(columns), notes=(*table.notes, Message("bench.several_sounds")))


def bench_report(run: BenchRun, tables: BenchTables, command: str) -> BenchReport:
    """The same for programs; controls, which are no methods, are in the other files alone."""
    suite = run.suite
    return BenchReport(
        BenchSuite(suite.name, str(Message(suite.title)), suite.version, suite.sha256),
        datetime.now(UTC).isoformat(timespec="seconds"),
        _portal_version(),
        command,
        tuple(
            BenchMethod(m.name, m.title, m.weights_sha256, "folder" if m.folder else "generated")
            for m in run.methods
        ),
        tuple(BenchItem(face.item, face.language) for face in run.faces),
        tuple(score for part, table in tables.parts() for score in _scores(table, **part)),
        run.data_sha256,
        {"python": platform.python_version(), **{name: _version(name) for name in LIBRARIES}},
    )  # fmt: skip


def _scores(table: ScoreTable, language: str | None = None, sound: str | None = None) -> list[BenchScore]:
    found = []
    for column in table.columns:
        metric = METRICS.get(column.metric)
        for name in table.methods:
            summary = column.methods.get(name)
            if summary is None:
                continue
            found.append(
                BenchScore(
                    name, metric.name, column.label, metric.direction, metric.unit, metric.decimals, language,
                    summary.scored, _number(summary.mean), _number(summary.low), _number(summary.high),
                    column.protocol, summary.videos, sound,
                )
            )  # fmt: skip
    return found


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _portal_version() -> str:
    """That of the installed package, or of the checkout."""
    project = Path(__file__).resolve().parents[3] / "pyproject.toml"
    if project.is_file():
        return tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"]
    return _version(PORTAL)
