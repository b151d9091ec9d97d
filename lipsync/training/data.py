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
from lipsync.errors import ConfigError
from lipsync.faces.landmarks import mouth_shape
from lipsync.media import read_audio, read_frames
from lipsync.training.augment import vary_mel

FPS = 25.0
STORED = 128  # pixels, side of a stored crop
FRAME_BYTES = STORED * STORED * 3 + 478 * 2 * 4 + 80 * 4 * 4  # of a decoded clip: crops, landmarks, sound
MARGIN = 1.25  # a stored crop shows this many times the square a network sees


@dataclass(frozen=True)
class Clip:
    """One unbroken track of one person; everything is decoded on first use and then kept."""

    name: str
    identity: str
    split: str
    folder: Path
    frames: int = 0  # as the manifest says; 0 counts the landmarks

    @cached_property
    def faces(self) -> np.ndarray:
        """(T, 128, 128, 3) uint8 RGB."""
        return np.stack([frame.image for frame in read_frames(self.folder / f"{self.name}.mp4")])[
            : len(self.landmarks)
        ]

    @cached_property
    def landmarks(self) -> np.ndarray:
        """(T, 478, 2) float32 pixels of ``faces``."""
        return np.load(self.folder / f"{self.name}.npy").astype(np.float32)

    @cached_property
    def mel(self) -> np.ndarray:
        """(80, M) float32 mel spectrogram of the clip's sound."""
        return mel_spectrogram(read_audio(self.folder / f"{self.name}.mp4"))

    @cached_property
    def shape(self) -> np.ndarray:
        """(T, 4) mouth shape (``lipsync.faces.landmarks.mouth_shape``)."""
        return mouth_shape(self.landmarks).astype(np.float32)

    def __len__(self) -> int:
        return self.frames or len(self.landmarks)

    def forget(self) -> None:
        """Free what was decoded; it is decoded again when next asked for."""
        for name in ("faces", "landmarks", "mel", "shape"):
            self.__dict__.pop(name, None)

    def speech(
        self, frames: np.ndarray, spec: AudioFeatures, rng: np.random.Generator | None = None
    ) -> np.ndarray:
        """(B, 1, rows, window) speech features of these frames; with ``rng`` of a varied sound.

        Only the stretch of sound around the frames is worked on.
        """
        times = np.asarray(frames) / FPS
        pad = spec.window + 8
        first = min(max(0, int(times.min() * 80) + spec.start - pad), self.mel.shape[1] - 1)
        last = min(self.mel.shape[1], int(times.max() * 80) + spec.start + spec.window + pad)
        mel = self.mel[:, first : max(last, first + 1)]
        if rng is not None:
            mel = vary_mel(mel, rng)
        if spec.kind != "mel":
            cepstral = mfcc(mel, spec.coefficients)
            mel = cepstral if spec.kind == "mfcc" else np.concatenate([mel, cepstral])
        return frame_windows(mel, times - first / 80, spec)


def load_clips(folder: Path, splits: tuple[str, ...] = ("train",)) -> list[Clip]:
    """The clips of these splits, in the manifest's order.

    Raises:
        ConfigError: where the folder is not a prepared one or holds no clip of these splits.
    """
    manifest = Path(folder) / "manifest.csv"
    if not manifest.is_file():
        raise ConfigError(
            f"{folder} is not a prepared folder (no manifest.csv). Run `python -m lipsync prepare` first."
        )
    rows = pd.read_csv(manifest, dtype=str)
    lacking = {"clip", "identity", "split", "frames"} - set(rows)
    if lacking:
        raise ConfigError(f"{manifest} lacks the column {sorted(lacking)[0]}. Prepare the videos again.")
    clips = [
        Clip(r.clip, r.identity, r.split, Path(folder), int(r.frames))
        for r in rows.itertuples()
        if r.split in splits
    ]
    if not clips:
        raise ConfigError(f"{manifest} lists no clip of the split {' or '.join(splits)}.")
    return clips


class Sampler:
    """Draws clips so that no person dominates: a person's share grows with the root of the footage.

    Decoded clips are kept as long as they fit in ``memory`` bytes; beyond that, those drawn longest
    ago are forgotten.
    """

    def __init__(self, clips: list[Clip], at_least: int, memory: float = 8e9):
        self.clips = [clip for clip in clips if len(clip) >= at_least]
        if not self.clips:
            raise ConfigError(f"No training clip has the {at_least} frames that one sample needs.")
        total: dict[str, int] = {}
        for clip in self.clips:
            total[clip.identity] = total.get(clip.identity, 0) + len(clip)
        weight = np.array([len(clip) / total[clip.identity] ** 0.5 for clip in self.clips])
        self.weight = weight / weight.sum()
        self._memory = memory
        self._kept: dict[int, None] = {}  # indices of decoded clips, drawn longest ago first

    def draw(self, count: int, rng: np.random.Generator) -> list[Clip]:
        """``count`` clips; some may come twice."""
        drawn = rng.choice(len(self.clips), count, p=self.weight)
        for index in drawn:
            self._kept.pop(index, None)
            self._kept[index] = None
        total = sum(len(self.clips[index]) for index in self._kept) * FRAME_BYTES
        for index in list(self._kept)[: -len(set(drawn))]:
            if total <= self._memory:
                break
            total -= len(self.clips[index]) * FRAME_BYTES
            self.clips[index].forget()
            del self._kept[index]
        return [self.clips[index] for index in drawn]
