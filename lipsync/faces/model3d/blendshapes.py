"""The 52 expression scores of MediaPipe's face landmarker, and ARKit's names for them in a face model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import cv2
import numpy as np

from lipsync.errors import ArtefactError

NAMES = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft",
    "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight",
    "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight",
    "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthDimpleLeft", "mouthDimpleRight",
    "mouthFrownLeft", "mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft",
    "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
)  # fmt: skip


# The landmarks that the network of the scores looks at (MediaPipe's face_blendshapes_graph).
BLENDSHAPE_POINTS = (
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70,
    78, 80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149,
    150, 152, 153, 154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195,
    197, 234, 246, 249, 251, 263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300,
    308, 310, 311, 312, 314, 317, 318, 321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375,
    377, 378, 379, 380, 381, 382, 384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454,
    466, 468, 469, 470, 471, 472, 473, 474, 475, 476, 477,
)  # fmt: skip


class BlendshapeNetwork:
    """The last of the landmarker's networks alone: scores from landmarks that are already there.

    It needs no picture, so clips whose landmarks are on file are scored at some hundred frames a second.

    Args:
        landmarker: the ``face_landmarker`` artefact, which holds the network.

    Raises:
        ArtefactError: the file holds no such network.
    """

    def __init__(self, landmarker: Path):
        try:
            with ZipFile(landmarker) as file:
                network = file.read("face_blendshapes.tflite")
        except (OSError, KeyError, BadZipFile) as problem:
            raise ArtefactError("landmarker.no_blendshapes", path=landmarker.name) from problem
        self._network = cv2.dnn.readNetFromTFLite(np.frombuffer(network, np.uint8))

    def __call__(self, landmarks: np.ndarray) -> np.ndarray:
        """(T, 52) float32 scores, 0..1, of (T, 478, 2) landmarks in pixels; NaN where a landmark is NaN."""
        scores = np.full((len(landmarks), len(NAMES)), np.nan, np.float32)
        for number, points in enumerate(np.asarray(landmarks, np.float32)[:, list(BLENDSHAPE_POINTS)]):
            if np.isfinite(points).all():
                self._network.setInput(np.ascontiguousarray(points[None]))
                scores[number] = self._network.forward().reshape(-1)
        return scores


def scores_by_name(expressions: Sequence[str]) -> np.ndarray | None:
    """(E,) index among the 52 scores of each expression of a model; None if the names are not ARKit's.

    ICT-FaceKit writes ``_L`` for ``Left`` and splits in two what ARKit has as one (browInnerUp, cheekPuff).
    """
    found = []
    for name in expressions:
        stem, _, side = name.partition("_")
        whole = stem + {"L": "Left", "R": "Right"}.get(side, "")
        if whole not in NAMES and stem not in NAMES:
            return None
        found.append(NAMES.index(whole if whole in NAMES else stem))
    return np.array(found)
