"""LipLeak, of videos that are driven by a sound without speech."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from eval.functional.mouth.lipleak import lipleak_compute, lipleak_update
from eval.scoring.metrics.base import Setup, VideoScore, register_metric
from eval.scoring.metrics.opening_metric import OpeningAccumulator, OpeningMetric
from lipsync.texts import Message


@dataclass
class SilentOpenings(OpeningAccumulator):
    """The same with the (N,) int16 sound, which must be silent."""

    sound: np.ndarray | None = None


class LipLeak(OpeningMetric):
    """See `eval.functional.mouth.lipleak`."""

    def accumulator(self, setup: Setup) -> SilentOpenings:
        """No frame yet."""
        return SilentOpenings(sound=setup.speech)

    def compute(self, state: Any) -> VideoScore:
        """The share of open frames, where nobody speaks in the sound."""
        from lipsync.audio.activity import find_speech

        sound = np.asarray(state.sound)
        spoken = find_speech(sound / np.float32(32768)).stretches if len(sound) else np.zeros((0, 2))
        if len(spoken):
            raise ValueError(Message("reason.not_silent", seconds=float(np.diff(spoken).sum())))
        score = lipleak_compute(*lipleak_update(*state.columns()))
        parts = {name: None if np.isnan(part) else part for name, part in asdict(score).items()}
        return VideoScore(score.share, score.frames, state.skipped(), parts)


register_metric(
    LipLeak(
        "lipleak", "LipLeak", "lower", "metric.lipleak",
        needs=("reference", "landmarks", "audio"), high=1.0, artefacts=("face_landmarker",), default=False,
        order=94,
    )
)  # fmt: skip
