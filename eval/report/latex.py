"""The table as LaTeX (booktabs)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest

from eval.batch.summary import ScoreTable
from eval.report.grid import Cell, cells, heading, predicted_cells, videos

LINE = 330.0  # pt; the article class has 345, and some letters are wider than a digit
DIGIT, GUTTER = 5.0, 12.0  # pt, of a digit at 10 pt and between two columns
_CHINESE = re.compile(r"[\u3000-\u9fff\uff00-\uffef]")
_COMMAND = re.compile(r"\\[a-zA-Z]+ ?|[{}$\\]")
_SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_SYMBOLS = {
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "→": r"$\rightarrow$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": r"$-$",
    "σ": r"$\sigma$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "…": r"\dots{}",
}


def latex(table: ScoreTable, intervals: bool = True, part: str = "") -> str:
    """A complete ``table`` environment that can be pasted as it is; protocols and notes as comments.

    ``part`` names the videos that it is about where these are not all, such as a language.

    Best in bold, second underlined, controls above a rule; behind a mean, half the width of its bootstrap
    95 % interval.
    """
    columns = [(heading(column), cells(table, column)) for column in table.columns]
    columns += [(column.heading, predicted_cells(column)) for column in table.predicted]
    head = ["Method", "videos", *(_stacked(text) for text, _ in columns)]
    groups = []
    for group in (table.controls, table.methods):
        rows = []
        for name in group:
            row = [escape(name), videos(table, name)]
            row += [_marked(found[name], intervals) if name in found else "" for _, found in columns]
            rows.append(row)
        groups.append(rows)
    comments = [*(column.protocol for column in table.columns), *table.notes]
    comments += [f"{item}, {method} failed: {reason}" for item, method, reason in table.failed]
    shown = [cell for _, found in columns for cell in found.values()]
    label = "-".join(["tab:scores", *re.findall(r"\w+", part)])
    caption = _caption(shown, intervals)
    return environment(head, groups, comments, f"{escape(part)}. {caption}" if part else caption, label)


def environment(
    head: Sequence[str],
    groups: Sequence[Sequence[Sequence[str]]],
    comments: Sequence[str] = (),
    caption: str = "",
    label: str = "",
) -> str:
    """A ``table`` of booktabs; a wide one is scaled to the line.

    Args:
        head: cells of the heading, escaped; the first column is set left, the others right.
        groups: rows of cells, escaped; a rule stands between groups.
        comments: sentences put below as comments.
        caption: LaTeX put above; without one there is none.
        label: to refer to the caption.
    """
    wide = _width([head, *(row for rows in groups for row in rows)]) > LINE
    lines = ["% Needs \\usepackage{booktabs}" + (" and \\usepackage{graphicx}" if wide else "")]
    if _CHINESE.search("".join([*head, caption, *(cell for rows in groups for row in rows for cell in row)])):
        lines.append("% Chinese characters need \\usepackage{ctex} and XeLaTeX or LuaLaTeX")
    lines += ["\\begin{table}", "\\centering"]
    if caption:
        lines.append(f"\\caption{{{caption}}}" + (f"\\label{{{label}}}" if label else ""))
    lines += [
        *(["\\resizebox{\\linewidth}{!}{%"] if wide else []),
        "\\begin{tabular}{l" + "r" * (len(head) - 1) + "}",
        "\\toprule",
        _line(head),
    ]
    for rows in groups:
        if rows:
            lines += ["\\midrule", *map(_line, rows)]
    lines += ["\\bottomrule", "\\end{tabular}" + ("}" if wide else ""), "\\end{table}"]
    lines += [f"% {' '.join(comment.split())}" for comment in comments]
    return "\n".join(lines) + "\n"


def bold(text: str) -> str:
    """Escaped text in bold."""
    return f"\\textbf{{{text}}}"


def underline(text: str) -> str:
    """Escaped text underlined."""
    return f"\\underline{{{text}}}"


def escape(text: str) -> str:
    """Text that LaTeX prints as it is."""
    text = re.sub(r"[\\~^&%$#_{}]", lambda found: _SPECIAL.get(found[0], f"\\{found[0]}"), text)
    for symbol, code in _SYMBOLS.items():
        text = text.replace(symbol, code)
    return text


def _stacked(text: str) -> str:
    """A heading whose remarks in brackets stand below it, so that the column can be narrow."""
    lines = [escape(line) for line in re.split(r" (?=\()", text)]
    return lines[0] if len(lines) == 1 else "\\shortstack[r]{" + r" \\ ".join(lines) + "}"


def _width(rows: Sequence[Sequence[str]]) -> float:
    """About how wide a table is, in pt: letters are as wide as a digit, commands print nothing."""
    columns = zip_longest(*rows, fillvalue="")
    return sum(GUTTER + DIGIT * max(map(_letters, column)) for column in columns)


def _letters(cell: str) -> int:
    """Letters of the longest line of a cell."""
    return max(len(_COMMAND.sub("", line)) for line in cell.replace("shortstack[r]", "").split(r"\\"))


def _marked(cell: Cell, intervals: bool) -> str:
    text = re.sub(r"(?<!\w)-(?=\d)", "$-$", escape(cell.text))
    text = bold(text) if cell.best else underline(text) if cell.second else text
    if cell.differs:
        text += r"$^{\dagger}$"
    return f"{text} {{\\scriptsize $\\pm$ {cell.half}}}" if intervals and cell.half else text


def _caption(shown: Sequence[Cell], intervals: bool) -> str:
    """One line on how to read the table."""
    parts = ["Mean over videos"]
    if intervals and any(cell.half for cell in shown):
        parts[0] += r" $\pm$ half the width of its bootstrap 95\,\% interval"
    if any(cell.best for cell in shown):
        parts.append("best in bold" + (", second underlined" if any(cell.second for cell in shown) else ""))
    if any(cell.differs for cell in shown):
        parts.append(r"$^{\dagger}$ differs from the best, $p<0.05$ (Wilcoxon signed-rank test, Holm)")
    return "; ".join(parts) + "."


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
