"""SSIM."""

from __future__ import annotations

from typing import Any

import numpy as np

from eval.functional.picture.ssim import ssim_update
from eval.scoring.metrics.base import register_metric
from eval.scoring.metrics.frame_metric import PictureMetric


class Ssim(PictureMetric):
    """See `eval.functional.picture.ssim`."""

    def compare(self, network: Any, generated: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """(M,) similarities."""
        return ssim_update(generated, reference)


register_metric(
    Ssim(
        "ssim", "SSIM", "higher", "metric.ssim",
        needs=("reference",), low=-1.0, high=1.0, by_region=True, order=20,
    )
)  # fmt: skip
