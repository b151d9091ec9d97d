"""Spread of the opening: does the generated mouth move as much as the reference's?

LipCorr is blind to it: a mouth that opens a tenth as far at the right moments has r 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lipsync.texts import Message


@dataclass(frozen=True)
class OpeningSums:
    """What one clip contributes; those of several clips are added.

    Attributes:
        generated, reference: sums of the squared deviations of the opening from the clip's own mean.
        frames: frames with a face in both.
    """

    generated: float = 0.0
    reference: float = 0.0
    frames: int = 0

    def __add__(self, other: OpeningSums) -> OpeningSums:
        return OpeningSums(
            self.generated + other.generated, self.reference + other.reference, self.frames + other.frames
        )


@dataclass(frozen=True)
class SpreadScore:
    """Spread over the clips of one method.

    Attributes:
        ratio: ``generated`` / ``reference``; 1 is as lively as the real mouth, 0 a still one.
        generated, reference: standard deviation of the opening over time about each clip's own mean,
            pooled over the frames of all clips, in inter-ocular distances.
        frames: frames that entered.
    """

    ratio: float
    generated: float
    reference: float
    frames: int


def spread_update(generated: np.ndarray, reference: np.ndarray) -> OpeningSums:
    """Sums of one clip.

    Args:
        generated, reference: (T,) mouth opening per frame, paired by time; NaN where no face was found.

    Raises:
        ValueError: if the two differ in shape.
    """
    if generated.ndim != 1 or generated.shape != reference.shape:
        raise ValueError(f"generated {generated.shape} and reference {reference.shape} must both be (T,)")
    both = ~np.isnan(generated + reference)
    if not both.any():
        return OpeningSums()
    ours, theirs = (float(np.square(s[both] - s[both].mean()).sum()) for s in (generated, reference))
    return OpeningSums(ours, theirs, int(both.sum()))


def spread_compute(total: OpeningSums) -> SpreadScore:
    """Score of one method from the added sums of its clips.

    Pooled, and not the mean of the clips' own ratios: a clip whose real mouth hardly moves would rule that.

    Raises:
        ValueError: if the reference's mouth never moves, or no frame has a face in both.
    """
    if not total.reference > 0:
        raise ValueError(Message("reason.still_mouth"))
    generated, reference = (float(np.sqrt(s / total.frames)) for s in (total.generated, total.reference))
    return SpreadScore(generated / reference, generated, reference, total.frames)


def spread(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> SpreadScore:
    """Spread of one method from (generated, reference) mouth openings of all its clips.

    >>> import numpy as np
    >>> real = np.array([0.0, 0.2, 0.0, 0.2])
    >>> round(spread([(real / 4, real)]).ratio, 3)
    0.25
    """
    return spread_compute(sum((spread_update(*pair) for pair in pairs), OpeningSums()))
