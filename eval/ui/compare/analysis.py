"""What the players show beside the videos, for the browser: curves, the mouth, the waveform, differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from eval.compare.curves import Curve, ItemCurves, envelope, item_curves
from eval.compare.difference import difference_video
from eval.compare.index import ComparisonSet, Item
from eval.compare.mouth_region import mouth_track
from eval.compare.names import REFERENCE
from eval.scoring.metrics import METRICS
from lipsync.errors import FaceError
from lipsync.texts import Message
from lipsync.ui.languages import by_language

Report = Callable[[int, int], None]
PICTURE = ("psnr", "ssim", "lpips")
DECIMALS = 3  # of the mouth opening
WAVE = 1000  # most points of the waveform; more than a screen has columns says nothing


def quick(set_: ComparisonSet, item: Item, lanes: Sequence[str], report: Report) -> dict[str, Any]:
    """The mouth region and the waveform: seconds of work, the same in whatever order the lanes are.

    Returns:
        ``mouth`` for the zoom, None without a face; ``curves`` with the waveform alone.
    """
    try:
        mouth = mouth_track(set_, item, report).to_dict()
    except FaceError:
        mouth = None
    return {"mouth": mouth, "curves": _wave(set_, item, lanes)}


def full(set_: ComparisonSet, item: Item, lanes: Sequence[str], report: Report) -> dict[str, Any]:
    """All charts; needs a scoring pass for every video that was not analysed before.

    Returns:
        ``curves``; ``reasons`` why some are not there, as texts by language without the name of a method.
    """
    shown = replace(item, clips={name: clip for name, clip in item.clips.items() if name in lanes})
    curves = item_curves(set_, shown, report=report)
    charts = [_chart(name, curves, lanes) for name in (*PICTURE, "opening")]
    return {
        "curves": [chart for chart in charts if chart["lines"]] + _wave(set_, item, lanes),
        "reasons": _reasons(curves),
    }


def differences(set_: ComparisonSet, item: Item, lanes: Sequence[str], report: Report) -> list[Path | None]:
    """The heat maps against the reference, by cell; None where there is none."""
    clips = [None if name == REFERENCE else item.clip(name) for name in lanes]
    total = sum(round(clip.seconds * clip.fps) for clip in clips if clip)
    before = 0
    made: list[Path | None] = []
    for clip in clips:
        if clip is None or item.reference is None:
            made.append(None)
            continue
        made.append(difference_video(set_, clip, item.reference, _later(report, before, total)))
        before += round(clip.seconds * clip.fps)
    return made


def _later(report: Report, before: int, total: int) -> Report:
    return lambda done, _: report(before + done, max(total, before + done))


def _chart(name: str, curves: ItemCurves, lanes: Sequence[str]) -> dict[str, Any]:
    lines = []
    for cell, lane in enumerate(lanes):
        curve: Curve | None = curves.reference if lane == REFERENCE else curves.methods.get(lane)
        values = curve.values.get(name) if curve else None
        if values:
            lines.append({"clip": cell, "values": list(values)})
    return {
        "name": by_language(_name(name)),
        "fps": curves.fps,
        "decimals": METRICS.get(name).decimals if name in METRICS else DECIMALS,
        "lines": lines,
    }


def _reasons(curves: ItemCurves) -> list[dict[str, str]]:
    sentences = {
        (name, why)
        for curve in (curves.reference, *curves.methods.values())
        if curve is not None
        for name, why in curve.reasons.items()
    }
    return [by_language("text.named", name=_name(name), text=why) for name, why in sorted(sentences)]


def _name(name: str) -> str:
    if name == "opening":
        return Message("curve.opening")
    metric = METRICS.get(name)
    unit = f" ({metric.unit})" if metric.unit else ""
    return f"{metric.label}{unit} {metric.arrow}"


def _wave(set_: ComparisonSet, item: Item, lanes: Sequence[str]) -> list[dict[str, Any]]:
    """The speech of one of the videos that are shown, of the real one if it has sound."""
    shown = [item.clip(lane) for lane in lanes]
    for clip in item.videos:
        if clip not in shown or not clip.audio:
            continue
        sound = envelope(set_, clip)
        if not sound.high:
            continue
        group = -(-len(sound.high) // WAVE)
        starts = range(0, len(sound.high), group)
        top = max(1e-3, *sound.high, *(-value for value in sound.low))
        line = {
            "low": [round(min(sound.low[i : i + group]) / top, 3) for i in starts],
            "high": [round(max(sound.high[i : i + group]) / top, 3) for i in starts],
        }
        fps = 1 / (sound.step * group)
        return [{"name": by_language("curve.speech"), "fps": fps, "wave": True, "lines": [line]}]
    return []
