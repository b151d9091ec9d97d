"""The cells of a table of methods, before any format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from eval.functional.aggregate import Summary
from eval.metrics import METRICS
from eval.summary import Column, Table


@dataclass(frozen=True)
class Cell:
    """One number of a table. ``best`` marks the best method of a column; controls compete with none."""

    text: str
    interval: str = ""
    best: bool = False


def heading(column: Column) -> str:
    """Label, arrow for the better direction and unit."""
    metric = METRICS.get(column.metric)
    unit = f" ({metric.unit})" if metric.unit else ""
    return f"{column.label}{unit} {metric.arrow}"


def cells(table: Table, column: Column) -> Mapping[str, Cell]:
    """The cell of every method and control."""
    metric = METRICS.get(column.metric)
    means = {name: column.methods[name].mean for name in table.methods if name in column.methods}
    good = {name: metric.badness(mean) for name, mean in means.items() if not np.isnan(mean)}
    # Rounded as printed: two equal numbers are both best.
    rounded = {name: round(value, metric.decimals) for name, value in good.items()}
    best = {name for name, value in rounded.items() if len(good) > 1 and value == min(rounded.values())}
    return {
        name: _cell(table, column, name, name in best)
        for name in (*table.controls, *table.methods)
        if name in column.methods
    }


def _cell(table: Table, column: Column, name: str, best: bool) -> Cell:
    metric, summary = METRICS.get(column.metric), column.methods[name]
    if np.isnan(summary.mean):
        return Cell("failed" if summary.failed else "-")
    text = f"{summary.mean:.{metric.decimals}f}"
    if column.metric == "offset" and name in table.offsets:
        text = ", ".join(f"{offset:+d}" if offset else "0" for offset in table.offsets[name])
        return Cell(text)
    if column.metric == "lipcorr":
        text += f" at {table.lags[name].lag:+d}" if table.lags[name].lag else " at 0"
    return Cell(text, _interval(summary, metric.decimals), best)


def _interval(summary: Summary, decimals: int) -> str:
    if np.isnan(summary.low):
        return ""
    return f"{summary.low:.{decimals}f} to {summary.high:.{decimals}f}"


def videos(table: Table, name: str) -> str:
    """How many videos of a method were scored, of how many."""
    rows = [row for row in table.results if row["method"] == name]
    good = sum("error" not in row for row in rows)
    return str(good) if good == len(rows) else f"{good} of {len(rows)}"


def missing(table: Table) -> list[tuple[str, str]]:
    """Labels of the metrics no video has, those with the same reason together, and the reason."""
    by_reason: dict[str, list[str]] = {}
    for metric, reason in table.missing.items():
        by_reason.setdefault(reason, []).append(METRICS.get(metric).label)
    return [(", ".join(labels), reason) for reason, labels in by_reason.items()]
