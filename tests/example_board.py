"""Makes the example of the Leaderboard page, in ``assets/examples``: ``python -m tests.example_board``.

``votes.csv``: the votes of simulated people on pairs of the example set's videos, as a study exports them.
``report.json``: the scores that the example set has, as `lipsync-eval bench` writes them.
"""

from __future__ import annotations

import csv
import hashlib
import math
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path

import numpy as np

from eval.batch.summary import Column, ScoreTable, summarise_rows
from eval.compare.names import REFERENCE
from eval.compare.sets import EXAMPLE, Sets
from eval.compare.table import scored
from eval.report.bench.bench_json import (
    BenchItem,
    BenchMethod,
    BenchReport,
    BenchScore,
    BenchSuite,
    write_bench_report,
)
from eval.scoring.metrics import METRICS
from eval.study.storage.csv_import_export import COLUMNS
from eval.ui.leaderboard.example_board import REPORT, SUITE, VOTES
from tests.example_set import BEGAN, LEVELS
from tests.portal import ROOT

PEOPLE, SEED = 20, 3
TIE = 0.4  # Davidson's ν
LANGUAGES = {"english": "en", "chinese": "zh"}
SHOWN = ("lse_d", "lse_c", "psnr", "ssim", "lpips", "lmd", "csim")


def main() -> None:
    """Write both files."""
    write_votes(VOTES)
    with tempfile.TemporaryDirectory() as folder:
        sets = Sets(Path(folder))
        table = scored(sets.open(sets.example()))
        assert table is not None
        write_bench_report(report_of(table), REPORT)


def write_votes(path: Path) -> None:
    """People who differ in taste a little; the levels are those of the simulated raters' marks."""
    rng = np.random.default_rng(SEED)
    methods = sorted(method for method in LEVELS if method != REFERENCE)
    pairs = [(item, *two) for item in sorted(LANGUAGES) for two in combinations(methods, 2)]
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        for number in range(PEOPLE):
            moment = BEGAN + timedelta(hours=5 * number)
            felt = {method: LEVELS[method] + rng.normal(0, 0.3) for method in methods}
            for position, place in enumerate(rng.permutation(len(pairs))):
                item, one, two = pairs[place]
                half = (felt[one] - felt[two]) / 2
                chances = np.array([TIE, math.exp(half), math.exp(-half)])
                table.writerow(
                    {
                        "rater": f"simulated{number + 1}", "language": "en", "began": moment,
                        "trial": f"v{number}x{position}", "position": position, "kind": "rated",
                        "item": item, "method": one, "other_method": two,
                        "left": (one, two)[int(rng.integers(2))], "handed": moment, "question": "overall",
                        "mark": int(rng.choice(3, p=chances / chances.sum())),
                        "time": moment + timedelta(seconds=16), "token": f"simulated-{number}-{position}",
                    }
                )  # fmt: skip
                moment += timedelta(seconds=20)


def report_of(table: ScoreTable) -> BenchReport:
    """The scores of all videos, and of each language."""
    parts: dict[str | None, ScoreTable] = {None: table}
    for item, language in LANGUAGES.items():
        rows = [dict(row) for row in table.results if row["item"] == item]
        parts[language] = replace(summarise_rows(rows, EXAMPLE), methods=table.methods)
    scores = [
        score
        for language, part in parts.items()
        for column in part.columns
        if column.metric in SHOWN
        for score in scores_of(column, language)
    ]
    digest = hashlib.sha256((EXAMPLE / "index.json").read_bytes()).hexdigest()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return BenchReport(
        BenchSuite(SUITE, "Example set", 1, digest),
        datetime.now(UTC).replace(microsecond=0).isoformat(),
        project["version"],
        "python -m tests.example_board",
        tuple(BenchMethod(method, method, "", "folder") for method in table.methods),
        tuple(BenchItem(item, language) for item, language in LANGUAGES.items()),
        tuple(scores),
    )


def scores_of(column: Column, language: str | None) -> Iterator[BenchScore]:
    """One score for each method; an interval only of two videos or more."""
    metric = METRICS.get(column.metric)
    for method, mean in column.methods.items():
        value, low, high = (None if math.isnan(n) else n for n in (mean.mean, mean.low, mean.high))
        yield BenchScore(
            method, metric.name, column.label, metric.direction, metric.unit, metric.decimals, language,
            mean.scored, value, low, high, column.protocol, mean.videos,
        )  # fmt: skip


if __name__ == "__main__":
    main()
