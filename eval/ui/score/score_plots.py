"""Colours, legends and choice of the curves that the Score page draws."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

import gradio as gr
import pandas as pd

from eval.scoring.metrics import METRICS
from lipsync.texts import Message
from lipsync.ui import markup

# Told apart by people who see colours differently (after Okabe and Ito), on a light and a dark ground.
PALETTE = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#c98a00",
    "#56b4e9", "#7a5195", "#8c6d31", "#7f7f7f", "#c0392b",
)  # fmt: skip


def colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each curve, in the order in which they come."""
    found = dict.fromkeys(names)
    return {name: PALETTE[number % len(PALETTE)] for number, name in enumerate(found)}


def legend(names: Mapping[str, str]) -> str:
    """Whole names beside their colours: the plot's own legend cuts them until they are alike."""
    lines = "".join(
        f'<li><span class="swatch" style="background: {colour}"></span>{escape(name)}</li>'
        for name, colour in names.items()
    )
    return f'<ul class="legend">{lines}</ul>'


def plot_of(metric: str | None, curves: pd.DataFrame) -> tuple[Any, str]:
    """The curves of one metric, and their legend.

    Frames that equal their reference are left out, and with them videos that do so throughout: they say
    nothing, and at 100 dB would press the others together.
    """
    chosen = curves[curves["metric"] == metric]
    shown = chosen[~_perfect(str(metric), chosen["value"])]
    shown = shown if len(shown) else chosen
    names, left = (list(dict.fromkeys(rows["video"])) for rows in (chosen, shown))
    equal = [name for name in names if name not in left]
    notes = [Message("score.curve.equal", names=", ".join(equal))] if equal else []
    if len(shown) < len(chosen[chosen["video"].isin(left)]):
        notes.append(Message("score.curve.equal_frames"))
    every = colours(curves["video"])
    plot = gr.update(value=shown, color_map=every, colors_in_legend=[], visible=len(shown) > 0)
    return plot, legend({name: every[name] for name in left}) + markup.notes(notes)


def _perfect(name: str, values: pd.Series) -> pd.Series:
    """Which values no other could be better than."""
    metric = METRICS.get(name) if name in METRICS else None
    if metric is not None and metric.direction == "higher":
        return values >= metric.high
    return values <= metric.low if metric is not None else values.isna()
