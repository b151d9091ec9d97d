"""The files a batch leaves: one table in every format."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from eval.batch.summary import ScoreTable
from eval.report.latex import latex
from eval.report.markdown import markdown
from eval.scoring.metrics import METRICS, Metric
from eval.scoring.scores import write_text


def write_tables(table: ScoreTable, folder: Path) -> str:
    """Write videos.csv, summary.csv, tests.csv, summary.json, table.tex and table.md; gives back the last.

    table_short.md is that one without intervals, for a page that must be narrow.
    """
    text = markdown(table)
    for name, content in (
        ("videos.csv", videos_csv(table)),
        ("summary.csv", summary_csv(table)),
        ("tests.csv", tests_csv(table)),
        ("summary.json", summary_json(table)),
        ("table.tex", latex(table)),
        ("table_short.md", markdown(table, intervals=False)),
        ("table.md", text),
    ):
        write_text(folder / name, content)
    return text


def videos_csv(table: ScoreTable) -> str:
    """One line per video: what was scored, every metric, why not."""
    labels = {column.metric: column.label for column in table.columns}
    metrics = _with_columns(table)
    own = [name for metric in metrics for name in metric.video_columns]
    predicted = [column.heading for column in table.predicted]
    lines = [["item", "method", "control", *labels.values(), *own, *predicted, "reason"]]
    for result in table.results:
        scores = result["scores"]["scores"] if "scores" in result else {}
        details = {name: score.get("detail", {}) for name, score in scores.items()}
        lines.append(
            [
                result["item"],
                result["method"],
                "yes" if result["control"] else "",
                *(number(scores.get(metric, {}).get("value")) for metric in labels),
                *(cell for m in metrics for cell in m.video_cells(details.get(m.name, {}))),
                *(number(column.videos[result["item"], result["method"]]) for column in table.predicted),
                result.get("error") or _reasons(scores),
            ]
        )
    return csv_text(lines)


def summary_csv(table: ScoreTable) -> str:
    """One line per method and metric: mean, interval, counts, and what single metrics add."""
    own = dict.fromkeys(name for metric in _with_columns(table) for name in metric.method_columns)
    lines = [["method", "metric", "mean", "low", "high", "scored", "failed", *own]]
    for column in table.columns:
        metric = METRICS.get(column.metric)
        for name, summary in column.methods.items():
            more = dict.fromkeys(own, "")
            if name in column.details:
                cells = metric.method_cells(column.details[name])
                more.update(zip(metric.method_columns, map(_cell, cells), strict=True))
            lines.append(
                [
                    name, column.label, number(summary.mean), number(summary.low), number(summary.high),
                    str(summary.scored), str(len(summary.failed)), *more.values(),
                ]
            )  # fmt: skip
    for predicted in table.predicted:
        for name, summary in predicted.methods.items():
            numbers = (number(summary.mean), number(summary.low), number(summary.high))
            counts = (str(summary.scored), str(len(summary.failed)))
            lines.append([name, predicted.heading, *numbers, *counts, *[""] * len(own)])
    return csv_text(lines)


def tests_csv(table: ScoreTable) -> str:
    """Every two methods on the same videos: Wilcoxon's signed-rank test, Holm-corrected per metric."""
    lines = [["metric", "a", "b", "a - b", "videos", "left out", "p", "p (Holm)"]]
    for column in table.columns:
        for test in column.tests:
            lines.append(
                [
                    column.label, test.a, test.b, number(test.difference), str(test.pairs),
                    str(test.left_out), number(test.p), number(test.p_holm),
                ]
            )  # fmt: skip
    return csv_text(lines)


def summary_json(table: ScoreTable) -> str:
    """Everything but the rows themselves, which lie in ``rows/``."""
    data: dict[str, Any] = asdict(replace(table, results=()))  # a copy of ten thousand takes seconds
    del data["results"]
    for column in data["predicted"]:
        del column["videos"]  # they are in videos.csv, and their keys are no text
    details = {column["metric"]: column.pop("details") for column in data["columns"]}
    for metric in _with_columns(table):
        if metric.details_key:
            data[metric.details_key] = details.get(metric.name, {})
    return json.dumps(plain(data), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _with_columns(table: ScoreTable) -> list[Metric]:
    """Metrics whose own columns a file has: the usual ones always, for files of one form; others if asked."""
    there = {column.metric for column in table.columns}
    return [metric for metric in METRICS.all() if metric.default or metric.name in there]


def _reasons(scores: dict[str, Any]) -> str:
    """Why some metrics have no value although the video was scored."""
    return " ".join(dict.fromkeys(s["reason"] for s in scores.values() if s["reason"]))


def number(value: float | None) -> str:
    """Six digits; empty where there is none."""
    return "" if value is None or math.isnan(value) else f"{value:.6g}"


def _cell(value: float | int) -> str:
    return str(value) if isinstance(value, int) else number(value)


def csv_text(lines: list[list[str]]) -> str:
    """Lines of cells as CSV that no spreadsheet takes for formulas."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([_harmless(cell) for cell in line] for line in lines)
    return out.getvalue()


def _harmless(cell: str) -> str:
    """A name that a spreadsheet would run as a formula is kept as text."""
    risky = cell[:1] in ("=", "@", "\t", "\r") or (cell[:1] in "+-" and not _is_number(cell))
    return f"'{cell}" if cell and risky else cell


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return not cell.strip("+-0123456789 .,")
    return True


def plain(value: Any) -> Any:
    """The value for JSON: NaN as null, keys as text."""
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    return None if isinstance(value, float) and math.isnan(value) else value
