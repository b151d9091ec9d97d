"""Lip dynamics (THEval, Quignon et al. 2025, arXiv 2511.04520): do the lips move as much as real ones?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from lipsync.texts import Message

TINY = 1e-9  # lips that keep their shape leave rounding noise
PAIRS = 780  # of the 40 landmarks of the lips


@dataclass(frozen=True)
class ShapeSums:
    """What some frames contribute; those of one video are added.

    Attributes:
        count: frames with a face.
        mean: (780,) mean over them of the distance of every two lip landmarks, inter-ocular distances.
        squares: (780,) sums of the squared deviations from it.
    """

    count: int
    mean: np.ndarray
    squares: np.ndarray

    def __add__(self, other: ShapeSums) -> ShapeSums:
        count = self.count + other.count
        if not count:
            return self
        apart = other.mean - self.mean
        mean = self.mean + apart * (other.count / count)
        squares = self.squares + other.squares + apart**2 * (self.count * other.count / count)
        return ShapeSums(count, mean, squares)

    @property
    def dynamics(self) -> float:
        """Mean over the pairs of the standard deviation over time (divided by count − 1)."""
        return float(np.sqrt(self.squares / (self.count - 1)).mean())


NOTHING = ShapeSums(0, np.zeros(PAIRS), np.zeros(PAIRS))


@dataclass(frozen=True)
class LipDynamicsScore:
    """One video beside its reference.

    Attributes:
        closeness: 1 − |generated − reference| / reference, by which the paper compares a video with a real
            one: 1 is as lively, 0 a mouth that keeps its shape, or one twice as lively; it may be negative.
        generated, reference: mean standard deviation of the shapes, inter-ocular distances.
        frames: with a face in both.
    """

    closeness: float
    generated: float
    reference: float
    frames: int


def lip_dynamics_update(landmarks: np.ndarray) -> ShapeSums:
    """What a batch of one video contributes.

    Args:
        landmarks: (N, 478, 2) pixels; rows of NaN without a face.
    """
    from lipsync.faces.tracking.landmarks import LIPS_INNER, LIPS_OUTER, five_points  # loads OpenCV

    points = landmarks[~np.isnan(landmarks).any((1, 2))].astype(np.float64)
    if not len(points):
        return NOTHING
    five = five_points(points)
    eyes = np.linalg.norm(five[:, 1] - five[:, 0], axis=-1)
    first, second = np.array(list(combinations(sorted((*LIPS_OUTER, *LIPS_INNER)), 2))).T  # (780,) each
    distances = np.linalg.norm(points[:, first] - points[:, second], axis=-1) / eyes[:, None]
    mean = distances.mean(0)
    return ShapeSums(len(points), mean, np.square(distances - mean).sum(0))


def lip_dynamics_compute(generated: ShapeSums, reference: ShapeSums) -> LipDynamicsScore:
    """Score of one video from the added sums of both.

    Raises:
        ValueError: if one has fewer than 2 frames with a face, or the reference's lips do not move.
    """
    if min(generated.count, reference.count) < 2:
        raise ValueError(Message("reason.no_face_in_both"))
    ours, theirs = generated.dynamics, reference.dynamics
    if theirs < TINY:
        raise ValueError(Message("reason.still_mouth"))
    return LipDynamicsScore(1 - abs(ours - theirs) / theirs, ours, theirs, generated.count)


def lip_dynamics(generated: np.ndarray, reference: np.ndarray) -> float:
    """Closeness of the lip dynamics of two (N, 478, 2) tracks of landmarks; 1 is as lively."""
    return lip_dynamics_compute(lip_dynamics_update(generated), lip_dynamics_update(reference)).closeness
