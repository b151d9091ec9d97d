"""The mel spectrogram as a speech encoder: the input of the small trainable network of figure 3."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lipsync.audio.features import MEL_RATE
from lipsync.audio.mel import N_FFT, N_MELS, RATE, mel_spectrogram
from lipsync.errors import ConfigError
from lipsync.weights.hub import Progress


class MelEncoder:
    """80 mel bands at 80 Hz as vectors; needs no download and no extra package."""

    name = "mel"
    version = "mel-80-80"
    dimension = N_MELS
    rate = MEL_RATE
    lookahead = (N_FFT / 2 + 1) / RATE  # half an STFT window, and the sample before it for the pre-emphasis

    def encode(self, samples: np.ndarray) -> np.ndarray:
        """See ``SpeechEncoder.encode``; values in -4..4."""
        return np.ascontiguousarray(mel_spectrogram(samples).T)  # (L, 80)


def load_mel(name: str, weights: Path | None = None, progress: Progress | None = None) -> MelEncoder:
    """The encoder; it has no weights.

    Raises:
        ConfigError: weights were given.
    """
    if weights is not None:
        raise ConfigError("encoder.mel_no_weights")
    return MelEncoder()
