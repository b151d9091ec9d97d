"""The audio feature selector: which vectors of a speech encoder belong to a video frame."""

from __future__ import annotations

import numpy as np


def select(
    features: np.ndarray, rate: float, times: np.ndarray, count: int = 11, spacing: int = 1
) -> np.ndarray:
    """The vectors around each video frame: (B, F, D).

    With frame i at the vector a_i this is a_(i-5) ... a_(i+5) for spacing 1 and a_(i-10), a_(i-8) ...
    a_(i+10) for spacing 2 (multi-reference patent, step 3). Beyond the ends of the speech the edge
    vector repeats.

    Args:
        features: (L, D), vector k centred on second k / rate, as a ``SpeechEncoder`` gives them.
        rate: Hz, vectors a second.
        times: (B,) seconds of the video frames in the speech.
        count: F, vectors per frame; odd, so that one of them is the frame's own.
        spacing: vectors from one to the next.

    Raises:
        ValueError: no features, an even count, or a spacing below 1.
    """
    if features.ndim != 2 or not len(features):
        raise ValueError(f"expected (L, D) features with L > 0, got shape {features.shape}")
    if count < 1 or count % 2 == 0 or spacing < 1:
        raise ValueError(f"count must be odd and spacing 1 or more, not {count} and {spacing}")
    centre = np.floor(np.asarray(times, np.float64) * rate + 0.5 + 1e-6).astype(int)  # (B,)
    around = spacing * (np.arange(count) - count // 2)  # (F,)
    return np.ascontiguousarray(features[np.clip(centre[:, None] + around, 0, len(features) - 1)])


def lookahead(rate: float, count: int = 11, spacing: int = 1) -> float:
    """Seconds before and after a frame's time that ``select`` looks, rounding included."""
    return (spacing * (count // 2) + 0.5) / rate
