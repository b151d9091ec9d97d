"""Identity drift: how far a face moves away, as the video goes on, from the one it began with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipsync.texts import Message

SPAN = (
    25  # frames whose embeddings are averaged: 1 s, so that no single expression or turn of the head counts
)


@dataclass(frozen=True)
class DriftScore:
    """One video.

    Attributes:
        mean: cosine distance of every second's mean embedding from that of the first second, mean over the
            seconds after it; 0..2, lower is better. A real face that turns its head has some, too.
        last: that of the last second.
        seconds: with a face, the first included.
    """

    mean: float
    last: float
    seconds: int


def identity_drift_update(embeddings: np.ndarray) -> np.ndarray:
    """(S, D) mean of the unit embeddings of every second, NaN for one without a face.

    Args:
        embeddings: (N, D) of consecutive frames at 25 fps, from the begin of a second on, by one encoder (see
            `eval.scoring.face_encoders`); rows of NaN without a face. The last second may be shorter.

    Raises:
        ValueError: if it is not a matrix.
    """
    if embeddings.ndim != 2:
        raise ValueError(f"embeddings must be (N, D), not {embeddings.shape}")
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    means = np.full((-(-len(unit) // SPAN), unit.shape[1]), np.nan)
    for second in range(len(means)):
        rows = unit[second * SPAN : (second + 1) * SPAN]
        rows = rows[~np.isnan(rows).any(1)]
        if len(rows):
            means[second] = rows.mean(0)
    return means


def identity_drift_compute(seconds: np.ndarray) -> DriftScore:
    """Score of one video from (S, D) means of `identity_drift_update`.

    Raises:
        ValueError: if fewer than 2 seconds have a face.
    """
    seen = seconds[~np.isnan(seconds).any(1)]
    if len(seen) < 2:
        raise ValueError(Message("reason.no_second"))
    unit = seen / np.linalg.norm(seen, axis=1, keepdims=True)
    distances = 1 - np.clip(unit[1:] @ unit[0], -1, 1)
    return DriftScore(float(distances.mean()), float(distances[-1]), len(seen))


def identity_drift(embeddings: np.ndarray) -> float:
    """Mean cosine distance of the later seconds from the first, of (N, D) embeddings at 25 fps.

    >>> import numpy as np
    >>> identity_drift(np.repeat([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], 25, axis=0))
    0.5
    """
    return identity_drift_compute(identity_drift_update(embeddings)).mean
