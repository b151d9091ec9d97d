"""What makes a stretch of video fit for training, measured on its crops, landmarks and sound."""

from __future__ import annotations

import cv2
import numpy as np

from lipsync.data.preparation.limits import Limits
from lipsync.faces.tracking.landmarks import five_points

RATE = 16_000  # Hz
FRAME = 640  # samples of sound per video frame
LOOKED_AT = 128  # pixels, side of the crops whose sharpness is measured
PROTRUSION = 0.7  # the tip of the nose stands this many eye distances before the eyes


def sharpness(crops: np.ndarray) -> float:
    """Fine detail of (T, S, S, 3) uint8 face crops: median of Laplacian over grey deviation.

    Larger crops are first reduced to 128 pixels, or a small face enlarged for them would count as
    blurred. There a Gaussian blur of 1.5 pixels brings any face below 0.15.
    """
    found = []
    for crop in crops[:: max(1, len(crops) // 12)]:
        grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
        if len(grey) > LOOKED_AT:
            grey = cv2.resize(grey, (LOOKED_AT, LOOKED_AT), interpolation=cv2.INTER_AREA)
        grey = grey.astype(np.float32)
        edge = len(grey) // 10  # the border may be a stretched edge of the picture
        grey = grey[edge:-edge, edge:-edge]
        found.append(cv2.Laplacian(grey, cv2.CV_32F).std() / max(1.0, float(grey.std())))
    return float(np.median(found))


def yaw(points: np.ndarray) -> np.ndarray:
    """(...,) degrees a head is turned, positive to the right in the picture, of (..., 478, 2) landmarks.

    From where the tip of the nose stands between the eyes; within 2 degrees, on average, of the pose
    that the landmarker fits to its 3D points, up to 26 degrees.
    """
    left, right, nose = np.moveaxis(five_points(np.asarray(points, np.float64)), -2, 0)[:3]
    across = right - left
    along = ((nose - (left + right) / 2) * across).sum(-1) / (across * across).sum(-1)
    return np.degrees(np.arctan(along / PROTRUSION))


def sound_fault(samples: np.ndarray, limits: Limits) -> str | None:
    """Why (N,) samples at 16 kHz cannot be speech, or None. Music and babble pass: it is a cheap look."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    level = 10 * np.log10((frames**2).mean(axis=1) + 1e-12)
    if not len(level) or (level > limits.loud).mean() < limits.min_loud:
        return "no speech: silent"
    return "no speech: a steady sound" if level.std() < limits.min_change else None
