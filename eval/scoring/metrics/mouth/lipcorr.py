"""LipCorr, at one shift for all videos of a method."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from eval.functional.aggregate import MeanScore, summarise
from eval.functional.mouth.lipcorr import ClipCorrelation, LipCorrScore, lipcorr_compute, lipcorr_update
from eval.scoring.metrics.base import (
    LoadFeatures,
    MethodScore,
    Metric,
    ResultRow,
    Setup,
    VideoScore,
    register_metric,
)
from lipsync.texts import Message

if TYPE_CHECKING:
    from eval.scoring.pair import PairBatch

OPENINGS = ("opening_generated", "opening_reference")  # columns of the table per frame


@dataclass
class OpeningAccumulator:
    """Collects the (T,) mouth openings of generated and reference, and why frames have none."""

    generated: list[np.ndarray] = field(default_factory=list)
    reference: list[np.ndarray] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def columns(self) -> tuple[np.ndarray, np.ndarray]:
        """(T,) of generated and reference, NaN where there is no face."""
        if not self.generated:
            return np.zeros(0), np.zeros(0)
        return np.concatenate(self.generated), np.concatenate(self.reference)


class LipCorr(Metric):
    """See `eval.functional.mouth.lipcorr`. The detail of a method is its `LipCorrScore`."""

    details_key: ClassVar[str] = "lags"
    footnote: ClassVar[str] = Message("score.lag")
    method_columns: ClassVar[tuple[str, ...]] = ("lag", "r_zero")

    def accumulator(self, setup: Setup) -> OpeningAccumulator:
        """No frame yet."""
        return OpeningAccumulator()

    def update(self, state: OpeningAccumulator, batch: PairBatch) -> None:
        """Add the openings of a batch."""
        generated, reference = batch.openings
        state.generated.append(generated)
        state.reference.append(reference)
        state.reasons += batch.reasons

    def compute(self, state: OpeningAccumulator) -> VideoScore:
        """The correlation of one clip without a shift; those at the others are in the detail."""
        clip = lipcorr_update(*state.columns())
        skipped = Counter(reason for reason in state.reasons if reason)
        detail = {"by_lag": clip.by_lag, "frames": clip.frames, "still": clip.still}
        return VideoScore(lipcorr_compute([clip]).r, clip.frames, skipped, detail)

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


register_metric(
    LipCorr(
        "lipcorr", "LipCorr", "higher", "metric.lipcorr",
        needs=("reference", "landmarks"), low=-1.0, high=1.0, artefacts=("face_landmarker",), order=90,
    )
)  # fmt: skip
