"""What a sync network finds in a clip whose sound is known to be in sync, and with another person's sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from eval.functional.sync.lse import MAX_SHIFT, lse, lse_windows
from eval.functional.sync.sync_rank import MAX_SHIFT as FARTHEST
from eval.functional.sync.sync_rank import in_order, mean_distances
from eval.scoring.expert import TOLERANCE, Check
from eval.scoring.protocol import FPS
from eval.scoring.sync import read_speech
from eval.scoring.sync_networks import SyncNetwork
from lipsync.errors import MediaError
from lipsync.faces.tracking.track import FaceTracker, Tracked
from lipsync.media import read_frames

FEWEST = FARTHEST + 15  # frames: every shift compares 15 windows and more


def check_clip(sync_network: SyncNetwork, clip: Path, other: Path, landmarker: Path) -> Check:
    """Measure one clip.

    Args:
        clip: one person throughout, in sync.
        other: a clip with another person's sound.
        landmarker: file of the face landmarker.

    Raises:
        MediaError: a file cannot be read, no face lasts long enough, or a sound is too short.
    """
    lips = _lips(sync_network, clip, landmarker)
    own, swapped = (_speech(sync_network, path, len(lips)) for path in (clip, other))
    count = min(len(own), len(swapped))
    if count < FEWEST:
        raise MediaError("expert.too_short", video=clip.name, frames=FEWEST)
    lips, own, swapped = lips[:count], own[:count], swapped[:count]
    score, other_score = lse(lips, own), lse(lips, swapped)
    closest = _closest(lips, own)
    return Check(
        score.offset, score.distance, other_score.offset, other_score.distance,
        windows=len(closest),
        windows_found=int((np.abs(closest) <= TOLERANCE).sum()),
        ranked=in_order(mean_distances(lips, own), mean_distances(lips, swapped)),
    )  # fmt: skip


def _lips(sync_network: SyncNetwork, clip: Path, landmarker: Path) -> np.ndarray:
    """(T, D) of the windows of the first face track."""
    tracker, crops, poses = FaceTracker(landmarker, FPS), [], []
    half = sync_network.smoothing // 2
    try:
        tracked: list[Tracked] = []
        for item in tracker.track(read_frames(clip, fps=FPS)):
            if item.pose is None or (item.new and tracked):
                break
            tracked.append(item)
            poses.append(item.pose)
    finally:
        tracker.close()
    for index, item in enumerate(tracked):
        around = poses[max(0, index - half) : index + half + 1]
        crops.append(sync_network.cut(item.frame.image, item.pose, around))
    if len(crops) < FEWEST:
        raise MediaError("expert.too_short", video=clip.name, frames=FEWEST)
    return sync_network.embed_video(np.stack(crops))


def _speech(sync_network: SyncNetwork, clip: Path, windows: int) -> np.ndarray:
    """(T, D) of as many windows as the sound has, at most ``windows``."""
    speech = read_speech(clip)
    count = min(windows, lse_windows(windows + 4, len(speech)))
    return sync_network.embed_audio(speech, 0, count) if count else np.zeros((0, 1), np.float32)


def _closest(lips: np.ndarray, speech: np.ndarray) -> np.ndarray:
    """(N,) frames from each window to its closest sound, where all shifts can be compared."""
    inside = range(MAX_SHIFT, len(lips) - MAX_SHIFT)
    rows = [np.linalg.norm(speech[t - MAX_SHIFT : t + MAX_SHIFT + 1] - lips[t], axis=1) for t in inside]
    return np.array([int(row.argmin()) - MAX_SHIFT for row in rows], int)
