"""Plots of a user study that can be read in grey: shapes and shades carry what colour would."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from eval.report.opinions import title
from eval.scoring.scores import write_text
from eval.study.statistics.marks import HIGHEST, LOWEST
from eval.study.statistics.results import Outcome, Results

INK = "#1b2a30"  # text and lines; on a page it becomes the colour of the text around
GRID = "#8a979d"
DARK = "#0b2a33"  # letters on a light bar, on any page
# Shape, face and edge of up to eight series: all differ in shape, and neighbours in shade.
SERIES = (
    ("o", "#177384"), ("s", "#ffffff"), ("^", "#3fadbd"), ("D", "#0b2a33"),
    ("v", "#b0e1e8"), ("P", "#2390a2"), ("X", "#ffffff"), ("*", "#0b2a33"),
)  # fmt: skip
# Marks 1 to 5, dark to light, with the colour of a number on each.
SHADES = (
    ("#0b2a33", "#ffffff"),
    ("#175d6b", "#ffffff"),
    ("#2390a2", "#ffffff"),
    ("#7bcbd6", DARK),
    ("#d6f0f3", DARK),
)
CHINESE = ("Noto Sans CJK SC", "WenQuanYi Micro Hei", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC")
WIDTH = 6.0  # inches
SIZE = 9.5  # points
# Saving reads settings that belong to the whole process.
_SETTINGS = Lock()


def mos_plot(results: Results) -> Figure:
    """MOS of every method, a shape for each question, with 95 % intervals (other raters, same clips)."""
    questions = _questions(results)
    methods = [*([results.reference] if results.reference else []), *results.methods]
    figure, axes = _axes(0.9 + len(methods) * max(0.36, 0.16 * len(questions)))
    for number, question in enumerate(questions):
        offset = (number - (len(questions) - 1) / 2) * 0.6 / max(1, len(questions))
        for place, method in enumerate(methods):
            _point(axes, results.outcomes.get((question, method)), place + offset, number)
    _rows(axes, [f"{m} (ref.)" if m == results.reference else m for m in methods])
    axes.set_xlim(LOWEST - 0.08, HIGHEST + 0.08)
    axes.set_xticks(range(LOWEST, HIGHEST + 1))
    axes.set_xlabel("MOS, 95 %")
    _legend(axes, [title(question) for question in questions])
    return figure


def histogram_plot(results: Results, question: str) -> Figure:
    """How often each mark was given, per method, as shares of a bar; the number of marks behind."""
    methods = [*([results.reference] if results.reference else []), *results.methods]
    methods = [method for method in methods if (question, method) in results.outcomes]
    figure, axes = _axes(0.9 + 0.36 * len(methods))
    for place, method in enumerate(methods):
        counts = results.outcomes[question, method].opinion.histogram
        total, left = sum(counts), 0.0
        for count, (shade, on) in zip(counts, SHADES, strict=True):
            share = 100 * count / total if total else 0.0
            axes.barh(place, share, left=left, height=0.7, color=shade, edgecolor=INK, linewidth=0.5)
            if share >= 6:
                axes.text(
                    left + share / 2, place, str(count), ha="center", va="center", color=on, fontsize=SIZE - 2
                )
            left += share
    _rows(axes, [f"{m} (ref.)" if m == results.reference else m for m in methods])
    axes.set_xlim(0, 100)
    axes.set_xlabel(f"{title(question)}: 1-5, %")
    handles = [
        Line2D([], [], marker="s", linestyle="", markerfacecolor=shade, markeredgecolor=INK, markersize=8)
        for shade, _ in SHADES
    ]
    axes.legend(handles, [str(mark) for mark in range(LOWEST, HIGHEST + 1)], **_LEGEND, ncols=5)
    return figure


def item_plot(results: Results, question: str) -> Figure:
    """MOS of every clip with 95 % intervals: items down, a shape for each method (eight at most)."""
    methods = [*results.methods, *([results.reference] if results.reference else [])][: len(SERIES)]
    items = [
        item for item in results.items if any((question, item, method) in results.clips for method in methods)
    ]
    figure, axes = _axes(0.9 + len(items) * max(0.36, 0.14 * len(methods)))
    for number, method in enumerate(methods):
        offset = (number - (len(methods) - 1) / 2) * 0.7 / max(1, len(methods))
        for place, item in enumerate(items):
            _point(axes, results.clips.get((question, item, method)), place + offset, number)
    _rows(axes, items)
    axes.set_xlim(LOWEST - 0.08, HIGHEST + 0.08)
    axes.set_xticks(range(LOWEST, HIGHEST + 1))
    axes.set_xlabel(f"{title(question)}: MOS, 95 %")
    _legend(axes, [f"{m} (ref.)" if m == results.reference else m for m in methods])
    return figure


def strength_plot(results: Results, question: str) -> Figure:
    """Bradley–Terry strengths of a study of pairs with 95 % intervals, the strongest on top."""
    found = results.preference[question].methods
    figure, axes = _axes(0.7 + 0.36 * len(found))
    for place, strength in enumerate(found.values()):
        ends = None if strength.low is None or strength.high is None else (strength.low, strength.high)
        _mark(axes, strength.strength, ends, place, 0)
    axes.axvline(0, color=GRID, linewidth=0.8)
    _rows(axes, list(found))
    axes.set_xlabel(f"{title(question)}: log worth, 95 %")
    return figure


def plots(results: Results) -> dict[str, Figure]:
    """All plots that this study can have, by name."""
    found: dict[str, Figure] = {}
    if results.outcomes:
        found["mos"] = mos_plot(results)
    for question in _questions(results):
        found[f"histogram-{question}"] = histogram_plot(results, question)
        found[f"items-{question}"] = item_plot(results, question)
    for question in results.preference:
        found[f"strength-{question}"] = strength_plot(results, question)
    return found


def write_plots(results: Results, folder: Path) -> list[Path]:
    """Write every plot as SVG; gives back the files.

    Raises:
        ConfigError: the folder cannot be written to.
    """
    paths = []
    for name, figure in plots(results).items():
        path = folder / f"{name}.svg"
        write_text(path, svg(figure))
        paths.append(path)
    return paths


def svg(figure: Figure, page: bool = False) -> str:
    """A figure as SVG text; letters stay letters.

    Args:
        figure: of this file.
        page: for use inside a page: no XML head, and ink in the colour of the text around it, so that it
            suits light and dark.
    """
    out = io.StringIO()
    with (
        _SETTINGS,
        matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "plot"}),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", "Glyph .* missing")  # the reader's program has its own letters
        figure.savefig(out, format="svg", transparent=True, bbox_inches="tight", metadata={"Date": None})
    text = out.getvalue()
    if not page:
        return text
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    return text.replace("<svg ", '<svg style="max-width: 100%; height: auto" ', 1)


_LEGEND: dict[str, Any] = {
    "loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "frameon": False, "fontsize": SIZE - 0.5,
    "labelcolor": INK, "handletextpad": 0.3, "columnspacing": 1.2, "borderaxespad": 0.2,
}  # fmt: skip


def _questions(results: Results) -> list[str]:
    asked = {question for question, _ in results.outcomes}
    return [question for question in results.questions if question in asked][: len(SERIES)]


def _axes(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.add_subplot()
    axes.tick_params(colors=INK, labelsize=SIZE, length=0)
    axes.xaxis.label.set(color=INK, fontsize=SIZE)
    for name, spine in axes.spines.items():
        spine.set(visible=name == "bottom", color=GRID)
    axes.grid(axis="x", color=GRID, alpha=0.4, linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), [_cut(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    _plain(axes.get_yticklabels())


def _plain(labels: Sequence[Text]) -> None:
    """Names in either language, with the fonts that are here; a $ in a name is no formula."""
    known = set(font_manager.fontManager.get_font_names())
    fonts = ["DejaVu Sans", *(name for name in CHINESE if name in known)]
    for label in labels:
        label.set(fontfamily=fonts, parse_math=False)


def _point(axes: Axes, outcome: Outcome | None, place: float, series: int) -> None:
    if outcome is None or outcome.opinion.mos is None:
        return
    opinion = outcome.opinion
    ends = None if opinion.low is None or opinion.high is None else (opinion.low, opinion.high)
    _mark(axes, outcome.opinion.mos, ends, place, series)


def _mark(axes: Axes, value: float, ends: tuple[float, float] | None, place: float, series: int) -> None:
    shape, face = SERIES[series]
    if ends is not None:
        axes.plot(ends, (place, place), color=INK, linewidth=1.1, solid_capstyle="butt")
        for end in ends:
            axes.plot((end, end), (place - 0.06, place + 0.06), color=INK, linewidth=1.1)
    axes.plot(
        value, place, shape, markerfacecolor=face, markeredgecolor=INK, markersize=6, markeredgewidth=0.9
    )


def _legend(axes: Axes, names: Sequence[str]) -> None:
    if len(names) < 2:
        return
    handles = [
        Line2D([], [], marker=shape, linestyle="", markerfacecolor=face, markeredgecolor=INK, markersize=6)
        for shape, face in SERIES[: len(names)]
    ]
    shown = axes.legend(handles, [_cut(name) for name in names], **_LEGEND, ncols=min(3, len(names)))
    _plain(shown.get_texts())


def _cut(name: str) -> str:
    return name if len(name) <= 28 else f"{name[:27]}…"
