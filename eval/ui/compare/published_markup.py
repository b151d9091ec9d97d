"""The papers' own tables on the page, each saying that nothing of it was measured here."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from eval.published.papers import NOTICE, PublishedColumn, PublishedRow, PublishedTable
from eval.report.published_tables import marks
from eval.scoring.metrics import METRICS
from lipsync.ui.languages import localized, localized_attribute
from lipsync.ui.markup import wide_table


def tables(shown: Sequence[PublishedTable]) -> str:
    """All tables, one under the other."""
    notice = f'<p class="notice">{localized(NOTICE)}. {localized("published.how")}</p>'
    return notice + "".join(map(_table, shown))


def _table(table: PublishedTable) -> str:
    best = marks(table)
    head = f'<th scope="col">{localized("published.method")}</th>{"".join(map(_heading, table.columns))}'
    rows = [_row(row, best) for row in table.rows]
    title = localized(table.title)
    note = f'<p class="figures">{localized(table.note)}</p>' if table.note else ""
    return (
        f'<h3 class="published-title">{title}</h3><p class="figures">{escape(table.source)}</p>'
        f"{wide_table(table.title, head, rows)}{note}"
    )


def _heading(column: PublishedColumn) -> str:
    title = ""
    if column.metric:
        title = f" {localized_attribute('title', METRICS.get(column.metric).description)}"
    return f'<th scope="col"{title}>{localized(column.label)} {column.arrow}</th>'


def _row(row: PublishedRow, best: list[tuple[set[str], set[str]]]) -> str:
    cells = []
    for value, (first, second) in zip(row.values, best, strict=True):
        text = escape(value or "–")
        text = f"<strong>{text}</strong>" if row.method in first else text
        text = f"<u>{text}</u>" if row.method in second else text
        cells.append(f"<td>{text}</td>")
    name = localized(row.method)
    name = f"<em>{name}</em>" if row.control else name
    return f'<tr><th scope="row">{name}</th>{"".join(cells)}</tr>'
