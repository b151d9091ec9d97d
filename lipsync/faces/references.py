"""Reference frames: which pictures of a person show a network the shapes of their mouth.

The patent's figure of the strategy is lost. Here both strategies cut the usable frames of a clip into as
many groups as references are wanted, from the most closed mouths to the most open ones. Training draws
one frame at random from each group, away from the frame to draw; use takes the sharpest of each. So
reference k means the same to the network both times: k = 0 closed, the last one open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from lipsync.faces.landmarks import NOSE_TIP, five_points

CHEEK_LEFT, CHEEK_RIGHT = 234, 454  # the landmarker's outermost points of the face in the picture
PROFILE = 0.6  # turn beyond which one half of the mouth is hardly seen: about 35 degrees
BLURRED = 0.5  # share of the clip's usual sharpness below which a frame counts as blurred
SIDE = 96  # pixels of the crop on which sharpness is measured, whatever the network's size


@dataclass(frozen=True)
class Look:
    """What decides whether a frame is a good reference."""

    opening: float  # inner-lip gap in inter-ocular distances (``lipsync.faces.landmarks.mouth_opening``)
    sharpness: float  # see ``sharpness``; comparable within one clip
    turn: float  # see ``turn``


def turn(landmarks: np.ndarray) -> np.ndarray:
    """(...,) how far a face is turned to a side, -1..1, of (..., 478, 2) landmarks; 0 is frontal.

    The difference of the distances from the tip of the nose to both outlines of the face over their
    sum, along the line of the eyes.
    """
    five = five_points(landmarks)
    across = five[..., 1, :] - five[..., 0, :]
    across = across / np.linalg.norm(across, axis=-1, keepdims=True)
    nose = landmarks[..., NOSE_TIP, :]
    left = ((nose - landmarks[..., CHEEK_LEFT, :]) * across).sum(-1)
    right = ((landmarks[..., CHEEK_RIGHT, :] - nose) * across).sum(-1)
    return (left - right) / np.maximum(np.abs(left) + np.abs(right), 1e-6)


def sharpness(crop: np.ndarray) -> float:
    """Variance of the Laplacian of a (S, S, 3) uint8 face crop, between the eyes' height and the chin.

    Grey levels, at 96 pixels a side. What is blurred by motion or focus has little of it.
    """
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    if len(grey) != SIDE:
        how = cv2.INTER_AREA if len(grey) > SIDE else cv2.INTER_LINEAR
        grey = cv2.resize(grey, (SIDE, SIDE), interpolation=how)
    face = grey[SIDE // 5 : -SIDE // 12, SIDE // 6 : -SIDE // 6]
    return float(cv2.Laplacian(face, cv2.CV_32F).var())


def usable(looks: Sequence[Look]) -> np.ndarray:
    """(K,) indices of the frames that are neither blurred nor in profile; all when none is left.

    Blurred is meant against the clip's own median: a soft camera is no reason to refuse all of it.
    """
    sharp = np.array([look.sharpness for look in looks])
    side = np.abs([look.turn for look in looks])
    frontal = np.flatnonzero(side <= PROFILE)
    if not len(frontal):  # the least turned third
        frontal = np.argsort(side, kind="stable")[: max(1, len(looks) // 3)]
    return frontal[sharp[frontal] >= BLURRED * np.median(sharp[frontal])]


def choose_for_use(looks: Sequence[Look], count: int) -> list[int]:
    """``count`` frames from closed to open mouths: the sharpest of each group.

    Args:
        looks: of the frames of a clip; at least one.
        count: R. With fewer usable frames some come twice.
    """
    groups = _groups(usable(looks), np.array([look.opening for look in looks]), count)
    sharp = np.array([look.sharpness for look in looks])
    return [int(group[np.argmax(sharp[group])]) for group in groups]


def choose_for_training(
    openings: np.ndarray,
    frames: np.ndarray,
    count: int,
    apart: int,
    rng: np.random.Generator,
    allowed: np.ndarray | None = None,
) -> np.ndarray:
    """(count,) frames from closed to open mouths: one at random of each group, away from ``frames``.

    Args:
        openings: (T,) inner-lip gap of every frame of the clip.
        frames: (B,) frames that are to be drawn; a reference must not show them.
        count: R.
        apart: frames that lie between a reference and any of ``frames``, at least. In a clip too short
            for that, the frames farthest away serve.
        rng: draws.
        allowed: (K,) frames that may serve, as ``usable`` gives them; None: all.
    """
    every = np.arange(len(openings)) if allowed is None else np.asarray(allowed)
    distance = np.abs(every[:, None] - np.asarray(frames)[None]).min(1)  # (K,)
    free = every[distance >= apart]
    if len(free) < count:
        free = every[np.argsort(-distance, kind="stable")[:count]]
    return np.array([rng.choice(group) for group in _groups(free, np.asarray(openings), count)])


def _groups(frames: np.ndarray, openings: np.ndarray, count: int) -> list[np.ndarray]:
    """``count`` groups of frames with about equally many members, from closed to open, none empty."""
    order = frames[np.argsort(openings[frames], kind="stable")]
    if len(order) < count:
        order = order[np.arange(count) * len(order) // count]
    return np.array_split(order, count)
