"""The tables of a benchmark: all items together, and each language where there are several."""

from __future__ import annotations

import math
import platform
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
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
    """Attributes:
    whole: over all items.
    languages: over the items of each; empty where there is one language, or none is known.
    """

    whole: ScoreTable
    languages: Mapping[str, ScoreTable]


def bench_tables(run: BenchRun) -> BenchTables:
    """The tables of a finished run."""
    spoken = {face.item: face.language for face in run.faces}
    languages = sorted({language for language in spoken.values() if language})
    results = list(run.results)
    by_language = {
        language: summarise_rows([row for row in results if spoken[row["item"]] == language], run.scores)
        for language in languages
        if len(languages) > 1
    }
    return BenchTables(summarise_rows(results, run.scores), by_language)


def bench_report(run: BenchRun, tables: BenchTables, command: str) -> BenchReport:
    """The same for programs; controls, which are no methods, are in the other files alone."""
    suite, every = run.suite, [(None, tables.whole), *tables.languages.items()]
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
        tuple(score for language, table in every for score in _scores(table, language)),
        run.data_sha256,
        {"python": platform.python_version(), **{name: _version(name) for name in LIBRARIES}},
    )  # fmt: skip


def _scores(table: ScoreTable, language: str | None) -> list[BenchScore]:
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
                    column.protocol, summary.videos,
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
