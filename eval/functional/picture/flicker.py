"""Flicker inside the mouth: change from frame to frame that motion does not explain, against the clip's own.

Both neighbours of a frame are brought onto it by optical flow and averaged. What moves at a steady pace, and
light that changes slowly, is then explained; grain, boiling textures and jumps of brightness are not. The
flow-warping error of video consistency (Lai et al. 2018, arXiv 1808.00449) compares two frames; a third tells
a change that goes on from one that comes and goes. As texture and grain of the source leave an error too, the
figure is the generated video's by the reference's.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lipsync.texts import Message

LEAST_PIXELS = 16  # of lips in a picture


@dataclass(frozen=True)
class FlickerScore:
    """One video.

    Attributes:
        ratio: ``generated`` / ``reference``; 1 is as steady as the reference, more flickers, less is smooth.
        generated, reference: mean over frames, in grey levels, of the median over the pixels of the lips.
        frames: that have lips and two neighbours in both videos.
    """

    ratio: float
    generated: float
    reference: float
    frames: int


def flicker_update(pictures: np.ndarray, lips: np.ndarray) -> np.ndarray:
    """Unexplained change of the middle one of every three frames.

    Args:
        pictures: (N, H, W, 3) uint8 RGB, consecutive frames of the region around the mouth.
        lips: (N, P, 2) pixels, a polygon around the lips of every frame, on the outside; NaN without a face.

    Returns:
        (N,) grey levels; NaN for the first and the last frame, and where lips are not seen in one of three.

    Raises:
        ValueError: if the shapes do not fit.
    """
    if pictures.ndim != 4 or lips.ndim != 3 or len(pictures) != len(lips):
        raise ValueError(
            f"pictures {pictures.shape} and lips {lips.shape} must be (N, H, W, 3) and (N, P, 2)"
        )
    greys = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in pictures]
    seen = ~np.isnan(lips).any((1, 2))
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    found = np.full(len(greys), np.nan)
    for t in range(1, len(greys) - 1):
        if seen[t - 1 : t + 2].all():
            mask = np.zeros_like(greys[t])
            cv2.fillConvexPoly(mask, cv2.convexHull(np.round(lips[t]).astype(np.int32)), 1)
            if mask.sum() >= LEAST_PIXELS:
                sides = [_brought(greys[near], greys[t], flow) for near in (t - 1, t + 1)]
                left = np.abs(greys[t] - (sides[0] + sides[1]) / 2)
                found[t] = np.median(left[mask > 0])
    return found


def flicker_compute(generated: np.ndarray, reference: np.ndarray) -> FlickerScore:
    """Score of one video from (T,) values of `flicker_update` of both.

    Raises:
        ValueError: if no frame has a value in both, or the reference does not change at all.
    """
    both = ~np.isnan(generated + reference)
    if not both.any():
        raise ValueError(Message("reason.no_face_in_both"))
    ours, theirs = float(generated[both].mean()), float(reference[both].mean())
    if not theirs:
        raise ValueError(Message("reason.still_picture"))
    return FlickerScore(ours / theirs, ours, theirs, int(both.sum()))


def flicker(
    generated: np.ndarray, reference: np.ndarray, lips: np.ndarray, reference_lips: np.ndarray
) -> float:
    """Flicker of (N, H, W, 3) pictures of a mouth by that of its reference, inside (N, P, 2) lips of each."""
    ours, theirs = flicker_update(generated, lips), flicker_update(reference, reference_lips)
    return flicker_compute(ours, theirs).ratio


def _brought(near: np.ndarray, onto: np.ndarray, flow: cv2.DISOpticalFlow) -> np.ndarray:
    """(H, W) float32: a neighbour's picture moved onto a frame."""
    height, width = onto.shape
    motion = flow.calc(onto, near, None)  # type: ignore[call-overload]  # of no motion to start from
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return cv2.remap(
        near.astype(np.float32), x + motion[..., 0], y + motion[..., 1], cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
