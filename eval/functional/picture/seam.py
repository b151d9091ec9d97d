"""Seams: whether a result shows an edge on skin where its video shows none.

A drawn mouth is put back into its frame, and where it begins a line, a streak or a box may be seen. Looked at
are patches of skin between landmarks of the *input*, each straightened into a strip: columns run along the
border that a drawn region might have there, rows across it. In every row the change from the row before is
averaged along a stretch of the strip, so that grain and pores fade and an edge remains; the strongest is the
frame's figure, in grey levels per pixel of a crop ``SIDE`` wide. The input has such edges too (a shadow, a
fold, the jaw): so what counts is the ratio of the two. An edge of the input can hide a weaker one elsewhere:
so the strongest edge that the input does not have at the same place is said too.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

SIDE = 160  # pixels of the crop, ``lipsync.faces.tracking.crop``'s square, in which steps are measured
PLACES = ("nose", "cheek", "chin")
STRETCH = 0.25  # of a strip's length, over which a change is averaged along the edge
NARROW = (
    6  # pixels between the sides of a strip; one that is narrower, as a cheek turned away, is not looked at
)
YAWS = (0, 15, 30)  # degrees, centres of the bins of head turn
# Landmarks of the mesh along the two sides of each strip:
NOSE = ((98, 97, 2, 326, 327), (40, 39, 0, 269, 270))  # under the nose, and the upper lip's edge
CHEEKS = (
    ((36, 206, 216, 212, 202), (123, 147, 213, 192, 135)),  # beside nose and mouth, and before the jaw
    ((266, 426, 436, 432, 422), (352, 376, 433, 416, 364)),
)
CHIN = (
    (204, 194, 201, 200, 421, 418, 424),
    (150, 149, 176, 148, 152, 377, 400, 378, 379),
)  # under the lip, jaw
STRIPS = {"nose": (NOSE,), "cheek": CHEEKS, "chin": (CHIN,)}
# Which part of a strip counts, from its first side (0) to its second (1): no nostril and no lip; no outline
# of a cheek; from the middle of the chin to below the jaw.
PARTS = {"nose": (0.25, 0.75), "cheek": (0.0, 0.8), "chin": (0.4, 1.4)}


class SeamScore(NamedTuple):
    """Of one clip, each by place (3,), means over its frames in grey levels; NaN where it was never seen."""

    generated: np.ndarray  # strongest edge of the result
    reference: np.ndarray  # of the input
    added: np.ndarray  # strongest edge of the result beyond what the input has at the same place

    @property
    def ratio(self) -> np.ndarray:
        """(3,) generated / reference: 1 for a result as smooth as its input."""
        return self.generated / self.reference


def seam_update(
    generated: np.ndarray, reference: np.ndarray, landmarks: np.ndarray, drawn: np.ndarray | None = None
) -> np.ndarray:
    """(3, 3) of one frame: strongest edge of the result, of the input, strongest added one, by ``PLACES``.

    In grey levels; NaN where a place is not seen.

    Args:
        generated, reference: (SIDE, SIDE, 3) uint8 RGB crops of the two at one place.
        landmarks: (478, 2) of the reference, pixels of the crop.
        drawn: (478, 2) of the result, where found: an upper lip that was drawn higher is no seam, so what is
            looked at under the nose ends at the higher of the two.

    Raises:
        ValueError: the crops have another size.
    """
    if generated.shape != (SIDE, SIDE, 3) or reference.shape != generated.shape:
        raise ValueError(f"crops must be ({SIDE}, {SIDE}, 3), not {generated.shape} and {reference.shape}")
    greys = [cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY) for crop in (generated, reference)]
    points = landmarks.astype(np.float64)
    if drawn is not None:
        lip = list(NOSE[1])
        points[lip, 1] = np.minimum(points[lip, 1], drawn[lip, 1])
    found = np.full((3, len(PLACES)), np.nan)
    for place, name in enumerate(PLACES):
        figures = []
        for sides in STRIPS[name]:
            inner, outer = (points[list(side)] for side in sides)
            pair = [strip(grey, inner, outer, PARTS[name]) for grey in greys]
            if pair[0] is None or pair[1] is None:
                continue
            figures.append(_strongest(pair[0], pair[1]))
            if name == "cheek":  # its border may run in any direction
                figures.append(_strongest(pair[0].T, pair[1].T))
        if figures:
            found[:, place] = np.max(figures, axis=0)
    return found


def seam_compute(steps: np.ndarray) -> SeamScore:
    """The clip's figures from (N, 3, 3) of its frames."""
    figures = np.full((3, len(PLACES)), np.nan)
    seen = ~np.isnan(steps).any(1)  # (N, 3)
    for place, rows in enumerate(seen.T):
        if rows.any():
            figures[:, place] = steps[rows, :, place].mean(0)
    return SeamScore(*figures)


def head_turn(landmarks: np.ndarray) -> float:
    """Degrees by which a head is turned to a side, 0..90: about where the nose stands between the ears.

    Args:
        landmarks: (478, 2) pixels.
    """
    left, nose, right = landmarks[[234, 1, 454], 0]
    across = (left + right - 2 * nose) / max(right - left, 1e-6)
    return float(np.degrees(np.arcsin(np.clip(abs(across), 0, 1))))


def yaw_bin(degrees: float) -> int:
    """The nearest of ``YAWS``."""
    return min(YAWS, key=lambda yaw: abs(yaw - degrees))


def edges(strip: np.ndarray) -> np.ndarray:
    """(rows - 1, columns) grey levels of the edges along the rows of a (rows, columns) strip."""
    stretch = max(3, round(STRETCH * strip.shape[1]))
    change = np.diff(strip.astype(np.float32), axis=0)
    return np.abs(cv2.blur(change, (stretch, 1), borderType=cv2.BORDER_REFLECT))


def strip(
    grey: np.ndarray, inner: np.ndarray, outer: np.ndarray, part: tuple[float, float]
) -> np.ndarray | None:
    """(rows, columns) float32 of a picture between two lines of points, about one sample per pixel.

    None where the lines are nearer to each other than ``NARROW``.

    Args:
        grey: (H, W).
        inner, outer: (K, 2) and (L, 2) pixels, first and last row before ``part``.
        part: where it begins and ends, in the distance between the lines.
    """
    columns = round(float(np.mean([_length(inner), _length(outer)])))
    lines = [_along(line, max(2, columns)) for line in (inner, outer)]
    width = float(np.linalg.norm(lines[1] - lines[0], axis=1).mean())
    if width < NARROW:
        return None
    share = np.linspace(*part, 1 + max(1, round(width * (part[1] - part[0]))))[:, None, None]
    places = ((1 - share) * lines[0] + share * lines[1]).astype(np.float32)  # (rows, columns, 2)
    x, y = places[..., 0].copy(), places[..., 1].copy()
    return cv2.remap(grey.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _strongest(generated: np.ndarray, reference: np.ndarray) -> tuple[float, float, float]:
    """Strongest edge of two strips, and strongest edge that the first has beyond the second."""
    result, own = edges(generated), edges(reference)
    # A step may lie a pixel off and be the same.
    near = cv2.dilate(own, np.ones((3, 3)))
    return float(result.max()), float(own.max()), float(np.maximum(result - near, 0).max())


def _length(line: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())


def _along(line: np.ndarray, count: int) -> np.ndarray:
    """(count, 2) points evenly along a line of (K, 2)."""
    at = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    wanted = np.linspace(0, at[-1], count)
    return np.stack([np.interp(wanted, at, line[:, axis]) for axis in range(2)], axis=1)
