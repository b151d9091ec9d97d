"""Dense landmarks of one face with MediaPipe's face landmarker, and what is read off them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from types import ModuleType
from typing import Any

import numpy as np

STDERR = 2
NOTICES = (b"WARNING: Logging before InitGoogle", b"W0000 ", b"INFO: Created TensorFlow Lite")
_ONE_BY_ONE = Lock()

# Indices of the landmarker's mesh. "Left" is left in the picture (the person's right).
EYE_LEFT, EYE_RIGHT = (33, 133), (362, 263)  # outer and inner corner of each eye
NOSE_TIP = 1
MOUTH_LEFT, MOUTH_RIGHT = 61, 291
LIP_UPPER_INNER, LIP_LOWER_INNER = 13, 14
# The two contours of the lips, each around once from the corner on the left of the picture, below first.
LIPS_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
LIPS_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
# Both contours, three points of the chin, the nose tip and two points below it.
LIP_POINTS = (*LIPS_OUTER, *LIPS_INNER, 152, 148, 377, 1, 2, 164)
# Where each of them stands in LIP_POINTS when the picture is mirrored.
LIP_POINTS_MIRRORED = (
    *((10 - k) % 20 for k in range(20)), *(20 + (10 - k) % 20 for k in range(20)), 40, 42, 41, 43, 44, 45,
)  # fmt: skip


@dataclass(frozen=True)
class Landmarks:
    points: np.ndarray  # (478, 2) float32, pixels
    blendshapes: np.ndarray | None = None  # (52,) float32 in 0..1, where asked for
    depth: np.ndarray | None = None  # (478,) float32, pixels away from the camera, measured from the head


class Landmarker:
    """Finds 478 points on the most prominent face of a picture.

    The network looks at faces of about a quarter of the picture or more: give it a window around
    the face, not a wide shot. Frames are treated one by one, so the result does not depend on order.
    """

    def __init__(self, model: Path, blendshapes: bool = False, faces: int = 1):
        mediapipe = _import_mediapipe()
        from mediapipe.tasks.python import BaseOptions, vision

        self._image, self._format = mediapipe.Image, mediapipe.ImageFormat.SRGB
        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(model)),
            running_mode=vision.RunningMode.IMAGE,
            num_faces=faces,
            output_face_blendshapes=blendshapes,
        )
        with _without_notices():
            self._landmarker = vision.FaceLandmarker.create_from_options(options)

    def __call__(self, image: np.ndarray) -> Landmarks | None:
        """Landmarks in a (H, W, 3) uint8 RGB picture, or None where no face is found."""
        picture = self._image(image_format=self._format, data=np.ascontiguousarray(image))
        found = self._landmarker.detect(picture)
        if not found.face_landmarks:
            return None
        height, width = image.shape[:2]
        marks = found.face_landmarks[0]
        points = np.array([(p.x * width, p.y * height) for p in marks], np.float32)
        depth = np.array([p.z * width for p in marks], np.float32)  # the network counts it as it does x
        scores = found.face_blendshapes
        blendshapes = np.array([s.score for s in scores[0]], np.float32) if scores else None
        return Landmarks(points, blendshapes, depth)

    def close(self) -> None:
        self._landmarker.close()


@contextmanager
def _without_notices() -> Iterator[None]:
    """Hold back what MediaPipe's C++ writes to the terminal of every network; other lines pass.

    No setting turns these three lines off, and between the steps of a progress bar they hide it.
    """
    if sys.stderr is None:  # a program without a terminal
        yield
        return
    with _ONE_BY_ONE, TemporaryFile() as caught:
        terminal = os.dup(STDERR)
        os.dup2(caught.fileno(), STDERR)
        try:
            yield
        finally:
            os.dup2(terminal, STDERR)
            os.close(terminal)
            caught.seek(0)
            for line in caught:
                if not line.startswith(NOTICES):
                    os.write(STDERR, line)


class _Later(ModuleType):
    """Stands for a module until something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)


def _import_mediapipe() -> ModuleType:
    """The package, without the half second for matplotlib, which only its drawings need."""
    later = [_Later(name) for name in ("matplotlib", "matplotlib.pyplot")]
    later[0].pyplot = later[1]  # type: ignore[attr-defined]
    there = [sys.modules.setdefault(module.__name__, module) for module in later]
    try:
        return import_module("mediapipe")
    finally:
        for module, found in zip(later, there, strict=True):
            if found is module:  # who else imports it gets the real one
                del sys.modules[module.__name__]


def five_points(points: np.ndarray) -> np.ndarray:
    """(..., 5, 2) eyes, nose tip, mouth corners of (..., 478, 2) landmarks, in the order of MTCNN."""
    return np.stack(
        [
            points[..., EYE_LEFT, :].mean(-2),
            points[..., EYE_RIGHT, :].mean(-2),
            points[..., NOSE_TIP, :],
            points[..., MOUTH_LEFT, :],
            points[..., MOUTH_RIGHT, :],
        ],
        axis=-2,
    )


def mouth_opening(points: np.ndarray) -> np.ndarray:
    """(...,) inner-lip gap / inter-ocular distance of (..., 478, 2) landmarks; 0 is closed, 0.3 wide open."""
    gap = np.linalg.norm(points[..., LIP_UPPER_INNER, :] - points[..., LIP_LOWER_INNER, :], axis=-1)
    five = five_points(points)
    return gap / np.linalg.norm(five[..., 1, :] - five[..., 0, :], axis=-1)


MOUTH_SHAPE = ("inner gap", "outer height", "width", "chin drop")


def mouth_shape(points: np.ndarray) -> np.ndarray:
    """(..., 4) what a mouth does, in units of the inter-ocular distance, of (..., 478, 2) landmarks.

    In the order of ``MOUTH_SHAPE``: the inner-lip gap, the height of the mouth over both lips, its
    width between the corners, and the distance from the tip of the nose to the chin.
    """
    pairs = ((LIP_UPPER_INNER, LIP_LOWER_INNER), (0, 17), (MOUTH_LEFT, MOUTH_RIGHT), (NOSE_TIP, 152))
    lengths = np.stack([np.linalg.norm(points[..., a, :] - points[..., b, :], axis=-1) for a, b in pairs], -1)
    five = five_points(points)
    return lengths / np.linalg.norm(five[..., 1, :] - five[..., 0, :], axis=-1)[..., None]


def lip_points(points: np.ndarray) -> np.ndarray:
    """(T, 46, 2) where the ``LIP_POINTS`` are in a face that looks straight up, of (T, 478, 2) landmarks.

    Measured from the nose tip, the line between the eyes level, in inter-ocular distances (their median over
    the T frames).
    """
    five = five_points(points)
    eyes = five[:, 1] - five[:, 0]  # (T, 2)
    angle = -np.arctan2(eyes[:, 1], eyes[:, 0])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])  # (2, 2, T)
    moved = points[:, LIP_POINTS] - points[:, [NOSE_TIP]]
    return np.einsum("ijt,tkj->tki", turn, moved) / np.median(np.linalg.norm(eyes, axis=1))
