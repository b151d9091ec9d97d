"""Degrees of being out of sync in their order: what a sync network must tell apart to be trusted."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

MAX_SHIFT = 30  # frames each way at 25 fps: a sound that is 1 s late is still found
LATE = (0, 2, 5, 25)  # frames: in sync, 0.08 s, 0.2 s, 1 s
FORGIVEN = 50.0  # frames: 2 s; a match that far from its place counts a third


def mean_distances(video: np.ndarray, audio: np.ndarray, max_shift: int = MAX_SHIFT) -> np.ndarray:
    """(2 * max_shift + 1,) mean distance of video windows to the audio windows of each shift.

    Unlike LSE it compares only what is there, without zeros beyond the ends.

    Args:
        video, audio: (T, D) embeddings, one for each frame, T > max_shift.

    Raises:
        ValueError: too few windows.
    """
    if len(video) <= max_shift:
        raise ValueError(f"{len(video)} windows are too few for shifts of {max_shift}")
    found = []
    for shift in range(-max_shift, max_shift + 1):
        first, last = max(0, -shift), min(len(video), len(audio) - shift)
        found.append(np.linalg.norm(video[first:last] - audio[first + shift : last + shift], axis=1).mean())
    return np.array(found)


def sync_strength(distances: np.ndarray, late: int = 0) -> float:
    """How well sound and lips match, less the further from its place the match is; higher is better.

    The largest of (median distance - distance) * exp(-|shift| / 2 s) over all shifts.

    Args:
        distances: of :func:`mean_distances`.
        late: frames by which the sound is taken to be later than it was.
    """
    shifts = np.arange(len(distances)) - len(distances) // 2
    return float(np.max((np.median(distances) - distances) * np.exp(-np.abs(shifts + late) / FORGIVEN)))


def in_order(own: np.ndarray, other: np.ndarray) -> bool:
    """Whether in sync, 0.08 s, 0.2 s and 1 s late and another's sound have falling strengths.

    Recordings are seldom in sync to the frame: lateness counts from the best shift of -1, 0 and 1.

    Args:
        own, other: :func:`mean_distances` to the own sound, and to that of another person.
    """
    middle = len(own) // 2
    exact = 1 - int(own[middle - 1 : middle + 2].argmin())  # frames that the sound is late by
    strengths = [*(sync_strength(own, late + exact) for late in LATE), sync_strength(other)]
    return all(before > after for before, after in pairwise(strengths))
