"""What is found on one frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipsync.faces.tracking.crop import Pose, pose_from_points
from lipsync.media import Frame


@dataclass(frozen=True)
class FacePoints:
    """What is measured on one face, without its picture. Pixels of the frame."""

    points: np.ndarray  # (5, 2) float64
    landmarks: np.ndarray | None  # (478, 2) float32; None: found by five points alone
    blendshapes: np.ndarray | None = None  # (52,) float32 in 0..1, where asked for

    @property
    def pose(self) -> Pose:
        return pose_from_points(self.points)


@dataclass(frozen=True)
class Detection:
    """What was found on one frame. Pixels of that frame."""

    frame: Frame
    points: np.ndarray | None = None  # (5, 2) float64; None: no face, or not looked
    landmarks: np.ndarray | None = None  # (478, 2) float32
    new: bool = False  # a face, but not the continuation of the one before
    blendshapes: np.ndarray | None = None  # (52,) float32 in 0..1, where asked for
    passed: bool = False  # not looked at, between two frames that are


def detection(frame: Frame, found: FacePoints) -> Detection:
    """What was measured on a frame, with it."""
    return Detection(frame, found.points, found.landmarks, blendshapes=found.blendshapes)
