"""LMD in its four variants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eval.functional.mouth.lmd import LmdVariant, lmd_update
from eval.scoring.metrics.base import register_metric
from eval.scoring.metrics.frame_metric import FrameAccumulator, FrameMetric

if TYPE_CHECKING:
    from eval.scoring.pair import PairBatch


@dataclass(frozen=True)
class Lmd(FrameMetric):
    """One variant of `eval.functional.mouth.lmd`."""

    variant: LmdVariant = "mouth"

    def measure(self, state: FrameAccumulator, batch: PairBatch) -> np.ndarray:
        """(N,) distances; ``vico`` in pixels of the video, the others in those of the face region."""
        points = batch.landmarks if self.variant == "vico" else batch.landmarks_in_region
        return lmd_update(*points, self.variant)


_COMMON: dict[str, Any] = {"needs": ("reference", "landmarks"), "artefacts": ("face_landmarker",)}

register_metric(
    Lmd(
        "lmd", "LMD", "lower", "metric.lmd",
        unit="px", decimals=2, in_face=True, order=40, **_COMMON,
    )
)  # fmt: skip
register_metric(
    Lmd(
        "lmd_all68", "LMD (68)", "lower", "metric.lmd_all68",
        unit="px", decimals=2, in_face=True, order=41, variant="all68", **_COMMON,
    )
)  # fmt: skip
register_metric(
    Lmd(
        "lmd_normalised", "LMD / eyes", "lower", "metric.lmd_normalised",
        decimals=4, order=42, variant="normalised", **_COMMON,
    )
)  # fmt: skip
register_metric(
    Lmd(
        "lmd_vico", "LipLMD (ViCo)", "lower", "metric.lmd_vico",
        unit="px", decimals=2, order=43, variant="vico", **_COMMON,
    )
)  # fmt: skip
