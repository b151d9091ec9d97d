"""LMD in its four variants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eval.functional.lmd import LmdVariant, lmd_update
from eval.scoring.metrics.base import register_metric
from eval.scoring.metrics.frame_metric import FrameAccumulator, FrameMetric

if TYPE_CHECKING:
    from eval.scoring.pair import PairBatch


@dataclass(frozen=True)
class Lmd(FrameMetric):
    """One variant of `eval.functional.lmd`."""

    variant: LmdVariant = "mouth"

    def measure(self, state: FrameAccumulator, batch: PairBatch) -> np.ndarray:
        """(N,) distances; ``vico`` in pixels of the video, the others in those of the face region."""
        points = batch.landmarks if self.variant == "vico" else batch.landmarks_in_region
        return lmd_update(*points, self.variant)


_COMMON: dict[str, Any] = {"needs": ("reference", "landmarks"), "artefacts": ("face_landmarker",)}

register_metric(
    Lmd(
        "lmd", "LMD", "lower",
        "How far the 20 mouth landmarks are from the reference's, in pixels of the 256-pixel face region.",
        "20 个嘴部关键点与参考视频的平均距离，以 256 像素人脸区域的像素计。",
        unit="px", decimals=2, in_face=True, order=40, **_COMMON,
    )
)  # fmt: skip
register_metric(
    Lmd(
        "lmd_all68", "LMD (68)", "lower",
        "The same distance over all 68 landmarks of the face.",
        "同样的距离，但按全脸 68 个关键点计算。",
        unit="px", decimals=2, in_face=True, order=41, variant="all68", **_COMMON,
    )
)  # fmt: skip
register_metric(
    Lmd(
        "lmd_normalised", "LMD / eyes", "lower",
        "The distance of the mouth landmarks as a share of the distance between the eyes.",
        "嘴部关键点距离与两眼间距之比。",
        decimals=4, order=42, variant="normalised", **_COMMON,
    )
)  # fmt: skip
register_metric(
    Lmd(
        "lmd_vico", "LipLMD (ViCo)", "lower",
        "Mean absolute difference of the mouth landmarks' coordinates, raw pixels, as in the ViCo challenge.",
        "嘴部关键点坐标的平均绝对差（原始像素），即 ViCo 挑战赛的定义。",
        unit="px", decimals=2, order=43, variant="vico", **_COMMON,
    )
)  # fmt: skip
