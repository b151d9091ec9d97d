"""Changes that keep the meaning of a training sample: other rooms and voices, other light and framing."""

from __future__ import annotations

import cv2
import numpy as np


def vary_mel(mel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A log-mel spectrogram as another room, microphone or vocal tract would have made it.

    Gain, spectral tilt, vocal-tract length (a warp of the mel axis by up to 8 %) and, half the time, a
    noise floor. MFCC are computed from the result, so both features change together.

    Args:
        mel: (80, T) float32 in -4..4 (``lipsync.audio.mel_spectrogram``).
    """
    bands = np.arange(len(mel))
    warped = np.clip(bands * rng.uniform(0.92, 1.08), 0, len(mel) - 1)
    low = np.floor(warped).astype(int)
    part = (warped - low)[:, None]
    out = mel[low] * (1 - part) + mel[np.minimum(low + 1, len(mel) - 1)] * part
    out = out + rng.uniform(-1.0, 0.6) + np.linspace(-1, 1, len(mel))[:, None] * rng.uniform(-0.5, 0.5)
    if rng.random() < 0.5:
        floor = rng.uniform(-4.0, -1.0) + rng.normal(0, 0.3, out.shape)
        out = np.logaddexp(1.5 * out, 1.5 * floor) / 1.5
    return np.clip(out, -4, 4).astype(np.float32)


def vary_sound(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(N,) float32 speech as another microphone in a noisier room would have recorded it, -1..1.

    A random equaliser (deviations of 6 dB), noise 5 to 25 dB below the speech, between white and pink, and
    another level. Times stay as they are, so lips that belong to it still do.
    """
    spectrum = np.fft.rfft(samples)
    place = np.sqrt(np.linspace(0, 1, len(spectrum)))
    gain = np.interp(place, np.linspace(0, 1, 6), rng.normal(0, 6, 6))  # dB
    varied = _at_level(np.fft.irfft(spectrum * 10 ** (gain / 20), len(samples)), samples)
    noise = np.fft.rfft(rng.normal(size=len(samples)))
    noise /= np.maximum(np.arange(len(noise)), 20) ** rng.uniform(0, 0.7)
    below = 10 ** (-rng.uniform(5, 25) / 20)
    varied = varied + below * _at_level(np.fft.irfft(noise, len(samples)), varied)
    return np.clip(varied * rng.uniform(0.3, 1.2), -1, 1).astype(np.float32)


def _at_level(sound: np.ndarray, other: np.ndarray) -> np.ndarray:
    """A sound as loud as another one."""
    return sound * np.sqrt(np.square(other).mean() / max(np.square(sound).mean(), 1e-12))


def mask_bands(windows: np.ndarray, rng: np.random.Generator, widest: int = 12) -> np.ndarray:
    """Speech windows (B, 1, rows, W) with one random band of rows at 0, half the time (SpecAugment)."""
    if rng.random() < 0.5:
        return windows
    height = int(rng.integers(1, widest))
    first = int(rng.integers(0, windows.shape[2] - height))
    windows = windows.copy()
    windows[:, :, first : first + height] = 0
    return windows


def framing(
    stored: int, size: int, margin: float, rng: np.random.Generator | None
) -> tuple[np.ndarray, bool]:
    """Map from a stored crop to a training crop, and whether it is mirrored.

    Args:
        stored: pixels, side of the stored crop, which shows ``margin`` times the square a network sees.
        size: pixels, side of the training crop.
        rng: None gives exactly the square of use; else scale ±6 %, shift ±3 %, turn ±5 degrees, mirror.
    """
    zoom, shift, turn, mirrored = size * margin / stored, np.zeros(2), 0.0, False
    if rng is not None:
        zoom *= rng.uniform(0.94, 1.06)
        shift = rng.uniform(-0.03, 0.03, 2) * size
        turn = np.radians(rng.uniform(-5, 5))
        mirrored = bool(rng.random() < 0.5)
    linear = zoom * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    if mirrored:
        linear[0] *= -1
    centre = np.full(2, (stored - 1) / 2)
    return np.concatenate([linear, ((size - 1) / 2 + shift - linear @ centre)[:, None]], axis=1), mirrored


def light(rng: np.random.Generator, coloured: bool = True) -> np.ndarray:
    """(256, 3) uint8 look-up table of one random gamma, brightness and, ``coloured``, cast of colour."""
    gamma, gain = rng.uniform(0.75, 1.33), rng.uniform(0.85, 1.15)
    cast = rng.uniform(0.94, 1.06, 3) if coloured else np.ones(3)
    ramp = (np.arange(256) / 255.0)[:, None] ** gamma * gain * cast
    return (np.clip(ramp, 0, 1) * 255).round().astype(np.uint8)


def soften(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(T, H, W, 3) uint8 pictures, three times in ten as from a source of 0.4 to 0.9 times their size."""
    if rng.random() >= 0.3:
        return images
    height, width = images.shape[1:3]
    share = rng.uniform(0.4, 0.9)
    small = max(1, round(width * share)), max(1, round(height * share))
    smaller = (cv2.resize(image, small, interpolation=cv2.INTER_AREA) for image in images)
    return np.stack([cv2.resize(image, (width, height)) for image in smaller])


def cut(images: np.ndarray, matrix: np.ndarray, size: int, table: np.ndarray | None = None) -> np.ndarray:
    """(T, size, size, 3) uint8 of stored crops (T, S, S, 3) under one map and one light."""
    out = np.stack(
        [
            cv2.warpAffine(im, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for im in images
        ]
    )
    if table is not None:
        out = np.stack([table[:, c][out[..., c]] for c in range(3)], -1)
    return out
