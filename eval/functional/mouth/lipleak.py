"""LipLeak: does the mouth speak while the sound is silent? (KeySync, Bigata et al. 2025, arXiv 2505.00497)

Theirs is the share of frames in which the mouth is not silent although the driving sound is. What a silent
mouth is depends on the face: here it is one that is open no wider than this person's mouth at rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eval.functional.mouth.closures import TOUCH
from eval.functional.mouth.silence import MIN_FRAMES, QUARTILE
from lipsync.texts import Message

TINY = 1e-9  # a constant opening keeps rounding noise when its mean is taken off


@dataclass(frozen=True)
class LipLeakScore:
    """One clip that was driven by a sound without speech.

    Attributes:
        share: of the frames, those in which the generated mouth is open wider than at rest; 0..1, lower is
            better.
        movement: standard deviation over time of the generated opening as a share of the reference's; NaN
            where that one does not move.
        rest: opening of the reference's mouth at rest, inter-ocular distances.
        frames: of the generated video with a face.
    """

    share: float
    movement: float
    rest: float
    frames: int


def lipleak_update(generated: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The openings of the frames with a face: (T,) of the generated video and (U,) of the reference.

    Args:
        generated: (N,) mouth opening drawn for a silent sound, inter-ocular distances; NaN without a face.
        reference: (M,) opening of the same person's real mouth in their own video, which may speak.

    Raises:
        ValueError: if an array is not one-dimensional.
    """
    if generated.ndim != 1 or reference.ndim != 1:
        raise ValueError(f"openings must be (N,), not {generated.shape} and {reference.shape}")
    return generated[~np.isnan(generated)], reference[~np.isnan(reference)]


def lipleak_compute(generated: np.ndarray, reference: np.ndarray) -> LipLeakScore:
    """Score of one clip from what `lipleak_update` gave.

    The rest is the lower quartile of the reference's opening, as in `eval.functional.mouth.silence`; wider by
    more than ``TOUCH`` counts as open.

    Raises:
        ValueError: with fewer than 5 frames on a side.
    """
    if min(len(generated), len(reference)) < MIN_FRAMES:
        raise ValueError(Message("reason.no_face_in_both"))
    rest = float(np.quantile(reference, QUARTILE))
    moved = float(reference.std())
    return LipLeakScore(
        share=float((generated > rest + TOUCH).mean()),
        movement=float(generated.std()) / moved if moved > TINY else float("nan"),
        rest=rest,
        frames=len(generated),
    )


def lipleak(generated: np.ndarray, reference: np.ndarray) -> float:
    """Share of the (N,) generated openings that are wider than the (M,) reference's at rest.

    >>> import numpy as np
    >>> talk = np.array([0.0, 0.2, 0.0, 0.2, 0.1, 0.2, 0.0, 0.1])
    >>> lipleak(np.zeros(8), talk), lipleak(talk, talk)
    (0.0, 0.625)
    """
    return lipleak_compute(*lipleak_update(generated, reference)).share
