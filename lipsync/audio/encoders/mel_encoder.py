"""Mel spectrograms as speech encoders: that of figure 3's small trainable network, and Whisper's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lipsync.audio.encoders import whisper
from lipsync.audio.encoders.base import vectors
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


class LogMelEncoder:
    """Whisper's log-mel spectrogram: pairs of columns of 80 bands at 50 Hz. Needs no download."""

    name = "log-mel"
    version = "log-mel-80-50"
    dimension = 2 * whisper.N_MELS
    rate = 50.0
    lookahead = (whisper.N_FFT / 2 + whisper.HOP) / RATE

    def encode(self, samples: np.ndarray) -> np.ndarray:
        """See ``SpeechEncoder.encode``; values of about -1..2."""
        count = vectors(samples, self.rate)
        padded = np.pad(samples, (0, 2 * whisper.HOP * count - len(samples))).astype(np.float32)
        return np.ascontiguousarray(whisper.log_mel(padded).T).reshape(count, self.dimension)


def load_mel(
    name: str, weights: Path | None = None, progress: Progress | None = None
) -> MelEncoder | LogMelEncoder:
    """The encoder of a name, ``mel`` or ``log-mel``; it has no weights.

    Raises:
        ConfigError: weights were given.
    """
    if weights is not None:
        raise ConfigError("encoder.mel_no_weights")
    return {kind.name: kind for kind in (MelEncoder, LogMelEncoder)}[name]()
