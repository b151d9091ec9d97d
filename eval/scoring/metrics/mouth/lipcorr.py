"""LipCorr and the two of cross-driving, each at one shift for all videos of a method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from eval.functional.aggregate import MeanScore, summarise
from eval.functional.mouth.lipcorr import ClipCorrelation, LipCorrScore, lipcorr_compute, lipcorr_update
from eval.scoring.metrics.base import LoadFeatures, MethodScore, ResultRow, VideoScore, register_metric
from eval.scoring.metrics.opening_metric import OpeningAccumulator, OpeningMetric
from eval.scoring.protocol import NO_GENERATED_FACE, NO_SPEAKER_FACE
from lipsync.texts import Message

if TYPE_CHECKING:
    from eval.scoring.pair import PairBatch

OPENINGS = ("opening_generated", "opening_reference")  # columns of the table per frame
SPEAKER_OPENING = "opening_speaker"


class LipCorr(OpeningMetric):
    """See `eval.functional.mouth.lipcorr`. The detail of a method is its `LipCorrScore`."""

    details_key: ClassVar[str] = "lags"
    footnote: ClassVar[str] = Message("score.lag")
    method_columns: ClassVar[tuple[str, ...]] = ("lag", "r_zero")

    def compute(self, state: OpeningAccumulator) -> VideoScore:
        """The correlation of one clip without a shift; those at the others are in the detail."""
        clip = lipcorr_update(*state.columns())
        detail = {"by_lag": clip.by_lag, "frames": clip.frames, "still": clip.still}
        return VideoScore(lipcorr_compute([clip]).r, clip.frames, state.skipped(), detail)

    def frame_columns(self, state: OpeningAccumulator, frames: int) -> Mapping[str, np.ndarray]:
        """Both openings."""
        return dict(zip(OPENINGS, state.columns(), strict=True))

    def aggregate(self, rows: Sequence[ResultRow], load_features: LoadFeatures) -> MethodScore:
        """The mean weighted by frames, at the one shift where it is highest; videos at that shift."""
        entries = {row["item"]: self.entry(row) for row in rows}
        values = {item: entry["value"] if entry else None for item, entry in entries.items()}
        details = {i: entry["detail"] for i, entry in entries.items() if entry and entry["value"] is not None}
        if not details:
            return MethodScore(None, values)
        clips = [ClipCorrelation(tuple(d["by_lag"]), d["frames"], d["still"]) for d in details.values()]
        score = lipcorr_compute(clips)
        for item, detail in details.items():
            values[item] = detail["by_lag"][len(detail["by_lag"]) // 2 + score.lag]
        return MethodScore(replace(summarise(values), mean=score.r), values, score)

    def format(self, summary: MeanScore, detail: LipCorrScore | None = None) -> str:
        """With the shift, and the correlation without it."""
        number = super().format(summary)
        if detail is None:
            return number
        shifted = f" at {detail.lag:+d}, {detail.r_zero:.{self.decimals}f}" if detail.lag else ""
        return f"{number}{shifted} at 0"

    def method_cells(self, detail: LipCorrScore) -> tuple[float | int, ...]:
        """The shift, and the correlation without it."""
        return detail.lag, detail.r_zero


class Followed(LipCorr):
    """LipCorr with the mouth of the person who said the driving speech, while both videos last."""

    details_key: ClassVar[str] = "followed_lags"
    footnote: ClassVar[str] = Message("score.lag_cross")

    def openings(self, batch: PairBatch) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """Up to the end of the speaker's video."""
        generated, speaker = batch.openings[0][batch.speaks], batch.speaker_openings[batch.speaks]
        reasons = [
            NO_SPEAKER_FACE if np.isnan(theirs) else NO_GENERATED_FACE if np.isnan(ours) else ""
            for ours, theirs in zip(generated, speaker, strict=True)
        ]
        return generated, speaker, reasons

    def frame_columns(self, state: OpeningAccumulator, frames: int) -> Mapping[str, np.ndarray]:
        """The speaker's opening."""
        return {SPEAKER_OPENING: state.columns()[1]}


class Leak(LipCorr):
    """LipCorr of a video with somebody else's speech: how much of the original mouth is left in it."""

    details_key: ClassVar[str] = "leak_lags"
    footnote: ClassVar[str] = Message("score.lag_cross")


register_metric(
    LipCorr(
        "lipcorr", "LipCorr", "higher", "metric.lipcorr",
        needs=("reference", "landmarks"), low=-1.0, high=1.0, artefacts=("face_landmarker",), order=90,
    )
)  # fmt: skip
_CROSS: dict[str, Any] = {"high": 1.0, "artefacts": ("face_landmarker",), "default": False}

register_metric(
    Followed(
        "followed", "Followed", "higher", "metric.followed",
        needs=("speaker", "landmarks"), low=-1.0, order=91, **_CROSS,
    )
)  # fmt: skip
register_metric(
    Leak(
        "leak", "Leak", "zero", "metric.leak",
        needs=("reference", "speaker", "landmarks"), order=92, group="lipcorr", **_CROSS,
    )
)  # fmt: skip
