"""The cells of a table of methods, before any format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from eval.batch.summary import Column, PredictedColumn, ScoreTable
from eval.functional.aggregate import MeanScore
from eval.scoring.metrics import METRICS

LEVEL = 0.05  # of the test against the best method
MARK = "†"
PREDICTED = 2  # decimals of a predicted MOS
FEWEST = 2  # videos from which on a method is called the best


@dataclass(frozen=True)
class Cell:
    """One number of a table.

    Attributes:
        text: the number.
        interval: "low to high" of the bootstrap interval of the mean; empty where there is none.
        half: half the width of that interval.
        best, second: the best method of a column, from two videos on, and the next one where there are
            three or more; ties have neither, and controls compete with none.
        differs: from the best one, p < 0.05 on the same videos (Wilcoxon's signed-rank test, Holm-corrected
            over all pairs of methods).
    """

    text: str
    interval: str = ""
    half: str = ""
    best: bool = False
    second: bool = False
    differs: bool = False


def heading(column: Column) -> str:
    """Label, arrow for the better direction and unit."""
    metric = METRICS.get(column.metric)
    unit = f" ({metric.unit})" if metric.unit else ""
    return f"{column.label}{unit} {metric.arrow}"


def cells(table: ScoreTable, column: Column) -> Mapping[str, Cell]:
    """The cell of every method and control."""
    metric = METRICS.get(column.metric)
    means = {name: column.methods[name].mean for name in table.methods if name in column.methods}
    good = {name: metric.badness(mean) for name, mean in means.items() if not np.isnan(mean)}
    # Rounded as printed: two equal numbers are a tie. One video shows no method to be better.
    best, second = ranked({name: round(value, metric.decimals) for name, value in good.items()})
    best = {name for name in best if column.methods[name].scored >= FEWEST}
    second = {name for name in second if best and column.methods[name].scored >= FEWEST}
    worse = _differing(column, min(good, key=lambda name: good[name]) if good else "")
    return {
        name: _cell(column, name, name in best, name in second, name in worse - best)
        for name in (*table.controls, *table.methods)
        if name in column.methods
    }


def predicted_cells(column: PredictedColumn) -> Mapping[str, Cell]:
    """The cell of every method and control in a column of predicted MOS, in which none is called the best."""
    found = {}
    for name, summary in column.methods.items():
        if np.isnan(summary.mean):
            found[name] = Cell("-")
            continue
        half = "" if np.isnan(summary.low) else f"{(summary.high - summary.low) / 2:.{PREDICTED}f}"
        found[name] = Cell(f"{summary.mean:.{PREDICTED}f}", _interval(summary, PREDICTED), half)
    return found


def ranked(badness: Mapping[str, float]) -> tuple[set[str], set[str]]:
    """The name with the smallest value (of two or more) and the one with the next (of three or more).

    A tie has none: where two are best, nobody is, and nobody is second.
    """
    order = sorted(badness, key=lambda name: badness[name])
    places = [badness[name] for name in order]
    best = set(order[:1]) if len(order) > 1 and places[0] < places[1] else set()
    second = best and len(order) > 2 and places[1] < places[2]
    return best, set(order[1:2]) if second else set()


def _differing(column: Column, best: str) -> set[str]:
    """The methods that differ significantly from the best one."""
    tests = [test for test in column.tests if best in (test.a, test.b) and test.p_holm < LEVEL]
    return {test.b if test.a == best else test.a for test in tests}


def _cell(column: Column, name: str, best: bool, second: bool, differs: bool) -> Cell:
    metric, summary = METRICS.get(column.metric), column.methods[name]
    if np.isnan(summary.mean):
        return Cell("failed" if summary.failed else "-")
    text = metric.format(summary, column.details.get(name))
    if not metric.ranked:
        return Cell(text)
    half = "" if np.isnan(summary.low) else f"{(summary.high - summary.low) / 2:.{metric.decimals}f}"
    return Cell(text, _interval(summary, metric.decimals), half, best, second, differs)


def _interval(summary: MeanScore, decimals: int) -> str:
    if np.isnan(summary.low):
        return ""
    return f"{summary.low:.{decimals}f} to {summary.high:.{decimals}f}"


def videos(table: ScoreTable, name: str) -> str:
    """How many videos of a method were scored, of how many."""
    good, total = count_videos(table, name)
    return str(good) if good == total else f"{good} of {total}"


def count_videos(table: ScoreTable, name: str) -> tuple[int, int]:
    """The videos of a method that were scored, and all of them."""
    rows = [row for row in table.results if row["method"] == name]
    return sum("error" not in row for row in rows), len(rows)


def footnotes(table: ScoreTable) -> list[str]:
    """What must be known to read the cells of some metrics, in English and Chinese."""
    metrics = [METRICS.get(column.metric) for column in table.columns]
    return list(dict.fromkeys(metric.footnote for metric in metrics if metric.footnote))


def missing(table: ScoreTable) -> list[tuple[str, str]]:
    """Labels of the metrics no video has, those with the same reason together, and the reason."""
    by_reason: dict[str, list[str]] = {}
    for metric, reason in table.missing.items():
        by_reason.setdefault(reason, []).append(METRICS.get(metric).label)
    return [(", ".join(labels), reason) for reason, labels in by_reason.items()]
