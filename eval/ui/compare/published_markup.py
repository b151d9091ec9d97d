"""The papers' own tables on the page, each saying that nothing of it was measured here."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from eval.published.papers import NOTICE, PublishedColumn, PublishedRow, PublishedTable
from eval.report.published_tables import marks
from eval.scoring.metrics import METRICS
from lipsync.ui.languages import localized, spans


def tables(shown: Sequence[PublishedTable]) -> str:
    """All tables, one under the other."""
    notice = f'<p class="notice">{localized(NOTICE)}. {localized("published.how")}</p>'
    return notice + "".join(map(_table, shown))


def _table(table: PublishedTable) -> str:
    best = marks(table)
    head = "".join(map(_heading, table.columns))
    rows = "".join(_row(row, best) for row in table.rows)
    title = spans({"en": table.title, "zh": table.chinese})
    note = (
        f'<p class="figures">{spans({"en": table.note, "zh": table.note_chinese})}</p>' if table.note else ""
    )
    return (
        f'<h3 class="published-title">{title}</h3><p class="figures">{escape(table.source)}</p>'
        '<div class="scores" tabindex="0" style="overflow-x: auto"><table><thead><tr>'
        f'<th scope="col">{localized("published.method")}</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{note}"
    )


def _heading(column: PublishedColumn) -> str:
    description = ""
    if column.metric:
        metric = METRICS.get(column.metric)
        description = f' title="{escape(f"{metric.english} {metric.chinese}")}"'
    label = spans({"en": column.label, "zh": column.chinese})
    return f'<th scope="col"{description}>{label} {column.arrow}</th>'


def _row(row: PublishedRow, best: list[tuple[set[str], set[str]]]) -> str:
    cells = []
    for value, (first, second) in zip(row.values, best, strict=True):
        text = escape(value or "–")
        text = f"<strong>{text}</strong>" if row.method in first else text
        text = f"<u>{text}</u>" if row.method in second else text
        cells.append(f"<td>{text}</td>")
    name = spans({"en": row.method, "zh": row.chinese})
    name = f"<em>{name}</em>" if row.control else name
    return f'<tr><th scope="row">{name}</th>{"".join(cells)}</tr>'
