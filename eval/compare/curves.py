"""Curves under the playhead: scores of every frame of a method's video, and the speech beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from eval.compare import set_cache
from eval.compare.clip import ComparisonClip
from eval.compare.index import ComparisonSet, Item
from eval.scoring.metrics.mouth.lipcorr import OPENINGS
from eval.scoring.networks import Networks, load_networks
from eval.scoring.protocol import FPS
from eval.scoring.score import score
from eval.scoring.scores import Scores
from lipsync.errors import Cancelled, FaceError, LipSyncError, MediaError
from lipsync.faces.tracking.landmarks import mouth_opening
from lipsync.faces.tracking.track import FaceTracker
from lipsync.media import read_audio_blocks, read_frames
from lipsync.nn.memory import CachedWhileUsed
from lipsync.texts import Message, messages_in, with_messages

VERSION = 1
PICTURE = ("psnr", "ssim", "lpips")
OPENING = "lipcorr"  # the metric that measures how far the mouth is open
METRICS = (*PICTURE, OPENING)
RATE = 16_000
STEP = 0.02  # s of speech that one pair of the envelope stands for
Report = Callable[[int, int], None]
Values = tuple[float | None, ...]


@dataclass(frozen=True)
class Curve:
    """One method's video, frame by frame at 25 per second from time 0.

    Attributes:
        values: ``psnr`` (dB), ``ssim``, ``lpips`` of the face against the reference at the same time,
            ``opening`` and ``opening_reference``: gap of the inner lips / distance of the eyes. None where
            a frame has no value; a curve that is unavailable is left out.
        reasons: metric to the sentence why its curve is not there.
        notes: sentences to read beside the curves.
    """

    values: Mapping[str, Values]
    reasons: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ItemCurves:
    """All curves of an item; ``reference`` holds the ``opening`` of the real video, where there is one."""

    item: str
    methods: Mapping[str, Curve]
    reference: Curve | None = None
    fps: float = FPS

    def to_dict(self) -> dict[str, Any]:
        """Plain values for the browser."""
        return asdict(self)


@dataclass(frozen=True)
class Envelope:
    """Speech as a waveform is drawn: lowest and highest sample, -1..1, of every ``step`` seconds."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    step: float = STEP

    def to_dict(self) -> dict[str, Any]:
        """Plain values for the browser."""
        return asdict(self)


def item_curves(
    set_: ComparisonSet, item: Item, networks: Networks | None = None, report: Report | None = None
) -> ItemCurves:
    """The curves of all videos of an item, from the set's folder where they were computed before.

    Args:
        networks: loaded before; None loads what there is.
        report: called with (frames done, frames expected) over all videos that are new; an exception from
            it stops the work and keeps the videos that are done.
    """
    curves: dict[str, Curve] = {}
    total = sum(round(clip.seconds * FPS) for clip in item.clips.values())
    done = 0
    for method, clip in item.clips.items():
        curves[method] = _curve(set_, clip, item.reference, networks, _later(report, done, total))
        done += round(clip.seconds * FPS)
    real = None
    if item.reference is not None:
        real = _curve(set_, item.reference, None, networks, None)
    return ItemCurves(item.name, curves, real)


def envelope(set_: ComparisonSet, clip: ComparisonClip) -> Envelope:
    """The waveform of a video's sound from time 0 of its picture; empty where there is none."""

    def make() -> dict[str, Any]:
        size = round(STEP * RATE)
        low: list[float] = []
        high: list[float] = []
        try:
            for block in read_audio_blocks(clip.source, RATE, block_s=10.0):
                steps = [block[begin : begin + size] for begin in range(0, len(block), size)]
                low += [round(float(step.min()), 4) for step in steps]
                high += [round(float(step.max()), 4) for step in steps]
        except MediaError:
            low, high = [], []
        return {"low": low, "high": high}

    data = set_cache.remembered(set_cache.place(set_, "envelope", ".json", VERSION, clip.sha256), make)
    return Envelope(tuple(data["low"]), tuple(data["high"]))


def _curve(
    set_: ComparisonSet,
    clip: ComparisonClip,
    reference: ComparisonClip | None,
    networks: Networks | None,
    report: Report | None,
) -> Curve:
    networks = networks or _networks()
    path = set_cache.place(
        set_, "curve", ".json", VERSION, clip.sha256, reference and reference.sha256,
        sorted(networks.hashes.items()),
    )  # fmt: skip

    def make() -> dict[str, Any]:
        if reference is None:
            made = _alone(clip, networks.landmarker, report)
        else:
            made = _against(clip, reference, networks, report)
        return {**asdict(made), "messages": messages_in([made.reasons, made.notes])}

    data = set_cache.remembered(path, make)
    data = with_messages(data, data.get("messages", {}))
    return Curve(
        {name: tuple(v) for name, v in data["values"].items()}, data["reasons"], tuple(data["notes"])
    )


def _against(
    clip: ComparisonClip, reference: ComparisonClip, networks: Networks, report: Report | None
) -> Curve:
    """One scoring pass; where no face can be found the whole frames are compared instead."""
    reasons: dict[str, str] = {}
    try:
        scores = _pass(clip.source, reference.source, METRICS, "face", networks, report)
    except Cancelled:
        raise
    except FaceError as problem:
        reasons["opening"] = _reason(problem, clip, reference)
        try:
            scores = _pass(clip.source, reference.source, PICTURE, "full", networks, report)
        except Cancelled:
            raise
        except LipSyncError as second:
            return Curve({}, {name: _reason(second, clip, reference) for name in (*PICTURE, "opening")})
    except LipSyncError as problem:
        return Curve({}, {name: _reason(problem, clip, reference) for name in (*PICTURE, "opening")})
    values = {name: _values(scores, name) for name in PICTURE}
    values["opening"], values["opening_reference"] = (_values(scores, name) for name in OPENINGS)
    reasons |= {
        name: _reason(entry.reason, clip, reference)
        for name, entry in scores.scores.items()
        if name in PICTURE and entry.value is None
    }
    notes = list(scores.notes)
    if "opening" in reasons:
        notes.append(Message("curves.whole_frames"))
    opening = scores.scores.get(OPENING)
    if opening is not None and opening.value is None:
        reasons.setdefault("opening", _reason(opening.reason, clip, reference))
    return Curve({name: column for name, column in values.items() if _any(column)}, reasons, tuple(notes))


def _pass(
    generated: Path, reference: Path, metrics: tuple[str, ...], region: Any, networks: Networks,
    report: Report | None,
) -> Scores:  # fmt: skip
    return score(
        generated, reference, metrics=metrics, region=region, resize=True, networks=networks, progress=report
    )


def _alone(clip: ComparisonClip, landmarker: Path | None, report: Report | None) -> Curve:
    """The mouth opening of a video without a reference."""
    if landmarker is None:
        return Curve({}, {"opening": Message("curves.no_landmarker")})
    column: list[float | None] = []
    tracker = FaceTracker(landmarker, FPS)
    try:
        for seen in tracker.track(read_frames(clip.source, fps=FPS)):
            opening = (
                None if seen.landmarks is None else float(mouth_opening(seen.landmarks.astype(np.float64)))
            )
            column.append(None if opening is None else round(opening, 5))
            if report is not None:
                report(len(column), max(len(column), round(clip.seconds * FPS)))
    finally:
        tracker.close()
    if not _any(column):
        return Curve({}, {"opening": Message("curves.no_opening")})
    return Curve({"opening": tuple(column)})


def _values(scores: Scores, name: str) -> Values:
    column = [row.get(name) for row in scores.frames]
    return tuple(round(value, 5) if isinstance(value, float) else None for value in column)


def _any(column: Any) -> bool:
    return any(value is not None for value in column)


def _reason(problem: LipSyncError | str, clip: ComparisonClip, reference: ComparisonClip) -> str:
    """A sentence in which the random names of files on disk are replaced by method names."""
    message = problem.message if isinstance(problem, LipSyncError) else Message(problem)
    names = {
        clip.source.name: Message("curves.the_video"),
        reference.source.name: Message("curves.the_reference"),
    }
    return message.with_names(names)


def _later(report: Report | None, before: int, total: int) -> Report | None:
    return None if report is None else lambda done, _: report(before + done, max(total, before + done))


@CachedWhileUsed
def _networks() -> Networks:
    return load_networks(METRICS)
