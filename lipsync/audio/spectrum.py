"""Short-time spectra and mel filter banks, equal to librosa's, whose import takes a second."""

from __future__ import annotations

import numpy as np

LINEAR = 200 / 3  # Hz a mel below ``BEND``, as Slaney's Auditory Toolbox has it; above it is logarithmic
BEND = 1000.0  # Hz
OCTAVE = np.log(6.4) / 27  # of the logarithm of the frequency, a mel above ``BEND``


def stft(samples: np.ndarray, n_fft: int, hop: int) -> np.ndarray:
    """(n_fft // 2 + 1, T) spectra in a periodic Hann window; the first begins with the first sample.

    Args:
        samples: (N,) float32 or float64, N >= n_fft. The spectra are complex64 or complex128.
        n_fft: samples of a window.
        hop: samples from one window to the next.
    """
    window = 0.5 + 0.5 * np.cos(np.linspace(-np.pi, np.pi, n_fft + 1)[:-1])
    frames = np.lib.stride_tricks.sliding_window_view(samples, n_fft)[::hop]  # (T, n_fft)
    return np.fft.rfft(frames * window).T.astype(np.result_type(samples, np.complex64))


def mel_filters(rate: int, n_fft: int, bands: int, low: float = 0.0, high: float | None = None) -> np.ndarray:
    """(bands, n_fft // 2 + 1) float32 triangles of area 1, equally spaced on Slaney's mel scale.

    Args:
        rate: Hz, of the samples.
        n_fft: samples of a window.
        bands: how many triangles.
        low, high: Hz, where the first begins and the last ends; None is half of ``rate``.
    """
    begin, end = _mel(np.array([low, rate / 2 if high is None else high]))
    edges = _hertz(np.linspace(begin, end, bands + 2))
    widths = np.diff(edges)[:, None]
    from_edges = edges[:, None] - np.fft.rfftfreq(n_fft, 1 / rate)  # (bands + 2, n_fft // 2 + 1)
    rising, falling = -from_edges[:-2] / widths[:-1], from_edges[2:] / widths[1:]
    triangles = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    return (triangles * (2 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)


def _mel(hertz: np.ndarray) -> np.ndarray:
    above = BEND / LINEAR + np.log(np.maximum(hertz, BEND) / BEND) / OCTAVE
    return np.where(hertz >= BEND, above, hertz / LINEAR)


def _hertz(mel: np.ndarray) -> np.ndarray:
    bend = BEND / LINEAR
    return np.where(mel >= bend, BEND * np.exp(OCTAVE * (mel - bend)), mel * LINEAR)
