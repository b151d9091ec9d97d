"""The 52 expression scores of MediaPipe's face landmarker, and ARKit's names for them in a face model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

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


def scores_by_name(expressions: Sequence[str]) -> np.ndarray | None:
    """(E,) which of the 52 scores says each of a model's expressions; None where the names are not ARKit's.

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
