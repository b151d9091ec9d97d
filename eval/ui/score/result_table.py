"""Pieces of HTML and data frames of the Score page, in both languages."""

from __future__ import annotations

import csv
from collections.abc import Set
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from eval.batch.rows import Options, ScoringJob
from eval.batch.summary import Column, ScoreTable
from eval.report.grid import MARK, cells, footnotes, heading, missing, videos
from eval.scoring.metrics import METRICS
from eval.ui.score.score_queue import ScoreJob
from lipsync.texts import Message, known
from lipsync.ui import markup
from lipsync.ui.languages import label, localized, localized_attribute

NOT_A_CURVE = {"frame", "time", "reason"}


def empty() -> str:
    """The message in place of the table before there is one."""
    return markup.empty("score.empty")


def running(job: ScoreJob, ahead: int, minutes: int) -> str:
    """The progress and speed of a scoring job, or how many jobs are ahead of it."""
    reload = f"<p>{localized('job.reload', minutes=minutes)}</p>"
    if job.row is None:
        title = localized("job.waiting", count=ahead) if ahead else localized("score.loading")
        return f'<div class="running"><strong>{title}</strong><progress></progress>{reload}</div>'
    share = min(100, round(100 * job.done / max(1, job.total)))
    title = localized(
        "score.running", item=job.row.item, method=job.row.method, done=job.done, total=job.total
    )
    rate = localized("score.rate", row=job.number + 1, rows=len(job.rows), fps=f"{job.fps:.0f}")
    return (
        f'<div class="running"><strong>{title}</strong><progress max="100" value="{share}"></progress>'
        f'<p class="figures">{rate}</p>{reload}</div>'
    )


def table_html(table: ScoreTable) -> str:
    """Methods down, metrics across; a heading explains itself when pointed at."""
    columns = [(column, cells(table, column)) for column in table.columns]
    head = "".join(
        f'<th scope="col" {_explanation(column.metric)}>{_heading(column)}</th>' for column, _ in columns
    )
    lines = []
    for name in (*table.controls, *table.methods):
        shown = []
        for _, row in columns:
            cell = row.get(name)
            number = "" if cell is None else _together(escape(cell.text))
            if cell is not None:
                number = f"<strong>{number}</strong>" if cell.best else number
                number = f"<u>{number}</u>" if cell.second else number
                number = f"{number} {MARK}" if cell.differs else number
            interval = (
                f"<br><small>({escape(cell.interval)})</small>" if cell is not None and cell.interval else ""
            )
            shown.append(f"<td>{number}{interval}</td>")
        title = f"<em>{escape(name)}</em>" if name in table.controls else escape(name)
        lines.append(f'<tr><th scope="row">{title}</th><td>{videos(table, name)}</td>{"".join(shown)}</tr>')
    head_row = (
        f'<th scope="col">{localized("score.method")}</th>'
        f'<th scope="col">{localized("score.videos")}</th>{head}'
    )
    return markup.wide_table("table.heading", head_row, lines) + _notes(table)


def skipped_html(table: ScoreTable) -> str:
    """Frames that were left out, by video and reason."""
    lines = []
    for result in table.results:
        by_reason: dict[str, list[int]] = {}
        for frame, reason in result["scores"]["skipped"] if "scores" in result else ():
            by_reason.setdefault(reason, []).append(frame)
        name = escape(f"{result['item']}, {result['method']}")
        lines += [
            f"<li>{name}: {localized(reason)}: {_ranges(frames)}</li>" for reason, frames in by_reason.items()
        ]
    if not lines:
        return f'<p class="figures">{localized("score.skipped.none")}</p>'
    return f'<ul class="notes">{"".join(lines)}</ul>'


def protocol(table: ScoreTable) -> str:
    """The protocol strings of all columns, to copy."""
    return "\n".join(column.protocol for column in table.columns)


def frame_curves(job: ScoreJob) -> pd.DataFrame:
    """Long table of all per-frame values: video, seconds, metric, value."""
    parts, items = [], {row.item for row in job.rows}
    for row in job.rows:
        path = job.folder / "frames" / f"{ScoringJob(row, job.options, job.folder, '').key}.csv"
        if not path.is_file():
            continue
        with path.open(newline="", encoding="utf-8") as file:
            wide = pd.DataFrame(list(csv.DictReader(file)))
        metrics = [name for name in wide.columns if name not in NOT_A_CURVE]
        long = wide.melt("time", metrics, "metric", "value")
        for name in ("time", "value"):
            long[name] = pd.to_numeric(long[name], errors="coerce")
        parts.append(long.dropna().assign(video=_name(row.method, row.item, items)))
    columns = ["time", "metric", "value", "video"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def curve_names(columns: list[str]) -> list[tuple[str, str]]:
    """The columns of the table per frame with their labels on the page."""
    return [(_curve_label(name), name) for name in columns]


def shift_curves(table: ScoreTable) -> pd.DataFrame:
    """Mean distance of lips and sound for every offset, as the table counts it: shift, distance, video."""
    rows: list[dict[str, Any]] = []
    items = {result["item"] for result in table.results}
    for result in table.results:
        curve = result["scores"]["curve"] if "scores" in result else ()
        name = _name(result["method"], result["item"], items)
        rows += [{"shift": len(curve) // 2 - k, "distance": d, "video": name} for k, d in enumerate(curve)]
    return pd.DataFrame(rows, columns=["shift", "distance", "video"])


def plain(folder: Path) -> str:
    """The table as Markdown, to copy."""
    return (folder / "table.md").read_text(encoding="utf-8")


def downloads(folder: Path) -> list[str]:
    """The files of a finished table."""
    names = ("videos.csv", "summary.csv", "tests.csv", "summary.json", "table.tex", "table.md")
    tables = [folder / name for name in names]
    return [str(path) for path in (*tables, *sorted((folder / "frames").glob("*.csv"))) if path.is_file()]


def options_of(metrics: list[str], region: str, variant: str, resize: bool, syncnet: str | None) -> Options:
    """What the page's controls say about the protocol."""
    return Options(tuple(metrics) or None, region, variant, Path(syncnet) if syncnet else None, resize=resize)  # type: ignore[arg-type]


def _notes(table: ScoreTable) -> str:
    lines = [localized("score.best")]
    lines += map(localized, (*footnotes(table), *table.notes))
    lines += [localized("text.named", name=names, text=why) for names, why in missing(table)]
    lines += [localized("text.named", name=f"{i}, {m}", text=why) for i, m, why in table.failed]
    return f'<ul class="notes">{"".join(f"<li>{line}</li>" for line in lines)}</ul>'


def _heading(column: Column) -> str:
    """The name; unit and arrow after it stay together."""
    unit = heading(column).removeprefix(column.label).strip()
    gap = " " if METRICS.get(column.metric).unit else "&nbsp;"
    return f'{escape(column.label)}{gap}<span class="unit">{escape(unit)}</span>'


def _together(number: str) -> str:
    """What belongs to a number stays on its line; a list of numbers may be broken between them."""
    return ", ".join(part.replace(" ", "&nbsp;") for part in number.split(", "))


def _explanation(name: str) -> str:
    metric = METRICS.get(name)
    low, high = (f"{limit:g}".replace("inf", "∞") for limit in (metric.low, metric.high))
    limits = f"{low} … {high} {metric.unit}".strip()
    return localized_attribute("title", "metric.range", text=Message(metric.description), range=limits)


def _curve_label(name: str) -> str:
    if name in METRICS:
        return METRICS.get(name).label
    key = f"score.curve.{name}"
    return label(key) if known(key) else name.replace("_", " ")


def _name(method: str, item: str, items: Set[str]) -> str:
    """What a curve is called: its clip is named where there are several."""
    return method if len(items) == 1 else f"{method} ({item})"


def _ranges(frames: list[int]) -> str:
    """ "3, 7-12" of sorted frame numbers."""
    parts: list[list[int]] = []
    for frame in frames:
        if parts and frame == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], frame]
        else:
            parts.append([frame])
    return ", ".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else str(part[0]) for part in parts)
