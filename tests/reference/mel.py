"""Mel spectrogram and MFCC a second time, in plain numpy loops, written from the definitions.

Shares no code with the product and uses neither librosa nor scipy.
"""

import numpy as np

RATE, N_FFT, HOP, BANDS = 16_000, 800, 200, 80


def hertz_to_mel(f: np.ndarray) -> np.ndarray:
    """Slaney's scale: linear to 1 kHz (200/3 Hz a mel), then 27 steps for a factor of 6.4."""
    f = np.asarray(f, np.float64)
    return np.where(f < 1000, f * 3 / 200, 15 + 27 * np.log(np.maximum(f, 1) / 1000) / np.log(6.4))


def mel_to_hertz(m: np.ndarray) -> np.ndarray:
    m = np.asarray(m, np.float64)
    return np.where(m < 15, m * 200 / 3, 1000 * np.exp((m - 15) * np.log(6.4) / 27))


def filter_bank() -> np.ndarray:
    """(80, 401) triangles of equal area between 55 and 7600 Hz."""
    edges = mel_to_hertz(np.linspace(hertz_to_mel(55), hertz_to_mel(7600), BANDS + 2))
    bins = np.arange(N_FFT // 2 + 1) * RATE / N_FFT
    bank = np.zeros((BANDS, len(bins)))
    for band in range(BANDS):
        low, middle, high = edges[band : band + 3]
        rise, fall = (bins - low) / (middle - low), (high - bins) / (high - middle)
        bank[band] = np.maximum(0, np.minimum(rise, fall)) * 2 / (high - low)
    return bank


def mel(samples: np.ndarray, padding: str = "reflect") -> np.ndarray:
    """(80, 1 + N // 200) in -4..4 of (N,) samples at 16 kHz, N > 400."""
    x = np.asarray(samples, np.float64)
    x = np.concatenate([x[:1], x[1:] - 0.97 * x[:-1]])
    half = N_FFT // 2
    left, right = (x[half:0:-1], x[-2 : -half - 2 : -1]) if padding == "reflect" else (np.zeros(half),) * 2
    x = np.concatenate([left, x, right])
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)
    bank, columns = filter_bank(), []
    for start in range(0, len(x) - N_FFT + 1, HOP):
        power = np.abs(np.fft.rfft(x[start : start + N_FFT] * hann))
        decibels = 20 * np.log10(np.maximum(1e-5, bank @ power)) - 20
        columns.append(np.clip(8 * (decibels + 100) / 100 - 4, -4, 4))
    return np.stack(columns, axis=1)


def cepstrum(log_mel: np.ndarray, coefficients: int = 13) -> np.ndarray:
    """(coefficients, T): orthonormal DCT-II by its sum, sine lifter of 22, over sqrt(bands)."""
    bands = len(log_mel)
    out = np.zeros((coefficients, log_mel.shape[1]))
    for k in range(coefficients):
        basis = np.cos(np.pi * k * (np.arange(bands) + 0.5) / bands)
        scale = np.sqrt((1 if k == 0 else 2) / bands)
        out[k] = scale * basis @ log_mel * (1 + 11 * np.sin(np.pi * k / 22)) / np.sqrt(bands)
    return out


def slope(series: np.ndarray) -> np.ndarray:
    """(C, T) regression slope over nine frames; right only for frames 4..T-5."""
    out = np.zeros_like(series)
    for t in range(4, series.shape[1] - 4):
        out[:, t] = sum(n * (series[:, t + n] - series[:, t - n]) for n in range(1, 5)) / 60
    return out
