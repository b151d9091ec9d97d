"""The leaderboard as CSV, JSON and Markdown, every number with its n and its day."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields

from eval.leaderboard.standings import OpinionTable, Standings, SuiteTable
from eval.leaderboard.strengths import VoteTable
from eval.report.files import csv_text
from eval.report.files import number as six_digits
from eval.report.markdown import pipe_table
from eval.report.opinions import show, title
from lipsync.texts import Message

FORMATS = {"md": "leaderboard.md", "csv": "leaderboard.csv", "json": "leaderboard.json"}


@dataclass(frozen=True)
class Line:
    """One number of the leaderboard.

    Attributes:
        part: "votes", "opinions" or "scores".
        source: the study's title, or the suite's name, version and the beginning of its file's hash.
        measure: "strength", a question's key or a metric's label.
        low, high: 95 % interval.
        n: votes, marks or videos.
        date: of the last vote or mark, or of the report.
        rank: among the votes' methods that have enough of them.
    """

    part: str
    source: str
    method: str
    measure: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    date: str
    rank: int | None = None


def lines(found: Standings) -> Iterator[Line]:
    """All numbers, in the order of the page."""
    for row in found.votes.methods if found.votes else ():
        numbers = (row.strength, row.low, row.high, row.votes)
        yield Line("votes", "", row.method, "strength", *numbers, row.date, row.rank)
    for table in found.opinions:
        for entry in table.methods:
            for question, opinion in entry.opinions.items():
                mos = (opinion.mos, opinion.low, opinion.high, opinion.marks)
                yield Line("opinions", table.title.en, entry.method, question, *mos, entry.date)
    for suite in found.suites:
        source = f"{suite.name} {suite.version} ({suite.sha256[:8]})"
        for scored in suite.methods:
            for score in scored.scores.values():
                values = (score.value, score.low, score.high, score.n)
                yield Line("scores", source, scored.method, score.label, *values, scored.date)


def render(found: Standings, form: str) -> str:
    """The leaderboard in one of `FORMATS`."""
    if form == "json":
        return json.dumps([asdict(line) for line in lines(found)], indent=1, ensure_ascii=False) + "\n"
    if form == "csv":
        head = [field.name for field in fields(Line)]
        return csv_text([head, *([_cell(value) for value in asdict(line).values()] for line in lines(found))])
    parts = [_votes(found.votes)] if found.votes else []
    parts += [_opinions(table) for table in found.opinions] + [_suite(table) for table in found.suites]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _cell(value: str | float | int | None) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else six_digits(value)


def _votes(table: VoteTable) -> list[str]:
    rows = [
        [
            *("" if row.rank is None else str(row.rank), f"*{row.method}*" if row.real else row.method),
            _with(show(row.strength), row.low, row.high, 2),
            *(f"{100 * row.share:.0f}", str(row.votes), row.date),
        ]
        for row in table.methods
    ]
    head = ["Rank", "Method", "Strength ↑", "won (%)", "votes", "date"]
    lines = ["## Votes", "", *pipe_table(head, rows), ""]
    lines.append(f"{table.votes} votes of {table.raters} people. Ranked from {table.minimum} votes on.")
    if table.bias is not None:
        left = _with(f"{table.bias.left:.2f}", table.bias.low, table.bias.high, 2)
        lines.append(f"Share of the left one among {table.bias.votes} votes for one side: {left}.")
    if table.shrunk:
        lines.append(Message("leaderboard.half_votes"))
    return lines


def _opinions(table: OpinionTable) -> list[str]:
    rows = []
    for row in table.methods:
        found = [row.opinions[question] for question in table.questions]
        cells = [_with(show(opinion.mos), opinion.low, opinion.high, 2) for opinion in found]
        marks = max(opinion.marks for opinion in found)
        rows.append([f"*{row.method}*" if row.real else row.method, *cells, str(marks), row.date])
    head = ["Method", *(f"{title(question)} ↑" for question in table.questions), "marks", "date"]
    return [f"## MOS: {table.title.en}", "", *pipe_table(head, rows)]


def _suite(table: SuiteTable) -> list[str]:
    rows = []
    for row in table.methods:
        cells = []
        for column in table.metrics:
            score = row.scores.get(column)
            if score is None or score.value is None:
                cells.append("-")
                continue
            text = _with(f"{score.value:.{score.decimals}f}", score.low, score.high, score.decimals)
            cells.append(f"{text} (n = {score.n})")
        rows.append([row.method, *cells, row.date])
    metrics = [one.label + (f" ({one.unit})" if one.unit else "") for one in table.metrics.values()]
    head = ["Method", *metrics, "date"]
    return [f"## {table.title} {table.version} ({table.sha256[:8]})", "", *pipe_table(head, rows)]


def _with(text: str, low: float | None, high: float | None, decimals: int) -> str:
    """A number with its interval, where there is one."""
    return text if low is None or high is None else f"{text} ({low:.{decimals}f} to {high:.{decimals}f})"
