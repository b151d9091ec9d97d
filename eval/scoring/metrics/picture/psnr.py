"""PSNR, mean over frames and pooled; both from one squared error per frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from eval.functional.picture.psnr import CAP_DB, psnr_compute, psnr_of_mse, psnr_update
from eval.scoring.metrics.base import VideoScore, register_metric
from eval.scoring.metrics.frame_metric import FrameAccumulator, PictureMetric


@dataclass(frozen=True)
class Psnr(PictureMetric):
    """One of the two scores of `eval.functional.picture.psnr.PsnrScore`."""

    part: Literal["mean", "pooled"] = "mean"

    def compare(self, network: Any, generated: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """(M,) mean squared errors."""
        return psnr_update(generated, reference)

    def reduce(self, values: np.ndarray) -> VideoScore:
        """With the frames that are identical."""
        score = psnr_compute(values[~np.isnan(values)])
        return VideoScore(
            score.pooled if self.part == "pooled" else score.mean,
            score.frames,
            detail={"identical_frames": score.identical},
        )

    def frame_columns(self, state: FrameAccumulator, frames: int) -> Mapping[str, np.ndarray]:
        """The ratio of each frame; the pooled score has none of its own."""
        return {self.group: psnr_of_mse(state.values)}


register_metric(
    Psnr(
        "psnr", "PSNR", "higher", "metric.psnr",
        needs=("reference",), unit="dB", high=CAP_DB, decimals=2, by_region=True, group="psnr", order=10,
    )
)  # fmt: skip
register_metric(
    Psnr(
        "psnr_pooled", "PSNR (pooled)", "higher", "metric.psnr_pooled",
        needs=("reference",), unit="dB", high=CAP_DB, decimals=2, by_region=True, group="psnr", order=11,
        part="pooled",
    )
)  # fmt: skip
