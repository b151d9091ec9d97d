"""MFCC on the mel spectrogram's own time grid, with first and second differences."""

from __future__ import annotations

import librosa
import numpy as np
import scipy.fft

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
    cepstrum = scipy.fft.dct(mel.astype(np.float64), type=2, axis=0, norm="ortho")[:coefficients]
    lifter = 1 + LIFTER / 2 * np.sin(np.pi * np.arange(coefficients) / LIFTER)
    static = cepstrum * lifter[:, None] / np.sqrt(bands)
    # The regression window must fit; a shorter sound repeats its edge.
    short = max(0, DIFFERENCES - frames)
    padded = np.pad(static, ((0, 0), (0, short)), mode="edge")
    delta = librosa.feature.delta(padded, width=DIFFERENCES, order=1)[:, :frames]
    delta2 = librosa.feature.delta(padded, width=DIFFERENCES, order=2)[:, :frames]
    return np.concatenate([static, delta, delta2]).astype(np.float32)
