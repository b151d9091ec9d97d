"""The table as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from eval.batch.summary import ScoreTable
from eval.report.grid import MARK, Cell, cells, footnotes, heading, missing, predicted_cells, videos


def markdown(table: ScoreTable, intervals: bool = True) -> str:
    """Methods down, metrics across; best bold, second underlined; controls first; protocols below."""
    columns = [(heading(column), cells(table, column)) for column in table.columns]
    columns += [(column.heading, predicted_cells(column)) for column in table.predicted]
    rows = []
    for name in (*table.controls, *table.methods):
        shown = [f"*{name}*" if name in table.controls else name, videos(table, name)]
        for _, row in columns:
            cell = row.get(name)
            text = "" if cell is None else _marked(cell)
            shown.append(f"{text}<br>({cell.interval})" if cell and cell.interval and intervals else text)
        rows.append(shown)
    lines = pipe_table(["Method", "videos", *(head for head, _ in columns)], rows)
    lines += ["", *_below(table, intervals)]
    return "\n".join(lines) + "\n"


def _marked(cell: Cell) -> str:
    text = f"**{cell.text}**" if cell.best else f"<u>{cell.text}</u>" if cell.second else cell.text
    return f"{text} {MARK}" if cell.differs else text


def _below(table: ScoreTable, intervals: bool) -> list[str]:
    lines = []
    shown = [cell for column in table.columns for cell in cells(table, column).values()]
    if intervals and any(cell.interval for cell in shown):
        lines.append("In brackets: bootstrap 95 % intervals of the mean over videos.")
    if any(cell.second for cell in shown):
        lines.append("Bold: best method; underlined: second.")
    if any(cell.differs for cell in shown):
        lines.append(f"{MARK}: differs from the best method, p < 0.05 (Wilcoxon signed-rank test, Holm).")
    lines += footnotes(table)
    lines += [f"- {note}" for note in table.notes]
    lines += [f"- No {metric}: {reason}" for metric, reason in missing(table)]
    if table.failed:
        lines.append(f"- {len(table.failed)} of {len(table.results)} videos failed:")
        lines += [f"  - {item}, {method}: {reason}" for item, method, reason in table.failed]
    lines += ["", "Protocols:", ""]
    lines += [f"- `{column.protocol}`" for column in table.columns]
    return lines


def pipe_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table; the first column is set left, the others right."""
    return [_line(head), _line(["---", *["---:"] * (len(head) - 1)]), *map(_line, rows)]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
