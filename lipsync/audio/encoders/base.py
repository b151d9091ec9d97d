"""What a network may ask of a speech encoder, whatever model is behind it."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from lipsync.audio.mel import RATE


class SpeechEncoder(Protocol):
    """Speech as a sequence of vectors. Vector ``k`` is centred on second ``k / rate``."""

    name: str  # of ``lipsync.audio.encoders.ENCODERS``
    version: str  # changes when the same samples would give other vectors: weights, settings
    rate: float  # Hz, vectors a second
    lookahead: float  # s of sound before and after its own second that a vector may depend on

    @property
    def dimension(self) -> int:
        """D, length of a vector."""
        ...

    def encode(self, samples: np.ndarray) -> np.ndarray:
        """(L, D) float32 of (N,) float32 mono 16 kHz samples, L = 1 + floor(N * rate / 16000).

        Raises:
            ValueError: if ``samples`` is not one-dimensional or is empty.
        """
        ...


def vectors(samples: np.ndarray, rate: float) -> int:
    """L, how many vectors a sound has at ``rate`` Hz.

    Raises:
        ValueError: if ``samples`` is not one-dimensional or is empty.
    """
    if samples.ndim != 1 or samples.size == 0:
        raise ValueError(f"expected (N,) samples with N > 0, got shape {samples.shape}")
    return 1 + int(samples.size * rate / RATE + 1e-9)
