"""Prepared clips: face crops, landmarks and speech of one person (``python -m lipsync prepare``)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from lipsync.audio.features import AudioFeatures, frame_windows
from lipsync.audio.mel import mel_spectrogram
from lipsync.audio.mfcc import mfcc
from lipsync.data.augmentation import vary_mel
from lipsync.errors import ConfigError
from lipsync.faces.tracking.landmarks import mouth_shape
from lipsync.media import read_audio, read_excerpt, read_frames

FPS = 25.0
STORED = 160  # pixels, side of a stored crop
FRAME_BYTES = STORED * STORED * 3 + 478 * 2 * 4 + 80 * 4 * 4  # of a decoded clip: crops, landmarks, sound
MARGIN = 1.25  # a stored crop shows this many times the square a network sees


@dataclass(frozen=True)
class Clip:
    """One unbroken track of one person.

    ``faces``, ``landmarks``, ``mel`` and ``shape`` are the whole clip, decoded on first use and then held.
    ``pictures``, ``points`` and ``speech`` read only what they are asked for from disk, unless the clip is
    held already or is to be kept.
    """

    name: str
    identity: str
    split: str
    folder: Path
    frames: int = 0  # as in the manifest; 0 counts the landmarks

    @cached_property
    def faces(self) -> np.ndarray:
        """(T, 160, 160, 3) uint8 RGB."""
        return np.stack([frame.image for frame in read_frames(self._picture)])[: len(self.landmarks)]

    @cached_property
    def landmarks(self) -> np.ndarray:
        """(T, 478, 2) float32 pixels of ``faces``."""
        return np.load(self.folder / f"{self.name}.npy").astype(np.float32)

    @cached_property
    def mel(self) -> np.ndarray:
        """(80, M) float32 mel spectrogram of the clip's sound."""
        return np.array(self._mel())

    @cached_property
    def shape(self) -> np.ndarray:
        """(T, 4) mouth shape (``lipsync.faces.tracking.landmarks.mouth_shape``)."""
        return mouth_shape(self.landmarks).astype(np.float32)

    @property
    def _picture(self) -> Path:
        return self.folder / f"{self.name}.mp4"

    def __len__(self) -> int:
        return self.frames or len(self.landmarks)

    def pictures(self, at: np.ndarray) -> np.ndarray:
        """(B, 160, 160, 3) uint8 RGB of frames in a row."""
        if self._held("faces"):
            return self.faces[at]
        return read_excerpt(self._picture, FPS, int(at[0]), len(at))

    def points(self, at: np.ndarray) -> np.ndarray:
        """(B, 478, 2) float32 pixels of ``pictures``."""
        if self._held("landmarks"):
            return self.landmarks[at]
        rows = np.load(self.folder / f"{self.name}.npy", mmap_mode="r")
        return rows[at].astype(np.float32)

    def keep(self) -> None:
        """Decode this clip as a whole from now on, and hold it: there is memory for it."""
        self.__dict__["cached"] = True

    def forget(self) -> None:
        """Free what was decoded; it is decoded again when next asked for."""
        for name in ("faces", "landmarks", "mel", "shape", "cached"):
            self.__dict__.pop(name, None)

    def _held(self, name: str) -> bool:
        return name in self.__dict__ or "cached" in self.__dict__

    def _mel(self) -> np.ndarray:
        """As ``mel``, maybe on disk."""
        ready = mel_file(self._picture)
        if ready.is_file():
            return np.load(ready, mmap_mode="r")
        return mel_spectrogram(read_audio(self._picture))

    def speech(
        self, frames: np.ndarray, spec: AudioFeatures, rng: np.random.Generator | None = None
    ) -> np.ndarray:
        """(B, 1, rows, window) speech features of these frames; with ``rng`` of a varied sound.

        Only the stretch of sound around the frames is worked on.
        """
        whole = self.mel if self._held("mel") else self._mel()
        return speech_windows(whole, np.asarray(frames) / FPS, spec, rng)


def speech_windows(
    mel: np.ndarray, times: np.ndarray, spec: AudioFeatures, rng: np.random.Generator | None = None
) -> np.ndarray:
    """(B, 1, rows, window) speech features at ``times`` (B,), s, of a mel spectrogram (80, M).

    Args:
        rng: varies the sound.
    """
    pad = spec.window + 8
    first = min(max(0, int(times.min() * 80) + spec.start - pad), mel.shape[1] - 1)
    last = min(mel.shape[1], int(times.max() * 80) + spec.start + spec.window + pad)
    part = np.asarray(mel[:, first : max(last, first + 1)], np.float32)
    if rng is not None:
        part = vary_mel(part, rng)
    if spec.kind != "mel":
        cepstral = mfcc(part, spec.coefficients)
        part = cepstral if spec.kind == "mfcc" else np.concatenate([part, cepstral])
    return frame_windows(part, times - first / 80, spec)


def mel_file(picture: Path) -> Path:
    """Where the mel spectrogram of a prepared clip lies, beside its picture."""
    return picture.with_suffix(".mel.npy")


def load_clips(folder: Path, splits: tuple[str, ...] = ("train",)) -> list[Clip]:
    """The clips of these splits, in the manifest's order.

    Raises:
        ConfigError: where the folder is not a prepared one or holds no clip of these splits.
    """
    manifest = Path(folder) / "manifest.csv"
    if not manifest.is_file():
        raise ConfigError("data.not_prepared", folder=folder)
    rows = pd.read_csv(manifest, dtype=str)
    lacking = {"clip", "identity", "split", "frames"} - set(rows)
    if lacking:
        raise ConfigError("data.lacks_column", manifest=manifest, column=sorted(lacking)[0])
    clips = [
        Clip(r.clip, r.identity, r.split, Path(folder), int(r.frames))
        for r in rows.itertuples()
        if r.split in splits
    ]
    if not clips:
        raise ConfigError("data.no_clip", manifest=manifest, splits=" or ".join(splits))
    return clips


class Sampler:
    """Draws clips so that no person dominates: a person's share grows with the root of the footage.

    The first clips drawn are kept as long as they fit in ``memory`` bytes. Of the others only what is
    asked for is read; what of them is decoded as a whole is freed with the next draw.
    """

    def __init__(self, clips: list[Clip], at_least: int, memory: float = 8e9):
        self.clips = [clip for clip in clips if len(clip) >= at_least]
        if not self.clips:
            raise ConfigError("data.too_short", frames=at_least)
        total: dict[str, int] = {}
        for clip in self.clips:
            total[clip.identity] = total.get(clip.identity, 0) + len(clip)
        weight = np.array([len(clip) / total[clip.identity] ** 0.5 for clip in self.clips])
        self.weight = weight / weight.sum()
        self.memory = memory
        self._held_clips: set[int] = set()  # indices
        self._held = 0.0  # bytes of them
        self._passing: list[Clip] = []

    def draw(self, count: int, rng: np.random.Generator) -> list[Clip]:
        """``count`` clips; some may come twice."""
        for clip in self._passing:
            clip.forget()
        drawn = rng.choice(len(self.clips), count, p=self.weight)
        for index in drawn:
            size = len(self.clips[index]) * FRAME_BYTES
            if index not in self._held_clips and self._held + size <= self.memory:
                self._held_clips.add(index)
                self._held += size
                self.clips[index].keep()
        self._passing = [self.clips[index] for index in drawn if index not in self._held_clips]
        return [self.clips[index] for index in drawn]
