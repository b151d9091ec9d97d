"""MFCC as the python_speech_features package defines it: the input of SyncNet.

Not the MFCC of `lipsync.audio.mfcc`, which the generators use: the window, the number of filters,
the scale and the zeroth coefficient differ, and SyncNet's weights fit only this one.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import scipy.fft

RATE = 16_000
WINDOW = 400  # samples: 25 ms, rectangular
STEP = 160  # samples: 10 ms, so 100 frames a second
N_FFT = 512
FILTERS = 26
COEFFICIENTS = 13
LIFTER = 22
PRE_EMPHASIS = 0.97


def psf_mfcc(samples: np.ndarray) -> np.ndarray:
    """(T, 13) float64 MFCC at 100 Hz of mono 16 kHz speech.

    Args:
        samples: (N,) at 16 kHz on the scale of 16-bit integers, −32768..32767, int or float. On any
            other scale the zeroth coefficient, the log energy, comes out wrong.

    Returns:
        T = 1 + ceil((N − 400) / 160) frames, at least one; the last is filled up with zeros.

    Raises:
        ValueError: if there are no samples or more than one channel.
    """
    if samples.ndim != 1 or not len(samples):
        raise ValueError(f"samples must be (N,) with N > 0, not {samples.shape}")
    x = samples.astype(np.float64)
    emphasised = np.concatenate([x[:1], x[1:] - PRE_EMPHASIS * x[:-1]])
    count = 1 + max(0, -(-(len(x) - WINDOW) // STEP))
    padded = np.zeros((count - 1) * STEP + WINDOW)
    padded[: len(x)] = emphasised[: len(padded)]
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::STEP]  # (T, 400)

    power = np.abs(scipy.fft.rfft(frames, N_FFT)) ** 2 / N_FFT  # (T, 257)
    bands = _above_zero(power @ _filters().T)  # (T, 26)
    cepstra = scipy.fft.dct(np.log(bands), type=2, norm="ortho")[:, :COEFFICIENTS]
    cepstra *= 1 + LIFTER / 2 * np.sin(np.pi * np.arange(COEFFICIENTS) / LIFTER)
    cepstra[:, 0] = np.log(_above_zero(power.sum(1)))  # log energy replaces C0
    return cepstra


def syncnet_windows(mfcc: np.ndarray, windows: int) -> np.ndarray:
    """(windows, 1, 13, 20): the 0.2 s of MFCC that begin with each video frame at 25 fps.

    Args:
        mfcc: (T, 13) from `psf_mfcc`.
        windows: how many, at most (T − 20) // 4 + 1.

    Raises:
        ValueError: if the speech is too short for so many.
    """
    if windows < 1 or 4 * (windows - 1) + 20 > len(mfcc):
        raise ValueError(f"{len(mfcc)} MFCC frames do not hold {windows} windows")
    every = np.lib.stride_tricks.sliding_window_view(mfcc, 20, axis=0)  # (T - 19, 13, 20)
    return np.ascontiguousarray(every[: 4 * windows : 4, None])


def _above_zero(energy: np.ndarray) -> np.ndarray:
    """Exact zeros (digital silence) become the smallest step of float64, so that the logarithm exists."""
    return np.where(energy == 0, np.finfo(np.float64).eps, energy)


@cache
def _filters() -> np.ndarray:
    """(26, 257) triangles with edges on whole FFT bins, equally spaced in mel from 0 to 8 kHz."""
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, top, FILTERS + 2) / 2595) - 1)
    edges = np.floor((N_FFT + 1) * hertz / RATE)
    bins = np.arange(N_FFT // 2 + 1)
    left, peak, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    # The lowest filters are one bin wide: where two edges fall together the side has no bin.
    rising = (bins - left) / np.maximum(peak - left, 1) * ((left <= bins) & (bins < peak))
    falling = (right - bins) / np.maximum(right - peak, 1) * ((peak <= bins) & (bins < right))
    filters = rising + falling
    filters.flags.writeable = False
    return filters
