"""What a model sees of a face and where a mouth will be drawn, as thin lines on a picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from lipsync.errors import FaceError
from lipsync.faces.blend import mouth_mask
from lipsync.faces.tracking.choose import Choice
from lipsync.faces.tracking.crop import crop_matrix, transform_points
from lipsync.faces.tracking.track import FaceTracker
from lipsync.media import Frame

SIDE = 256  # pixels of the crop in which the mask is outlined
HALF = 0.5  # of the mask: there the drawn mouth and the frame's own count the same


def outlined(picture: np.ndarray, landmarker: Path | None, face: Choice) -> np.ndarray:
    """The picture with the square that is cut out around a face, and the outline of what is drawn in it.

    Tracker, square and mask are those of a run; of one frame alone nothing is smoothed over time.

    Args:
        picture: (H, W, 3) uint8 RGB; not changed.
        landmarker: the ``face_landmarker`` artefact; None: the mask is an ellipse, as in a run without it.
        face: which one. Where it is not found, nothing is drawn.
    """
    found = outlines(picture, landmarker, face)
    result = picture.copy()
    thin = max(1, round(min(picture.shape[:2]) / 400))
    for colour, width in (((0, 0, 0), 3 * thin), ((255, 255, 255), thin)):  # seen on light and on dark
        for line in found:
            points = (16 * line).round().astype(np.int32)  # a sixteenth of a pixel
            cv2.polylines(result, [points], True, colour, width, cv2.LINE_AA, 4)
    return result


def outlines(picture: np.ndarray, landmarker: Path | None, face: Choice) -> list[np.ndarray]:
    """(4, 2) corners of the square and (K, 2) points around the mask, pixels; empty without the face."""
    tracker = FaceTracker(landmarker, 25.0, face)
    try:
        item = next(tracker.track([Frame(picture, 0.0, 0)]))
    except FaceError:
        return []
    finally:
        tracker.close()
    if item.pose is None:
        return []
    matrix = crop_matrix(item.pose, SIDE)
    points = None if item.landmarks is None else transform_points(item.landmarks, matrix)
    inside = (mouth_mask(SIDE, points) >= HALF).astype(np.uint8)
    around, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    square = np.array([(0, 0), (SIDE, 0), (SIDE, SIDE), (0, SIDE)]) - 0.5
    back = cv2.invertAffineTransform(matrix)
    return [transform_points(line.reshape(-1, 2).astype(float), back) for line in (square, *around)]
