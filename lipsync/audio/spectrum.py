"""Spectrum of sound and mel filter bank.

In plain NumPy: librosa's give the same numbers, but bring scipy.signal and scipy.stats along, half a second
of each start.
"""

from __future__ import annotations

import numpy as np

LINEAR = 1000.0  # Hz up to which Slaney's mel scale is linear, 3 mel each 200 Hz
OCTAVE = np.log(6.4) / 27  # logarithm of the frequency for each mel above it


def stft(samples: np.ndarray, size: int, hop: int) -> np.ndarray:
    """(1 + size // 2, 1 + (N - size) // hop) complex128 spectra of (N,) samples.

    Column k is of the ``size`` samples that begin with sample ``k * hop``, in a periodic Hann window.

    Raises:
        ValueError: there are fewer samples than ``size``.
    """
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    windows = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]  # (T, size)
    return np.fft.rfft(windows * window).T


def mel_bank(rate: float, size: int, bands: int, low: float = 0.0, high: float | None = None) -> np.ndarray:
    """(bands, 1 + size // 2) float32 weights of a spectrum's rows: triangles of area 1 on Slaney's mel scale.

    Args:
        rate: Hz, of the samples.
        size: samples of a window of the spectrum.
        low, high: Hz where the first triangle begins and the last one ends; ``rate / 2`` where it is None.
    """
    rows = np.linspace(0, rate / 2, 1 + size // 2)
    first, last = _mel(np.array([low, rate / 2 if high is None else high]))
    corners = _hertz(np.linspace(first, last, bands + 2))  # where a triangle begins, has its top and ends
    width = np.diff(corners)[:, None]
    rising = (rows - corners[:-2, None]) / width[:-1]
    falling = (corners[2:, None] - rows) / width[1:]
    area = (corners[2:] - corners[:-2])[:, None] / 2
    return (np.maximum(0, np.minimum(rising, falling)) / area).astype(np.float32)


def _mel(hertz: np.ndarray) -> np.ndarray:
    above = np.log(np.maximum(hertz, LINEAR) / LINEAR) / OCTAVE
    return 3 * np.minimum(hertz, LINEAR) / 200 + above


def _hertz(mel: np.ndarray) -> np.ndarray:
    corner = 3 * LINEAR / 200
    return np.minimum(mel, corner) * 200 / 3 * np.exp(np.maximum(mel - corner, 0) * OCTAVE)
