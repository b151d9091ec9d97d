"""Flicker inside the mouth, against the reference's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from eval.functional.picture.flicker import flicker_compute, flicker_update
from eval.scoring.metrics.base import Metric, Setup, VideoScore, register_metric
from eval.scoring.protocol import MOUTH_BOX, part_of_face

if TYPE_CHECKING:
    from eval.scoring.pair import PairBatch

OUTER_LIPS = slice(48, 60)  # of the 68 landmarks
COLUMNS = ("flicker_generated", "flicker_reference")  # of the table per frame, grey levels


@dataclass
class MouthVideos:
    """Values of the frames so far of generated and reference, and the two frames that the next are seen with.

    Attributes:
        pictures: (2, 2 or fewer, 128, 128, 3) the last ones of both videos; None before the first.
        lips: (2, the same, 12, 2) their lips.
        values: (2, N) of each batch, for the frames before its last.
    """

    pictures: np.ndarray | None = None
    lips: np.ndarray | None = None
    values: list[np.ndarray] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


class Flicker(Metric):
    """See `eval.functional.picture.flicker`."""

    def accumulator(self, setup: Setup) -> MouthVideos:
        """No frame yet."""
        return MouthVideos()

    def update(self, state: MouthVideos, batch: PairBatch) -> None:
        """Look at the frames of a batch, and at the last one before it, whose neighbour is known now."""
        pictures, lips = _mouths(batch)
        fresh = lips.shape[1]
        if state.pictures is not None and state.lips is not None:
            pictures = np.concatenate([state.pictures, pictures], 1)
            lips = np.concatenate([state.lips, lips], 1)
        values = np.stack([flicker_update(*side) for side in zip(pictures, lips, strict=True)])
        # That of the newest frame comes with the next batch, those before the last batch's newest are known.
        state.values.append(values[:, max(0, values.shape[1] - fresh - 1) : -1])
        state.pictures, state.lips = pictures[:, -2:], lips[:, -2:]
        state.skipped.update(reason for reason in batch.reasons if reason)

    def compute(self, state: MouthVideos) -> VideoScore:
        """The ratio of the two, with both in the detail."""
        score = flicker_compute(*self._values(state))
        return VideoScore(score.ratio, score.frames, state.skipped, asdict(score))

    def frame_columns(self, state: MouthVideos, frames: int) -> Mapping[str, np.ndarray]:
        """Both sides, grey levels."""
        return dict(zip(COLUMNS, self._values(state), strict=True))

    def _values(self, state: MouthVideos) -> np.ndarray:
        return np.concatenate(state.values, 1) if state.values else np.zeros((2, 0))


def _mouths(batch: PairBatch) -> tuple[np.ndarray, np.ndarray]:
    """(2, N, 128, 128, 3) mouth regions and (2, N, 12, 2) lips of both videos; NaN where one has no face."""
    x0, y0, x1, y1 = MOUTH_BOX
    lips = np.stack(batch.landmarks_in_region)[:, :, OUTER_LIPS] - (x0, y0)
    lips[:, np.isnan(lips).any((0, 2, 3))] = np.nan
    pictures = np.zeros((2, len(batch.pairs), y1 - y0, x1 - x0, 3), np.uint8)
    if batch.cut.any():
        pictures[:, batch.cut] = part_of_face(batch.faces, "mouth")
    return pictures, lips


register_metric(
    Flicker(
        "flicker", "Flicker", "lower", "metric.flicker",
        needs=("reference", "landmarks"), decimals=2, artefacts=("face_landmarker",), in_face=True,
        default=False, order=35,
    )
)  # fmt: skip
