"""What LSE needs from a video: lips and speech embedded by a sync network, window by window, as a stream."""

from __future__ import annotations

import tempfile
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from eval.functional.sync.lse import (
    MAX_SHIFT,
    SAMPLES_PER_FRAME,
    WINDOW,
    LseScore,
    best_offsets,
    lse_compute,
    lse_update,
)
from eval.scoring.protocol import Variant
from eval.scoring.sync_networks import SyncNetwork
from lipsync.faces.tracking.crop import Pose
from lipsync.faces.tracking.track import Tracked
from lipsync.media import Frame, read_audio_blocks

MIN_TRACK = 25  # frames: 1 s; the reference code wants more than 100, which is flagged as ``short``
BATCH = 128  # windows embedded at once
RATE = 16_000


@dataclass(frozen=True)
class SyncTrack:
    """LSE of one unbroken face track.

    Attributes:
        start, frames: its place in the video, frames at 25 fps.
        score: its LSE-D, LSE-C and offset.
        curve: (31,) mean distance for every audio shift; index 15 is no shift.
        distances: (windows,) distance of each window at the track's best shift.
        offsets: (windows,) the offset that each window by itself finds.
    """

    start: int
    frames: int
    score: LseScore
    curve: np.ndarray
    distances: np.ndarray
    offsets: np.ndarray


def read_speech(path: str | Path) -> np.ndarray:
    """(N,) int16 mono 16 kHz sound of a file, kept on disk: an hour does not fill the memory.

    Raises:
        MediaError: no sound, or not a readable file.
    """
    with tempfile.TemporaryFile() as file:
        for block in read_audio_blocks(path, RATE):
            file.write(np.clip(np.round(block * 32768), -32768, 32767).astype(np.int16).tobytes())
        file.flush()
        # The mapping keeps the file alive after its name is gone.
        return np.memmap(file, np.int16, mode="r") if file.tell() else np.zeros(0, np.int16)


class SyncStream:
    """Feeds the frames of one video to a sync network, track by track; memory does not grow with its length.

    Args:
        sync_network: embeds lips and speech.
        speech: (N,) int16 from `read_speech`, beginning with the first frame.
        variant: ``track`` cuts the mouth region out of the face track; ``lrs`` squeezes the whole
            frame, as for data that is cut already, and takes the video for one track.
    """

    def __init__(self, sync_network: SyncNetwork, speech: np.ndarray, variant: Variant = "track"):
        self._sync_network, self._speech, self._variant = sync_network, speech, variant
        self._open: _OpenTrack | None = None
        self.tracks: list[SyncTrack] = []
        self.short = 0  # frames in tracks under 25 frames

    def see(self, item: Tracked) -> None:
        """Take the next frame."""
        whole = self._variant == "lrs"
        if not whole and (item.pose is None or item.new):
            self._end()
        if item.pose is None and not whole:
            return
        if self._open is None:
            self._open = _OpenTrack(
                self._sync_network, self._speech[item.frame.index * SAMPLES_PER_FRAME :], item.frame.index
            )
        self._open.push(item.frame, None if whole else item.pose)

    def finish(self) -> list[SyncTrack]:
        """The scores of all tracks with at least one window."""
        self._end()
        return self.tracks

    def _end(self) -> None:
        track, self._open = self._open, None
        if track is None:
            return
        if track.frames < MIN_TRACK:
            self.short += track.frames
            return
        distances = track.finish()
        if len(distances):
            score, curve = lse_compute(distances), distances.mean(0)
            best = MAX_SHIFT - score.offset
            offsets = best_offsets(distances)
            self.tracks.append(
                SyncTrack(track.start, track.frames, score, curve, distances[:, best], offsets)
            )


@dataclass
class _OpenTrack:
    """One track while it lasts. Windows are scored 15 behind the newest, when all their shifts are there."""

    sync_network: SyncNetwork
    speech: np.ndarray
    start: int
    frames: int = 0
    _waiting: deque[tuple[Frame, Pose | None]] = field(default_factory=deque)
    _past: deque[Pose | None] = field(default_factory=deque)
    _crops: list[np.ndarray] = field(default_factory=list)
    _before: int = 0  # crops held that come before the next window
    _video: list[np.ndarray] = field(default_factory=list)  # embeddings still needed
    _audio: list[np.ndarray] = field(default_factory=list)
    _first: int = 0  # window of the first embedding kept
    _embedded: int = 0
    _scored: int = 0
    _rows: list[np.ndarray] = field(default_factory=list)

    def push(self, frame: Frame, pose: Pose | None) -> None:
        self.frames += 1
        self._waiting.append((frame, pose))
        if len(self._waiting) > self.sync_network.smoothing // 2:
            self._cut()

    def finish(self) -> np.ndarray:
        """(windows, 31) distances; windows = min(frames, samples // 640) - 5."""
        while self._waiting:
            self._cut()
        self._embed(len(self._crops) - self._before - WINDOW + 1)
        windows = min(self.frames - WINDOW, self._limit())
        keep = max(0, windows - self._first)
        del self._video[keep:], self._audio[keep:]
        self._score(windows)
        return np.concatenate(self._rows) if self._rows else np.zeros((0, 2 * MAX_SHIFT + 1))

    def _limit(self) -> int:
        return max(0, len(self.speech) // SAMPLES_PER_FRAME - WINDOW)

    def _cut(self) -> None:
        """Cut the oldest waiting frame, its place steadied by what surrounds it."""
        frame, pose = self._waiting[0]
        around = [p for p in (*self._past, *(p for _, p in self._waiting)) if p is not None]
        self._crops.append(self.sync_network.cut(frame.image, pose, around))
        self._past.append(self._waiting.popleft()[1])
        while len(self._past) > self.sync_network.smoothing // 2:
            self._past.popleft()
        if len(self._crops) == self._before + BATCH + WINDOW - 1 + self.sync_network.margin:
            self._embed(BATCH)

    def _embed(self, windows: int) -> None:
        """Embed the next windows, with what the network needs of the frames before and behind them."""
        count, margin = min(windows, self._limit() - self._embedded), self.sync_network.margin
        if count > 0:
            crops = np.stack(self._crops[: self._before + count + WINDOW - 1 + margin])
            self._video.extend(self.sync_network.embed_video(crops)[self._before : self._before + count])
            self._audio.extend(self.sync_network.embed_audio(self.speech, self._embedded, count))
            self._embedded += count
        self._before += windows
        done = max(0, self._before - margin)
        del self._crops[:done]
        self._before -= done
        # The last window embedded may still fall away: there is one fewer than the frames allow.
        self._score(self._embedded - 1 - MAX_SHIFT)

    def _score(self, end: int) -> None:
        """Distances of the windows up to ``end``; the embeddings behind them are let go."""
        if end <= self._scored:
            return
        rows = lse_update(np.stack(self._video), np.stack(self._audio))
        self._rows.append(rows[self._scored - self._first : end - self._first])
        self._scored = end
        drop = max(0, end - MAX_SHIFT - self._first)
        del self._video[:drop], self._audio[:drop]
        self._first += drop


def mean_curve(tracks: list[SyncTrack]) -> np.ndarray:
    """(31,) distance for every shift, the mean over tracks weighted by their windows."""
    return np.average([track.curve for track in tracks], axis=0, weights=[t.score.windows for t in tracks])


def per_frame(tracks: list[SyncTrack], frames: int) -> np.ndarray:
    """(frames,) distance of the window whose middle a frame is, NaN elsewhere."""
    column = np.full(frames, np.nan)
    for track in tracks:
        first = track.start + WINDOW // 2
        column[first : first + len(track.distances)] = track.distances[: max(0, frames - first)]
    return column
