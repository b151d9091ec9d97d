"""How bright a face is pictured: a fade or a flash changes it, a network that saw other pictures does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from lipsync.faces.tracking.face_view import FaceView

# A face's own changes of light as it turns: within these a frame is as its references are.
CONTRAST = 1.4  # factor
LEVEL = 30.0  # grey levels
LEAST = 0.04  # contrast against the references', below which nothing can be seen in a picture
QUANTILES = np.arange(5, 100, 10)  # per cent
BURNT = 250.0  # grey level from which a camera shows only white


def grey_levels(crop: np.ndarray) -> np.ndarray:
    """(10,) quantiles of the grey levels of a (S, S, 3) uint8 face crop, from dark to bright.

    From the forehead to under the eyes, without the mouth, which is redrawn.
    """
    size = len(crop)
    upper = np.ascontiguousarray(crop[size // 10 : size * 11 // 20, size // 6 : -(size // 6)])
    return np.percentile(cv2.cvtColor(upper, cv2.COLOR_RGB2GRAY), QUANTILES)


@dataclass(frozen=True)
class Exposure:
    """How the grey levels of a frame differ from those of the references: ``contrast * x + level``."""

    contrast: float = 1.0
    level: float = 0.0

    @classmethod
    def between(cls, levels: np.ndarray, usual: np.ndarray) -> Exposure:
        """From the (10,) ``grey_levels`` of a frame and the usual ones; no difference where it is small.

        A straight line through the quantiles, without those that are burnt out. What lies beyond
        ``CONTRAST`` and ``LEVEL`` counts, so that a fade begins and ends without a step.
        """
        shown = levels < BURNT
        if shown.sum() < 3:
            shown = np.arange(len(levels)) < 3
        x, y = usual[shown], levels[shown]
        around = x - x.mean()
        slope = max(float((around * y).sum() / max(np.square(around).sum(), 1.0)), LEAST)
        contrast = float(slope / np.clip(slope, 1 / CONTRAST, CONTRAST))
        level = float(y.mean() / contrast - x.mean())  # in the references' grey levels
        return cls(contrast, contrast * float(level - np.clip(level, -LEVEL, LEVEL)))

    @property
    def usual(self) -> bool:
        """Whether there is no difference."""
        return self.contrast == 1 and self.level == 0

    def removed(self, crop: np.ndarray) -> np.ndarray:
        """A (S, S, 3) uint8 crop of the frame as the references are exposed; itself where nothing differs."""
        return crop if self.usual else _levels(crop, 1 / self.contrast, -self.level / self.contrast)

    def applied(self, crop: np.ndarray) -> np.ndarray:
        """The other way round: a crop as the frame is exposed."""
        return crop if self.usual else _levels(crop, self.contrast, self.level)


def as_references(
    views: Sequence[FaceView], references: Sequence[FaceView]
) -> tuple[list[FaceView], list[Exposure]]:
    """The views as the references are exposed, at least one, and how each of them differs from that."""
    usual = np.median([grey_levels(view.crop) for view in references], axis=0)
    found = [Exposure.between(grey_levels(view.crop), usual) for view in views]
    return [replace(view, crop=e.removed(view.crop)) for view, e in zip(views, found, strict=True)], found


def _levels(crop: np.ndarray, contrast: float, level: float) -> np.ndarray:
    table = np.clip(np.arange(256) * contrast + level + 0.5, 0, 255).astype(np.uint8)
    return cv2.LUT(crop, table)
