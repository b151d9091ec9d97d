"""MFCC on the mel spectrogram's own time grid, with first and second differences."""

from __future__ import annotations

import numpy as np

LIFTER = 22
DIFFERENCES = 9  # frames over which differences are taken


def mfcc(mel: np.ndarray, coefficients: int = 13) -> np.ndarray:
    """Cepstral coefficients, their first and their second differences.

    M-CSAWav2Lip eq 3. The printed transform lacks the half-sample shift of the DCT-II; this is the
    standard orthonormal DCT-II. The log-mel values are already scaled to -4..4 (an affine map of the
    decibels), so the cepstrum is that of the paper up to one factor and an offset of C0. A sine lifter
    (22, as in HTK) and a division by sqrt(bands) bring all rows to the range of the mel values, which
    a network whose batch norm acts on channels, not rows, needs. Differences are the usual
    regression over 9 frames.

    Args:
        mel: (bands, T) float32 as ``mel_spectrogram`` returns it.
        coefficients: K0, how many cepstral coefficients are kept (C0 first).

    Returns:
        (3 * coefficients, T) float32: coefficients, delta, delta-delta.
    """
    import scipy.fft

    bands, frames = mel.shape
    cepstrum = scipy.fft.dct(mel.astype(np.float64), type=2, axis=0, norm="ortho")[:coefficients]
    lifter = 1 + LIFTER / 2 * np.sin(np.pi * np.arange(coefficients) / LIFTER)
    static = cepstrum * lifter[:, None] / np.sqrt(bands)
    # The regression window must fit; a shorter sound repeats its edge.
    short = max(0, DIFFERENCES - frames)
    padded = np.pad(static, ((0, 0), (0, short)), mode="edge")
    slopes, bends = (rows[:, :frames] for rows in _differences(padded))
    return np.concatenate([static, slopes, bends]).astype(np.float32)


def _differences(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(K, T) first and second derivatives of the parabola through 9 frames around each; 0 in silence.

    The edges have those of the outermost 9 frames.
    """
    around = np.lib.stride_tricks.sliding_window_view(rows, DIFFERENCES, axis=1)  # (K, T - 8, 9)
    half = DIFFERENCES // 2
    middle, before, after = around[..., half], around[..., :half][..., ::-1], around[..., half + 1 :]
    k = np.arange(1, half + 1)
    mean = 2 * (k**2).sum() / DIFFERENCES  # of k² over all frames, k = 0 among them
    slopes = (after - before) @ k / (2 * (k**2).sum())
    bends = 2 * (after + before - 2 * middle[..., None]) @ (k**2 - mean)
    bends /= 2 * ((k**2 - mean) ** 2).sum() + mean**2
    edge = ((0, 0), (half, half))
    return np.pad(slopes, edge, mode="edge"), np.pad(bends, edge, mode="edge")
