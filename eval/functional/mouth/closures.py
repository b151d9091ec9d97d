"""Closures: do the generated lips touch when the reference's do?

The p, b and m of speech: a viewer sees at once when they are missing, and LipCorr hardly does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from eval.functional.aggregate import LEVEL, RESAMPLES
from lipsync.texts import Message

# Lips touch below this inner-lip gap, in inter-ocular distances. On the 15,985 frames of 116 tracks of 63
# training people the gap has two hills, closed lips about 0.006 (the landmarker never says exactly 0) and
# speaking mouths about 0.13; the valley between them lies at 0.028 to 0.036, and pictures from both its sides
# look as it says. 16 % of the frames are below it, people counting alike.
TOUCH = 0.03


@dataclass(frozen=True)
class ClosureCounts:
    """Frames of one clip; those of several clips are added.

    Attributes:
        both: the lips touch in both.
        generated, reference: they touch in this one.
        frames: frames with a face in both.
    """

    both: int = 0
    generated: int = 0
    reference: int = 0
    frames: int = 0

    def __add__(self, other: ClosureCounts) -> ClosureCounts:
        return ClosureCounts(
            self.both + other.both,
            self.generated + other.generated,
            self.reference + other.reference,
            self.frames + other.frames,
        )


@dataclass(frozen=True)
class ClosureScore:
    """Closures over the clips of one method, frames of all clips together.

    Attributes:
        recall: share of the frames with touching reference lips in which the generated ones touch too;
            NaN where the reference's never do.
        precision: share of the frames with touching generated lips in which the reference's do; NaN
            where the generated ones never touch. A mouth that stays closed has ``share``.
        f1: harmonic mean of the two; 0 where the lips of one side alone touch, NaN where neither's do. A
            mouth that stays closed has 2·share / (1 + share).
        share: of all frames, those in which the reference's lips touch.
        frames: frames that entered.
    """

    recall: float
    precision: float
    f1: float
    share: float
    frames: int


def closures_update(generated: np.ndarray, reference: np.ndarray, touch: float = TOUCH) -> ClosureCounts:
    """Counts of one clip.

    Args:
        generated, reference: (T,) mouth opening per frame, paired by time; NaN where no face was found.
        touch: opening below which lips count as touching, in inter-ocular distances.

    Raises:
        ValueError: if the two differ in shape.
    """
    if generated.ndim != 1 or generated.shape != reference.shape:
        raise ValueError(f"generated {generated.shape} and reference {reference.shape} must both be (T,)")
    both = ~np.isnan(generated + reference)
    ours, theirs = generated[both] < touch, reference[both] < touch
    return ClosureCounts(int((ours & theirs).sum()), int(ours.sum()), int(theirs.sum()), int(both.sum()))


def closures_compute(total: ClosureCounts) -> ClosureScore:
    """Score of one method from the added counts of its clips.

    Raises:
        ValueError: if no frame has a face in both.
    """
    if not total.frames:
        raise ValueError(Message("reason.no_face_in_both"))
    return ClosureScore(
        recall=total.both / total.reference if total.reference else float("nan"),
        precision=total.both / total.generated if total.generated else float("nan"),
        f1=2 * total.both / (total.generated + total.reference or np.nan),
        share=total.reference / total.frames,
        frames=total.frames,
    )


def closures_interval(clips: Sequence[ClosureCounts], seed: int = 0) -> tuple[float, float]:
    """Bootstrap interval (95 %, over clips) of the F1 of all clips together; NaN with fewer than 2 clips."""
    if len(clips) < 2:
        return float("nan"), float("nan")
    counts = np.array([(clip.both, clip.generated + clip.reference) for clip in clips], np.float64)
    drawn = np.random.default_rng(seed).multinomial(
        len(clips), np.full(len(clips), 1 / len(clips)), RESAMPLES
    )
    both, touching = (drawn @ counts).T
    f1 = 2 * both[touching > 0] / touching[touching > 0]
    low, high = np.quantile(f1, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def closures(pairs: Iterable[tuple[np.ndarray, np.ndarray]], touch: float = TOUCH) -> ClosureScore:
    """Closures of one method from (generated, reference) mouth openings of all its clips.

    >>> import numpy as np
    >>> score = closures([(np.array([0.0, 0.1, 0.1]), np.array([0.0, 0.0, 0.2]))])
    >>> score.recall, score.precision
    (0.5, 1.0)
    """
    return closures_compute(sum((closures_update(*pair, touch) for pair in pairs), ClosureCounts()))
