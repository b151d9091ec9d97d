"""Stretches of speech features around frames of a prepared clip, for the multi-reference network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import Tensor

from lipsync.audio.encoders import Cached, load_encoder
from lipsync.audio.features import MEL_RATE, AudioFeatures
from lipsync.methods.multi_reference.config import LEARNED, HeardSpeech
from lipsync.methods.multi_reference.speech import REACH
from lipsync.training.augment import mask_bands
from lipsync.training.data import FPS, Clip


class Hearing:
    """What the speech side of the network is given of a clip: mel, or a pre-trained encoder's features.

    Args:
        spec: what the network hears.
        weights: local folder of the pre-trained encoder's weights; "" fetches them.
    """

    def __init__(self, spec: HeardSpeech, weights: str = ""):
        self.spec = spec
        # Vectors before the first frame and after the last: those selected, and those they depend on.
        self.before = int(np.ceil(spec.reach * spec.rate)) + (
            REACH // 2 + 1 if spec.encoder == LEARNED else 1
        )
        self.encoder: Cached | None = None
        self._heard: dict[str, np.ndarray] = {}  # (L, D) float16 by clip; an hour is 180 MB
        if spec.encoder != LEARNED:
            encoder = load_encoder(spec.encoder, Path(weights) if weights else None, cache=True)
            assert isinstance(encoder, Cached)
            self.encoder = encoder

    def stretch(
        self, clip: Clip, first: int, frames: int, rng: np.random.Generator | None = None
    ) -> np.ndarray:
        """(L, D) float32 around ``frames`` frames from ``first`` on; edges repeat; with ``rng`` varied."""
        length = int(np.ceil(frames / FPS * self.spec.rate)) + 2 * self.before + 1
        if self.encoder is not None:
            if clip.name not in self._heard:
                features = self.encoder.encode_file(clip.folder / f"{clip.name}.mp4")
                self._heard[clip.name] = features.astype(np.float16)
            whole = self._heard[clip.name]
            start = int(np.floor(first / FPS * self.spec.rate + 0.5)) - self.before
            at = np.clip(start + np.arange(length), 0, len(whole) - 1)
            return whole[at].astype(np.float32)
        step = round(MEL_RATE / self.spec.rate)  # mel columns to a vector
        columns = AudioFeatures("mel", window=step * length, start=-step * self.before)
        mel = clip.speech(np.array([first]), columns, rng)
        if rng is not None:
            mel = mask_bands(mel, rng, widest=8)
        return mel[0, 0].T  # (step * length, 80)

    def places(self, frames: int) -> np.ndarray:
        """(T, F) vectors of each frame in what the speech side makes of a stretch."""
        middle = np.floor(np.arange(frames) / FPS * self.spec.rate + 0.5).astype(int) + self.before
        half = self.spec.count // 2
        return middle[:, None] + self.spec.spacing * np.arange(-half, half + 1)


def gather(features: Tensor, at: Tensor) -> Tensor:
    """(W, T, F, D) vectors of features (W, L, D) at the places (T, F)."""
    return features[:, at.to(features.device)]
