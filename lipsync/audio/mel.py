"""The mel spectrogram that the Wav2Lip family shares: 80 bands at 80 Hz, values in -4..4."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from lipsync.audio.spectrum import mel_bank, stft

RATE = 16_000  # Hz
N_FFT = 800  # samples: 50 ms
HOP = 200  # samples: 12.5 ms, 80 mel frames a second
N_MELS = 80
F_MIN, F_MAX = 55.0, 7600.0  # Hz
PREEMPHASIS = 0.97
REF_LEVEL_DB = 20.0
MIN_LEVEL_DB = -100.0
MAX_VALUE = 4.0
_BLOCK = 1024  # mel frames worked on at a time, so that an hour of sound does not need an hour's STFT


@lru_cache(maxsize=1)
def _filter_bank() -> np.ndarray:
    return mel_bank(RATE, N_FFT, N_MELS, F_MIN, F_MAX)  # (80, 401)


def mel_spectrogram(samples: np.ndarray) -> np.ndarray:
    """Normalised log-mel spectrogram of speech, as Wav2Lip computes it.

    Pre-emphasis 0.97, STFT (800-point periodic Hann window, hop 200, centred, ``reflect`` padding),
    magnitude, mel filter bank (eq 1 of M-CSAWav2Lip), decibels (eq 2) minus 20 dB, mapped from
    -100..0 dB to -4..4 and clipped.

    Args:
        samples: (N,) float, mono 16 kHz, -1..1.

    Returns:
        (80, 1 + N // 200) float32 in -4..4; column k is centred on second k / 80.

    Raises:
        ValueError: if ``samples`` is not one-dimensional or is empty.
    """
    if samples.ndim != 1 or samples.size == 0:
        raise ValueError(f"expected (N,) samples with N > 0, got shape {samples.shape}")
    columns = 1 + samples.size // HOP
    out = np.empty((N_MELS, columns), np.float32)
    for start in range(0, columns, _BLOCK):
        stop = min(start + _BLOCK, columns)
        block = _emphasised(samples, start * HOP - N_FFT // 2, (stop - 1) * HOP + N_FFT // 2)
        magnitude = np.abs(stft(block, N_FFT, HOP))
        level = 20.0 * np.log10(np.maximum(1e-5, _filter_bank() @ magnitude)) - REF_LEVEL_DB
        scaled = 2 * MAX_VALUE * (level - MIN_LEVEL_DB) / -MIN_LEVEL_DB - MAX_VALUE
        out[:, start:stop] = np.clip(scaled, -MAX_VALUE, MAX_VALUE)[:, : stop - start]
    return out


def _emphasised(samples: np.ndarray, begin: int, end: int) -> np.ndarray:
    """(end - begin,) float64 pre-emphasised samples; before and behind the sound they are mirrored."""
    # A mirror needs more samples than it shows; a shorter sound ends in silence.
    size = max(samples.size, N_FFT // 2 + 1)
    place = np.abs(np.arange(begin, end))
    place = np.where(place < size, place, 2 * (size - 1) - place)

    def at(index: np.ndarray) -> np.ndarray:
        inside = (index >= 0) & (index < samples.size)
        return np.where(inside, samples[np.clip(index, 0, samples.size - 1)], 0).astype(np.float64)

    return at(place) - PREEMPHASIS * at(place - 1)
