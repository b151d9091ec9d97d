"""Silence: do the lips rest, and stay still, while nobody speaks?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lipsync.texts import Message

QUARTILE = 0.25  # of the real openings: the mean in silence is to be no wider
STILL = 0.2  # of the spread with speech: the spread in silence is to be no larger
MIN_FRAMES = 5


@dataclass(frozen=True)
class SilentClip:
    """What one clip contributes; openings and spreads in inter-ocular distances.

    Attributes:
        opening, spread: mean and standard deviation over time of the opening drawn for silence.
        quartile: lower quartile of the real mouth's opening in the whole clip: how it rests.
        speech: standard deviation of the opening that the same method draws with the clip's own speech.
        frames: frames of silence with a face.
    """

    opening: float
    spread: float
    quartile: float
    speech: float
    frames: int

    @property
    def closed(self) -> bool:
        """Whether the mouth is no wider than the real one at rest."""
        return self.opening <= self.quartile

    @property
    def still(self) -> bool:
        """Whether it moves at most a fifth as much as with speech."""
        return self.spread <= STILL * self.speech


@dataclass(frozen=True)
class SilenceScore:
    """One method and one kind of silence; means over the clips, which count alike.

    Attributes:
        opening, spread, quartile, speech: means of those of the clips.
        opening_ratio: ``opening`` / ``quartile``; at most 1 is wanted. Ratio of means: a single person
            whose lips touch for a quarter of the time would otherwise rule it. NaN by nothing.
        spread_ratio: ``spread`` / ``speech``; at most 0.2 is wanted.
        closed, still: clips that meet each by themselves.
        clips: clips used.
    """

    opening: float
    spread: float
    quartile: float
    speech: float
    opening_ratio: float
    spread_ratio: float
    closed: int
    still: int
    clips: int


def silence_update(silent: np.ndarray, real: np.ndarray, speaking: np.ndarray) -> SilentClip | None:
    """What one clip says; None where one of the three has fewer than 5 frames with a face.

    Args:
        silent: (T,) opening of the mouth drawn for silence; NaN where no face was found.
        real: (U,) opening of the real mouth in the whole clip.
        speaking: (V,) opening that the same method draws with the clip's own speech.
    """
    silent, real, speaking = (side[~np.isnan(side)] for side in (silent, real, speaking))
    if min(map(len, (silent, real, speaking))) < MIN_FRAMES:
        return None
    return SilentClip(
        opening=float(silent.mean()),
        spread=float(silent.std()),
        quartile=float(np.quantile(real, QUARTILE)),
        speech=float(speaking.std()),
        frames=len(silent),
    )


def silence_compute(clips: Iterable[SilentClip | None]) -> SilenceScore:
    """Score of one method and one kind of silence from all its clips.

    Raises:
        ValueError: if no clip is usable.
    """
    used = [clip for clip in clips if clip is not None]
    if not used:
        raise ValueError(Message("reason.no_face_in_silence"))
    opening, spread, quartile, speech = np.mean(
        [(clip.opening, clip.spread, clip.quartile, clip.speech) for clip in used], axis=0
    ).tolist()
    return SilenceScore(
        opening=opening,
        spread=spread,
        quartile=quartile,
        speech=speech,
        opening_ratio=opening / quartile if quartile else float("nan"),
        spread_ratio=spread / speech if speech else float("nan"),
        closed=sum(clip.closed for clip in used),
        still=sum(clip.still for clip in used),
        clips=len(used),
    )


def silence(clips: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> SilenceScore:
    """Silence of one method from (silent, real, speaking) mouth openings of all its clips.

    >>> import numpy as np
    >>> talk = np.array([0.1, 0.3, 0.1, 0.3, 0.1])
    >>> score = silence([(np.full(5, 0.05), talk, talk)])
    >>> score.opening_ratio, score.spread_ratio, score.closed
    (0.5, 0.0, 1)
    """
    return silence_compute(silence_update(*clip) for clip in clips)
