"""The table as Markdown."""

from __future__ import annotations

from eval.report.grid import cells, heading, missing, videos
from eval.summary import Table


def markdown(table: Table, intervals: bool = True) -> str:
    """Methods down, metrics across, best in bold; controls first, in italics; protocols below."""
    columns = [(column, cells(table, column)) for column in table.columns]
    lines = [
        _line(["Method", "videos", *(heading(column) for column, _ in columns)]),
        _line(["---", *["---:"] * (1 + len(columns))]),
    ]
    for name in (*table.controls, *table.methods):
        shown = [f"*{name}*" if name in table.controls else name, videos(table, name)]
        for _, row in columns:
            cell = row.get(name)
            text = "" if cell is None else f"**{cell.text}**" if cell.best else cell.text
            shown.append(f"{text}<br>({cell.interval})" if cell and cell.interval and intervals else text)
        lines.append(_line(shown))
    lines += ["", *_below(table, intervals)]
    return "\n".join(lines) + "\n"


def _below(table: Table, intervals: bool) -> list[str]:
    lines = []
    if intervals:
        lines.append("In brackets: bootstrap 95 % intervals of the mean over videos.")
    if table.lags:
        lines.append("LipCorr is taken at one shift per method, printed with it (frames, positive: late).")
    lines += [f"- {note}" for note in table.notes]
    lines += [f"- No {metric}: {reason}" for metric, reason in missing(table)]
    if table.failed:
        lines.append(f"- {len(table.failed)} of {len(table.results)} videos failed:")
        lines += [f"  - {item}, {method}: {reason}" for item, method, reason in table.failed]
    lines += ["", "Protocols:", ""]
    lines += [f"- `{column.protocol}`" for column in table.columns]
    return lines


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
