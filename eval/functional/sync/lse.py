"""Lip-sync error: distance and confidence over audio shifts (Chung & Zisserman 2016; Prajwal et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lipsync.texts import Message

MAX_SHIFT = 15  # frames each way: 0.6 s at 25 fps
WINDOW = 5  # video frames in one window
SAMPLES_PER_FRAME = 640  # 16 kHz at 25 fps
# The distance of the reference is torch's, which adds this to each difference.
EPSILON = 1e-6
NEAR = 1  # frames of offset within which a window counts as in sync
# The reference code drops tracks of this many frames or fewer without a word; here they are marked.
SHORT_FRAMES = 100


@dataclass(frozen=True)
class LseScore:
    """Lip sync of one face track.

    Attributes:
        distance: LSE-D, the minimum over shifts of the mean distance; lower is better.
        confidence: LSE-C, the median over shifts minus the minimum; higher is better.
        offset: frames (40 ms each) by which the best audio shift precedes the video; 0 is in sync.
            Positive: the sound that fits a video window lies earlier in the sound track, so the
            video is late. A constant offset of up to 15 frames leaves distance and confidence as
            they are: never read them without it.
        windows: video windows scored.
        full_support: windows for which all shifts met real audio, not padding. Padding has no
            sound and dominates the large shifts of short clips.
        short: whether the reference code would have dropped the track (100 frames or fewer).
    """

    distance: float
    confidence: float
    offset: int
    windows: int
    full_support: int
    short: bool


@dataclass(frozen=True)
class LseTracks:
    """Mean over the face tracks of one video, weighted by their windows; offsets stay apart."""

    distance: float
    confidence: float
    offsets: tuple[int, ...]
    windows: int


def lse_windows(frames: int, samples: int) -> int:
    """Number of windows the protocol scores: min(frames, samples // 640) − 5, at least 0.

    Args:
        frames: video frames at 25 fps.
        samples: audio samples at 16 kHz.
    """
    return max(0, min(frames, samples // SAMPLES_PER_FRAME) - WINDOW)


def lse_update(video: np.ndarray, audio: np.ndarray, max_shift: int = MAX_SHIFT) -> np.ndarray:
    """Distance of every video window to the audio windows around it.

    Args:
        video: (T, D) embeddings of the video windows, one per frame, not normalised.
        audio: (T, D) embeddings of the audio windows at the same frames.
        max_shift: largest shift in frames, both ways.

    Returns:
        (T, 2·max_shift + 1) float64; column k compares video window t with audio window
        t + k − max_shift, which is zeros outside the clip.

    Raises:
        ValueError: if the streams differ in shape or hold no window.
    """
    if video.ndim != 2 or video.shape != audio.shape:
        raise ValueError(f"video {video.shape} and audio {audio.shape} must both be (T, D)")
    if not len(video):
        raise ValueError(Message("reason.no_window"))
    padded = np.pad(audio, ((max_shift, max_shift), (0, 0)))
    columns = []
    for shift in range(2 * max_shift + 1):
        difference = video - padded[shift : shift + len(video)] + EPSILON
        columns.append(np.sqrt(np.einsum("td,td->t", difference, difference, dtype=np.float64)))
    return np.stack(columns, axis=1)


def lse_compute(distances: np.ndarray) -> LseScore:
    """Score of one track from (T, 2·max_shift + 1) distances of `lse_update`."""
    windows, shifts = distances.shape
    max_shift = shifts // 2
    curve = distances.mean(0)
    best = int(curve.argmin())
    return LseScore(
        distance=float(curve[best]),
        confidence=float(np.median(curve) - curve[best]),
        offset=max_shift - best,
        windows=windows,
        full_support=max(0, windows - 2 * max_shift),
        short=windows + WINDOW <= SHORT_FRAMES,
    )


def best_offsets(distances: np.ndarray) -> np.ndarray:
    """(T,) int: the offset that each window by itself finds, frames, with the sign of ``LseScore.offset``.

    Only shifts that lead to real audio are asked: beyond the clip's ends there are but zeros.

    Args:
        distances: (T, 2·max_shift + 1) of `lse_update`.
    """
    windows, shifts = distances.shape
    audio = np.arange(windows)[:, None] + np.arange(shifts) - shifts // 2
    real = (audio >= 0) & (audio < windows)
    return shifts // 2 - np.where(real, distances, np.inf).argmin(1)


def share_in_sync(offsets: np.ndarray, near: int = NEAR) -> float:
    """Share of (T,) windows whose offset is at most ``near`` frames: picture and sound belong there together.

    Raises:
        ValueError: if there is no window.
    """
    if not len(offsets):
        raise ValueError(Message("reason.no_window"))
    return float((np.abs(offsets) <= near).mean())


def lse(video: np.ndarray, audio: np.ndarray, max_shift: int = MAX_SHIFT) -> LseScore:
    """Lip-sync error of one track from (T, D) embeddings of video and audio windows."""
    return lse_compute(lse_update(video, audio, max_shift))


def lse_mean(tracks: Sequence[LseScore]) -> LseTracks:
    """Mean over the face tracks of one video, weighted by their windows.

    Raises:
        ValueError: if there is no track.
    """
    if not tracks:
        raise ValueError(Message("reason.no_track"))
    weights = [track.windows for track in tracks]
    return LseTracks(
        distance=float(np.average([track.distance for track in tracks], weights=weights)),
        confidence=float(np.average([track.confidence for track in tracks], weights=weights)),
        offsets=tuple(track.offset for track in tracks),
        windows=sum(weights),
    )
