"""Whisper's log-mel spectrogram itself as a speech encoder: no download, at the rate of Whisper's vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lipsync.audio.encoders.base import vectors
from lipsync.audio.encoders.whisper import HOP, N_FFT, N_MELS, log_mel
from lipsync.audio.mel import RATE
from lipsync.errors import ConfigError
from lipsync.weights.hub import Progress


class LogMelEncoder:
    """Pairs of columns of 80 mel bands, 10 ms apart, at 50 Hz; needs no download and no extra package."""

    name = "log-mel"
    version = "log-mel-80-50"
    dimension = 2 * N_MELS
    rate = 50.0
    lookahead = (N_FFT / 2 + HOP) / RATE

    def encode(self, samples: np.ndarray) -> np.ndarray:
        """See ``SpeechEncoder.encode``; values of about -1..2."""
        count = vectors(samples, self.rate)
        padded = np.pad(samples, (0, 2 * HOP * count - len(samples))).astype(np.float32)
        return np.ascontiguousarray(log_mel(padded).T).reshape(count, self.dimension)


def load_log_mel(name: str, weights: Path | None = None, progress: Progress | None = None) -> LogMelEncoder:
    """The encoder; it has no weights.

    Raises:
        ConfigError: weights were given.
    """
    if weights is not None:
        raise ConfigError("encoder.mel_no_weights")
    return LogMelEncoder()
