"""Stretches of speech around frames of a prepared clip, for the multi-reference network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import Tensor

from lipsync.audio.encoders import SpeechEncoder, load_encoder
from lipsync.media import read_audio
from lipsync.methods.multi_reference.config import LEARNED, HeardSpeech
from lipsync.training.augment import mask_bands
from lipsync.training.data import FPS, Clip


class Hearing:
    """What the speech side of the network is given of a clip: windows, or a pre-trained encoder's features.

    Args:
        spec: what the network hears.
        weights: local folder of the pre-trained encoder's weights; "" fetches them.
    """

    def __init__(self, spec: HeardSpeech, weights: str = ""):
        self.spec = spec
        self.before = spec.count // 2 * spec.spacing  # vectors before the first frame
        self.encoder: SpeechEncoder | None = None
        self._heard: dict[str, np.ndarray] = {}  # (L, D) float16 by clip; an hour is 180 MB
        if spec.encoder != LEARNED:
            self.encoder = load_encoder(spec.encoder, Path(weights) if weights else None, cache=True)

    def stretch(
        self, clip: Clip, first: int, frames: int, rng: np.random.Generator | None = None
    ) -> np.ndarray:
        """What the network's speech encoder is given around ``frames`` frames from ``first`` on.

        Returns:
            (L, rows, window) float32 for figure 3's encoder, with ``rng`` of a varied sound; (L, D) features
            of a pre-trained one. Edges repeat.
        """
        length = int(np.ceil(frames / FPS * self.spec.rate)) + 2 * self.before + 1
        if self.encoder is not None:
            if clip.name not in self._heard:
                features = self.encoder.encode(read_audio(clip.folder / f"{clip.name}.mp4"))
                self._heard[clip.name] = features.astype(np.float16)
            whole = self._heard[clip.name]
            start = int(np.floor(first / FPS * self.spec.rate + 0.5)) - self.before
            kept = np.clip(start + np.arange(length), 0, len(whole) - 1)
            return whole[kept].astype(np.float32)
        at = first + (np.arange(length) - self.before) * FPS / self.spec.rate
        heard = clip.speech(at, self.spec.hears, rng)
        if rng is not None:
            heard = mask_bands(heard, rng, widest=8)
        return heard[:, 0]

    def around(self, clip: Clip, frame: int, rng: np.random.Generator | None = None) -> np.ndarray:
        """(F, ...) as ``stretch``, only what is selected for one frame."""
        return self.stretch(clip, frame, 1, rng)[self.places(1)[0]]

    def places(self, frames: int) -> np.ndarray:
        """(T, F) vectors of each frame in what the speech side makes of a stretch."""
        middle = np.floor(np.arange(frames) / FPS * self.spec.rate + 0.5).astype(int) + self.before
        half = self.spec.count // 2
        return middle[:, None] + self.spec.spacing * np.arange(-half, half + 1)


def gather(features: Tensor, at: Tensor) -> Tensor:
    """(W, T, F, D) vectors of features (W, L, D) at the places (T, F)."""
    return features[:, at.to(features.device)]
