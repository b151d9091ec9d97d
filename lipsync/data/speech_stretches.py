"""Stretches of speech around frames of a prepared clip, for the multi-reference network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lipsync.audio.encoders import SpeechEncoder, load_encoder
from lipsync.audio.speech_input import LEARNED, SpeechInput
from lipsync.data.augmentation import mask_bands
from lipsync.data.clips import FPS, Clip
from lipsync.media import read_audio

VARIED = 2  # augmented versions of each clip's sound that a frozen encoder encodes besides the original


class SpeechStretches:
    """What the speech side of the network is given of a clip: windows, or a pre-trained encoder's features.

    Args:
        spec: the input of the network.
        weights: local folder of the pre-trained encoder's weights; "" fetches them.
    """

    def __init__(self, spec: SpeechInput, weights: str = ""):
        self.spec = spec
        # Vectors before the first frame; the outermost only lend their context to the others.
        self.before = spec.count // 2 * spec.spacing + spec.context
        self.encoder: SpeechEncoder | None = None
        self.frozen: Callable[[Tensor], Tensor] | None = None
        self._encoded: dict[str, list[np.ndarray]] = {}  # (L, D) float16 by clip; an hour is 180 MB
        if spec.encoder != LEARNED:
            self.encoder = load_encoder(spec.encoder, Path(weights) if weights else None, cache=True)

    def freeze(self, encode: Callable[[Tensor], Tensor]) -> None:
        """From now on stretches hold the output of ``encode`` for a clip, which is encoded only once.

        Args:
            encode: (L, rows, window) windows to (L, D) vectors, of an encoder that is no longer trained.
        """
        self.frozen = encode

    def stretch(
        self, clip: Clip, first: int, frames: int, rng: np.random.Generator | None = None
    ) -> np.ndarray:
        """What the network's speech encoder is given around ``frames`` frames from ``first`` on.

        Returns:
            (L, rows, window) float32 for figure 3's encoder, with ``rng`` of a varied sound; (L, D) features
            of a pre-trained or frozen one. Edges repeat.
        """
        length = int(np.ceil(frames / FPS * self.spec.rate)) + 2 * self.before + 1
        if self.encoder is not None or self.frozen is not None:
            known = self._whole(clip)
            whole = known[0 if rng is None else int(rng.integers(len(known)))]
            start = int(np.floor(first / FPS * self.spec.rate + 0.5)) - self.before
            inside = np.clip(start + np.arange(length), 0, len(whole) - 1)
            return whole[inside].astype(np.float32)
        at = first + (np.arange(length) - self.before) * FPS / self.spec.rate
        speech = clip.speech(at, self.spec.features, rng)
        if rng is not None:
            speech = mask_bands(speech, rng, widest=8)
        return speech[:, 0]

    def _whole(self, clip: Clip) -> list[np.ndarray]:
        """(L, D) features of the whole clip; of a frozen encoder also those of varied soundings."""
        if clip.name in self._encoded:
            return self._encoded[clip.name]
        if self.encoder is not None:
            found = [self.encoder.encode(read_audio(clip.folder / f"{clip.name}.mp4"))]
        else:
            assert self.frozen is not None
            rng = np.random.default_rng(len(self._encoded))
            at = np.arange(int(len(clip) / FPS * self.spec.rate)) * FPS / self.spec.rate
            windows = [clip.speech(at, self.spec.features, rng if k else None) for k in range(1 + VARIED)]
            windows = [w if k == 0 else mask_bands(w, rng, widest=8) for k, w in enumerate(windows)]
            found = [self.frozen(torch.from_numpy(w[:, 0])).numpy() for w in windows]
        self._encoded[clip.name] = [features.astype(np.float16) for features in found]
        return self._encoded[clip.name]

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
