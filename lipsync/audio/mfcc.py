"""MFCC on the mel spectrogram's own time grid, with first and second differences."""

from __future__ import annotations

from math import factorial

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
    bands, frames = mel.shape
    angle = np.pi / bands * np.arange(coefficients)[:, None] * (np.arange(bands) + 0.5)
    cepstrum = np.sqrt(2 / bands) * np.cos(angle) @ mel.astype(np.float64)  # (K0, T)
    cepstrum[0] /= np.sqrt(2)  # which makes the transform orthonormal
    lifter = 1 + LIFTER / 2 * np.sin(np.pi * np.arange(coefficients) / LIFTER)
    static = cepstrum * lifter[:, None] / np.sqrt(bands)
    # The regression window must fit; a shorter sound repeats its edge.
    short = max(0, DIFFERENCES - frames)
    padded = np.pad(static, ((0, 0), (0, short)), mode="edge")
    changes = [_differences(padded, order)[:, :frames] for order in (1, 2)]
    return np.concatenate([static, *changes]).astype(np.float32)


def _differences(rows: np.ndarray, order: int) -> np.ndarray:
    """(K, T) derivative of the polynomial of that order through ``DIFFERENCES`` frames around each frame.

    At both ends it is that of the first and of the last frames.
    """
    half = DIFFERENCES // 2
    powers = np.vander(np.arange(-half, half + 1), order + 1, increasing=True)  # (DIFFERENCES, order + 1)
    weights = factorial(order) * np.linalg.pinv(powers)[order]
    inside = np.array([np.correlate(row, weights, "valid") for row in rows])
    return np.pad(inside, ((0, 0), (half, half)), mode="edge")
