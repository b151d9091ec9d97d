"""Lip correlation: does the generated mouth open when the reference's does?

Needs no network beyond landmarks, so it is the check that stays when SyncNet's weights cannot be
reached. The mouth opening (inner-lip gap / inter-ocular distance) is
`lipsync.faces.tracking.landmarks.mouth_opening`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lipsync.texts import Message

MAX_LAG = 5  # frames each way: 0.2 s at 25 fps
MIN_FRAMES = 5


@dataclass(frozen=True)
class ClipCorrelation:
    """What one clip contributes.

    Attributes:
        by_lag: (2·max_lag + 1) Pearson r for every lag, or None where the clip says nothing: the
            reference's mouth does not move, or fewer than 5 frames have a face in both.
        frames: frames with a face in both, the weight of the clip.
        still: the generated mouth does not move at all; r is then 0, not undefined, because a
            still mouth is the failure this metric looks for.
    """

    by_lag: tuple[float, ...] | None
    frames: int
    still: bool = False


@dataclass(frozen=True)
class LipCorrScore:
    """Lip correlation of one method over its clips.

    Attributes:
        r: mean Pearson r, weighted by frames, at ``lag``; −1..1, higher is better.
        lag: the one shift for all clips with the highest mean r; positive: generated is late (frames).
        r_zero: the mean r without shift.
        by_lag: mean r for every lag, −max_lag..max_lag.
        clips: clips used. With a single clip ``lag`` stays 0: the best shift of one clip is chance.
        unusable: clips that said nothing.
        still: clips used whose generated mouth never moves.
    """

    r: float
    lag: int
    r_zero: float
    by_lag: tuple[float, ...]
    clips: int
    unusable: int
    still: int


def lipcorr_update(generated: np.ndarray, reference: np.ndarray, max_lag: int = MAX_LAG) -> ClipCorrelation:
    """Correlations of one clip.

    Args:
        generated, reference: (T,) mouth opening per frame at 25 fps, paired by time; NaN where no
            face was found.
        max_lag: largest shift in frames, both ways.

    Returns:
        r between generated at t + lag and reference at t, over the frames both have.

    Raises:
        ValueError: if the two differ in shape.
    """
    if generated.ndim != 1 or generated.shape != reference.shape:
        raise ValueError(f"generated {generated.shape} and reference {reference.shape} must both be (T,)")
    frames = int(np.count_nonzero(~np.isnan(generated + reference)))
    by_lag = [_pearson(*_shifted(generated, reference, lag)) for lag in range(-max_lag, max_lag + 1)]
    if any(r is None for r in by_lag):
        return ClipCorrelation(None, frames)
    still = bool(np.nanmax(generated) == np.nanmin(generated))
    return ClipCorrelation(tuple(r for r in by_lag if r is not None), frames, still)


def lipcorr_compute(clips: Iterable[ClipCorrelation]) -> LipCorrScore:
    """Score of one method from all its clips.

    Raises:
        ValueError: if no clip is usable.
    """
    clips = list(clips)
    usable = [clip for clip in clips if clip.by_lag is not None]
    if not usable:
        raise ValueError(Message("reason.no_mouth", clips=len(clips)))
    mean = np.average([clip.by_lag for clip in usable], axis=0, weights=[clip.frames for clip in usable])
    zero = len(mean) // 2
    best = int(mean.argmax()) if len(usable) > 1 else zero
    return LipCorrScore(
        r=float(mean[best]),
        lag=best - zero,
        r_zero=float(mean[zero]),
        by_lag=tuple(float(r) for r in mean),
        clips=len(usable),
        unusable=len(clips) - len(usable),
        still=sum(clip.still for clip in usable),
    )


def lipcorr(pairs: Iterable[tuple[np.ndarray, np.ndarray]], max_lag: int = MAX_LAG) -> LipCorrScore:
    """Lip correlation of one method from (generated, reference) mouth openings of all its clips."""
    return lipcorr_compute(lipcorr_update(generated, reference, max_lag) for generated, reference in pairs)


def _shifted(generated: np.ndarray, reference: np.ndarray, lag: int) -> tuple[np.ndarray, np.ndarray]:
    """Generated at t + lag beside reference at t, where both exist and show a face."""
    count = max(0, len(generated) - abs(lag))
    late, on_time = max(lag, 0), max(-lag, 0)
    x, y = generated[late : late + count], reference[on_time : on_time + count]
    both = ~(np.isnan(x) | np.isnan(y))
    return x[both], y[both]


def _pearson(x: np.ndarray, y: np.ndarray) -> float | None:
    """Pearson r; 0 where only x is constant, None where y is or there are too few values."""
    if len(x) < MIN_FRAMES:
        return None
    x, y = x - x.mean(), y - y.mean()
    length_x, length_y = np.linalg.norm(x), np.linalg.norm(y)
    # A constant series keeps rounding noise after its mean is taken off.
    tiny = 1e-9 * np.sqrt(len(x))
    if length_y <= tiny:
        return None
    return 0.0 if length_x <= tiny else float(np.clip(x @ y / (length_x * length_y), -1, 1))
