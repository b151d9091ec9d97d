"""Closures: F1 of touching lips, of one video and over the frames of all videos of a method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import ClassVar

import numpy as np

from eval.functional.aggregate import MeanScore, summarise
from eval.functional.mouth.closures import (
    ClosureCounts,
    ClosureScore,
    closures_compute,
    closures_interval,
    closures_update,
)
from eval.scoring.metrics.base import LoadFeatures, MethodScore, ResultRow, VideoScore, register_metric
from eval.scoring.metrics.opening_metric import OpeningAccumulator, OpeningMetric
from lipsync.texts import Message


class Closures(OpeningMetric):
    """See `eval.functional.mouth.closures`. The detail of a method is its `ClosureScore`."""

    details_key: ClassVar[str] = "closures"
    video_columns: ClassVar[tuple[str, ...]] = ("closure precision", "closure recall")
    method_columns: ClassVar[tuple[str, ...]] = ("precision", "recall")

    def compute(self, state: OpeningAccumulator) -> VideoScore:
        """F1 of one video; its counts are in the detail."""
        counts = closures_update(*state.columns())
        score = closures_compute(counts)
        if np.isnan(score.f1):
            raise ValueError(Message("reason.no_closure"))
        parts = {name: None if np.isnan(part) else part for name, part in asdict(score).items()}
        return VideoScore(score.f1, score.frames, state.skipped(), {**parts, "counts": asdict(counts)})

    def aggregate(self, rows: Sequence[ResultRow], load_features: LoadFeatures) -> MethodScore:
        """Of the frames of all videos together: a clip with one closure does not count like one with ten."""
        entries = {row["item"]: self.entry(row) for row in rows}
        values = {item: entry["value"] if entry else None for item, entry in entries.items()}
        clips = [
            ClosureCounts(**entry["detail"]["counts"])
            for entry in entries.values()
            if entry and entry["value"] is not None
        ]
        if not clips:
            return MethodScore(None, values)
        score = closures_compute(sum(clips, ClosureCounts()))
        low, high = closures_interval(clips)
        return MethodScore(replace(summarise(values), mean=score.f1, low=low, high=high), values, score)

    def format(self, summary: MeanScore, detail: ClosureScore | None = None) -> str:
        """With precision and recall, which say whether lips touch too often or too seldom."""
        number = super().format(summary)
        if detail is None:
            return number
        parts = (detail.precision, detail.recall)
        printed = ", ".join("–" if np.isnan(part) else f"{part:.{self.decimals}f}" for part in parts)
        return f"{number} ({printed})"

    def video_cells(self, detail: Mapping[str, object]) -> tuple[str, ...]:
        """Precision and recall."""
        parts = (detail.get("precision"), detail.get("recall"))
        return tuple("" if part is None else f"{part:.6g}" for part in parts)

    def method_cells(self, detail: ClosureScore) -> tuple[float | int, ...]:
        """Precision and recall."""
        return detail.precision, detail.recall


register_metric(
    Closures(
        "closures", "Closures", "higher", "metric.closures",
        needs=("reference", "landmarks"), high=1.0, decimals=2, artefacts=("face_landmarker",), default=False,
        order=93,
    )
)  # fmt: skip
