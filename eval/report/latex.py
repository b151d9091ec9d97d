"""The table as LaTeX (booktabs)."""

from __future__ import annotations

import re

from eval.report.grid import cells, heading, videos
from eval.summary import Table

_SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_SYMBOLS = {"↑": r"$\uparrow$", "↓": r"$\downarrow$", "→": r"$\rightarrow$", "±": r"$\pm$", "×": r"$\times$"}


def latex(table: Table) -> str:
    """A complete ``table`` environment, best in bold, controls above a rule, protocols as comments."""
    columns = [(column, cells(table, column)) for column in table.columns]
    lines = [
        "% Needs \\usepackage{booktabs}",
        "\\begin{table}",
        "\\centering",
        "\\begin{tabular}{lr" + "r" * len(columns) + "}",
        "\\toprule",
        _line(["Method", "videos", *(escape(heading(column)) for column, _ in columns)]),
        "\\midrule",
    ]
    for group in (table.controls, table.methods):
        for name in group:
            row = [escape(name), videos(table, name)]
            for _, found in columns:
                cell = found.get(name)
                text = "" if cell is None else escape(cell.text)
                row.append(f"\\textbf{{{text}}}" if cell is not None and cell.best else text)
            lines.append(_line(row))
        if group and group is table.controls:
            lines.append("\\midrule")
    lines += ["\\bottomrule", "\\end{tabular}", "\\end{table}"]
    lines += [f"% {column.protocol}" for column in table.columns]
    lines += [f"% {note}" for note in table.notes]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Text that LaTeX prints as it is."""
    text = re.sub(r"[\\~^]", lambda found: _SPECIAL[found[0]], text) if re.search(r"[\\~^]", text) else text
    text = re.sub(r"(?<!\\textbackslash)([&%$#_])", r"\\\1", text)
    for symbol, code in _SYMBOLS.items():
        text = text.replace(symbol, code)
    return text


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"
