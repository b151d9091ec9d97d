"""Metrics with a number for every frame: the score of a video is the mean of those that have one."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from eval.functional.frame_mean import mean_of_frames
from eval.scoring.metrics.base import Metric, Setup, VideoScore
from eval.scoring.protocol import NO_REFERENCE_FACE

if TYPE_CHECKING:
    from eval.scoring.pair import PairBatch


@dataclass
class FrameAccumulator:
    """Collects one number per frame.

    Attributes:
        network: what the metric loaded.
        parts: (N,) of each batch, NaN where a frame has no number.
        reasons: of every frame, why it has no face; empty where it has one.
    """

    network: Any = None
    parts: list[np.ndarray] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    @property
    def values(self) -> np.ndarray:
        """(T,) of all frames."""
        return np.concatenate(self.parts) if self.parts else np.zeros(0)


class FrameMetric(Metric):
    """One number per frame; a subclass says which in ``measure``."""

    no_value: ClassVar[str] = "no face"  # why a frame with a face in both videos has no number

    @abstractmethod
    def measure(self, state: FrameAccumulator, batch: PairBatch) -> np.ndarray:
        """(N,) numbers of a batch, NaN where a frame has none."""

    def accumulator(self, setup: Setup) -> FrameAccumulator:
        """No frame yet."""
        return FrameAccumulator(setup.networks.loaded.get(self.group))

    def update(self, state: FrameAccumulator, batch: PairBatch) -> None:
        """Measure a batch."""
        state.parts.append(self.measure(state, batch))
        state.reasons += batch.reasons

    def compute(self, state: FrameAccumulator) -> VideoScore:
        """The mean over the frames that have a number."""
        values = state.values
        score = self.reduce(values)
        skipped = Counter(self.reason(state.reasons[row]) for row in np.flatnonzero(np.isnan(values)))
        return VideoScore(score.value, score.frames, skipped, score.detail)

    def reduce(self, values: np.ndarray) -> VideoScore:
        """The score of (T,) numbers, NaN for frames that have none."""
        mean = mean_of_frames(values)
        return VideoScore(mean.value, mean.frames)

    def reason(self, why: str) -> str:
        """Why a frame was skipped that the pass gives this reason for, empty where it has a face."""
        return why or self.no_value

    def frame_columns(self, state: FrameAccumulator, frames: int) -> Mapping[str, np.ndarray]:
        """The numbers, under the name of the metric."""
        return {self.name: state.values}


class PictureMetric(FrameMetric):
    """Compares the pictures of both videos in the chosen region; a subclass says how in ``compare``."""

    @abstractmethod
    def compare(self, network: Any, generated: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """(M,) numbers of (M, H, W, 3) uint8 RGB pictures."""

    def measure(self, state: FrameAccumulator, batch: PairBatch) -> np.ndarray:
        """NaN where the reference has no face to cut both pictures at."""
        values = np.full(len(batch.pairs), np.nan)
        if batch.compared.any():
            values[batch.compared] = self.compare(state.network, *batch.pictures)
        return values

    def reason(self, why: str) -> str:
        """Both videos are cut at the reference's face: without it there is nothing to compare."""
        return NO_REFERENCE_FACE
