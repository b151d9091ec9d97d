"""The table as a picture: one panel of bars per metric, readable without colour."""

from __future__ import annotations

import math
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from eval.batch.summary import ScoreTable
from eval.compare.pictures.lettering import FONT
from eval.report.grid import cells, heading
from eval.scoring.metrics import METRICS
from eval.scoring.scores import write_bytes
from lipsync.errors import ConfigError

FORMATS = (".png", ".svg", ".pdf")
BEST, OTHER, CONTROL = "#1d4e79", "#8fb1d0", "#d9d9d9"  # dark, middle and light in grey as well
PER_ROW = 3


def plot_table(table: ScoreTable, out: Path, dpi: int = 150) -> Path:
    """Draw the table: bars of the means, whiskers of their bootstrap 95 % intervals, the best one dark.

    Args:
        out: .png, .svg or .pdf.
        dpi: of a PNG.

    Raises:
        ConfigError: nothing to draw, another ending, or the file cannot be written.
    """
    if out.suffix.lower() not in FORMATS:
        raise ConfigError("plot.ending", path=out.name, formats=", ".join(FORMATS))
    columns = [column for column in table.columns if METRICS.get(column.metric).ranked]
    names = [*table.controls, *table.methods]
    if not columns or not names:
        raise ConfigError("plot.nothing")
    rows = math.ceil(len(columns) / PER_ROW)
    across = min(PER_ROW, len(columns))
    figure = Figure(figsize=(3.6 * across, rows * (0.9 + 0.32 * len(names))), layout="constrained")
    panels = np.atleast_1d(figure.subplots(rows, across, squeeze=False)).ravel()
    font = FontProperties(fname=str(FONT), size=9)
    for panel, column in zip(panels, columns, strict=False):
        shown = cells(table, column)
        present = [name for name in names if name in shown and not np.isnan(column.methods[name].mean)]
        for place, name in enumerate(present):
            summary, cell = column.methods[name], shown[name]
            control = name in table.controls
            panel.barh(
                place, summary.mean, color=BEST if cell.best else CONTROL if control else OTHER,
                edgecolor="black", linewidth=0.5, hatch="///" if control else None, height=0.72,
            )  # fmt: skip
            end = summary.mean
            if not np.isnan(summary.low):
                ends = [summary.low, summary.high], [place, place]
                panel.plot(*ends, color="white", linewidth=3.2, solid_capstyle="butt")  # seen on dark bars
                panel.plot(*ends, color="black", linewidth=1.2, marker="|", markersize=6)
                end = max(end, summary.high)
            panel.annotate(
                f"{summary.mean:.{METRICS.get(column.metric).decimals}f}", (max(end, 0), place), (3, 0),
                textcoords="offset points", va="center", fontproperties=font, size=8,
            )  # fmt: skip
        panel.set_yticks(range(len(present)), present, fontproperties=font)
        panel.invert_yaxis()
        panel.set_title(heading(column), fontproperties=font)
        panel.margins(x=0.22)
        panel.spines[["top", "right"]].set_visible(False)
        for label in panel.get_xticklabels():
            label.set_fontproperties(FontProperties(fname=str(FONT), size=8))
    for panel in panels[len(columns) :]:
        panel.remove()
    packed = BytesIO()
    figure.savefig(packed, format=out.suffix[1:].lower(), dpi=dpi)
    write_bytes(out, packed.getvalue())
    return out
