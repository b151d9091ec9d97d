"""A face as a method sees it: the square crop, and what was measured on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from lipsync.faces.tracking.crop import crop_face, crop_matrix, transform_points
from lipsync.faces.tracking.track import Tracked


@dataclass(frozen=True)
class FaceView:
    """A tracked face, cut out."""

    crop: np.ndarray  # (S, S, 3) uint8
    landmarks: np.ndarray | None  # (478, 2) float32 pixels of the crop; None: tracked by five points
    blendshapes: np.ndarray | None  # (52,) float32


def views(
    tracked: Iterable[Tracked], size: int, margin: float = 1.0
) -> Iterator[tuple[Tracked, FaceView | None]]:
    """Each frame with its face at ``size`` pixels a side, None where there is none.

    Args:
        margin: sides of the crop in sides of the face square; the crop has that many more pixels.
    """
    whole = round(size * margin)
    for item in tracked:
        if item.pose is None:
            yield item, None
            continue
        matrix = crop_matrix(item.pose, whole, margin)
        points = item.landmarks
        if points is not None:
            points = transform_points(points, matrix).astype(np.float32)
        yield item, FaceView(crop_face(item.frame.image, matrix, whole), points, item.blendshapes)
