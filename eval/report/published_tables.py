"""Published tables as LaTeX, Markdown or CSV, each saying in so many words that nothing was measured here."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from eval.published.papers import NOTICE, PublishedTable
from eval.report.grid import ranked
from eval.report.latex import bold, environment, escape, underline
from eval.report.markdown import pipe_table


def printed(tables: Sequence[PublishedTable], form: str) -> str:
    """The tables one under the other; ``form`` is tex, md or csv."""
    if form == "csv":
        return _csv(tables)
    return "\n".join((_latex if form == "tex" else _markdown)(table) for table in tables)


def marks(table: PublishedTable) -> list[tuple[set[str], set[str]]]:
    """For every column the methods with the best and with the second-best number, by the printed digits."""
    found: list[tuple[set[str], set[str]]] = []
    for number, column in enumerate(table.columns):
        values: dict[str, float] = {
            row.method: float(row.values[number] or 0) * (-1 if column.better == "higher" else 1)
            for row in table.rows
            if row.values[number] is not None and not row.control
        }
        found.append((set(), set()) if table.kind == "complexity" else ranked(values))
    return found


def _latex(table: PublishedTable) -> str:
    head = ["Method", *(escape(f"{column.label} {column.arrow}") for column in table.columns)]
    groups: list[list[list[str]]] = [[], []]
    for row in table.rows:
        cells = [escape(row.method)]
        for value, (best, second) in zip(row.values, marks(table), strict=True):
            text = escape(value or "--")
            cells.append(
                bold(text) if row.method in best else underline(text) if row.method in second else text
            )
        groups[0 if row.control else 1].append(cells)
    caption = escape(f"{table.title}. {NOTICE}: {table.source}.")
    return environment(head, groups, [table.note] if table.note else (), caption)


def _markdown(table: PublishedTable) -> str:
    rows = []
    for row in table.rows:
        cells = [f"*{row.method}*" if row.control else row.method]
        for value, (best, second) in zip(row.values, marks(table), strict=True):
            text = value or "-"
            cells.append(
                f"**{text}**" if row.method in best else f"<u>{text}</u>" if row.method in second else text
            )
        rows.append(cells)
    lines = [f"{table.title}. {NOTICE}: {table.source}.", ""]
    lines += pipe_table(["Method", *(f"{column.label} {column.arrow}" for column in table.columns)], rows)
    lines += ["", f"- {table.note}"] if table.note else []
    return "\n".join(lines) + "\n"


def _csv(tables: Sequence[PublishedTable]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["paper", "table", "kind", "dataset", "method", "metric", "value", "status"])
    for table in tables:
        for row in table.rows:
            for column, value in zip(table.columns, row.values, strict=True):
                writer.writerow(
                    [
                        table.paper.short, table.number, table.kind, table.dataset, row.method, column.label,
                        value or "", NOTICE,
                    ]
                )  # fmt: skip
    return out.getvalue()
