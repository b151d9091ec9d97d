"""Sounds without a voice, made from random numbers: rooms, hum, clicks, breath, music.

What a recording holds besides speech, for the network that detects speech. Nothing is downloaded, and a
seed makes the same sounds again.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lipsync.audio.mel import RATE

SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 3, 5, 7, 10))  # semitones: major, minor, blues
CHORDS = ((0, 2, 4), (0, 2, 4, 6), (0, 4, 7))  # steps of the scale


def noise(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Steady noise of a random colour, from brown to blue, maybe of one band alone or slowly swelling."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    frequency = np.fft.rfftfreq(samples, 1 / RATE)
    spectrum *= np.maximum(frequency, 20.0) ** -rng.uniform(-0.5, 1.2)
    if rng.random() < 0.4:
        low = 60 * 2 ** rng.uniform(0, 6)
        spectrum *= np.exp(-(np.log2(np.maximum(frequency, 1) / low) ** 2) / rng.uniform(0.3, 3))
    sound = np.fft.irfft(spectrum, samples)
    if rng.random() < 0.4:
        sound *= _swell(samples, rng, rng.uniform(0.3, 4), rng.uniform(0.1, 0.9))
    return _normal(sound)


def hum(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Mains or a fan: a low tone with overtones over a little noise."""
    time = np.arange(samples) / RATE
    base = rng.choice([50.0, 60.0, rng.uniform(80, 400)])
    tones = [
        rng.uniform(0, 1) / k * np.sin(2 * np.pi * (k * base * time + rng.random()))
        for k in range(1, int(rng.integers(2, 12)))
    ]
    return _normal(np.sum(tones, 0) + 0.05 * noise(samples, rng))


def clicks(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Keys, knocks and taps: short bursts of a random colour and decay."""
    out = np.zeros(samples)
    for _ in range(rng.poisson(rng.uniform(0.5, 6) * samples / RATE) + 1):
        length = int(rng.uniform(0.003, 0.15) * RATE)
        burst = noise(max(64, length), rng) * np.exp(-np.linspace(0, rng.uniform(3, 9), max(64, length)))
        begin = int(rng.integers(0, samples))
        part = burst[: samples - begin] * rng.uniform(0.2, 1)
        out[begin : begin + len(part)] += part
    return _normal(out)


def breath(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Somebody who breathes: noise of a broad band that swells and dies away."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    frequency = np.fft.rfftfreq(samples, 1 / RATE)
    middle, width = 2 ** rng.uniform(8.5, 11.8), rng.uniform(0.5, 2)
    spectrum *= np.exp(-(np.log2(np.maximum(frequency, 1) / middle) ** 2) / width)
    shape, at = np.zeros(samples), rng.uniform(0, 0.5) * RATE
    while at < samples:
        length = int(rng.uniform(0.25, 1.2) * RATE)
        part = np.sin(np.linspace(0, np.pi, length)) ** rng.uniform(0.7, 2.5) * rng.uniform(0.3, 1)
        end = min(samples, int(at) + length)
        shape[int(at) : end] += part[: end - int(at)]
        at += length + rng.uniform(0.2, 2.0) * RATE
    return _normal(np.fft.irfft(spectrum, samples) * shape)


def music(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Chords, a melody, a bass and drums, some of them, in one key and beat; nobody sings."""
    beat = int(60 / rng.uniform(60, 170) * RATE)
    key, scale = rng.uniform(36, 48), SCALES[rng.integers(len(SCALES))]

    def pitch(step: int, octave: int) -> float:
        turn, degree = divmod(step, len(scale))
        return 440 * 2 ** ((key + scale[degree] + 12 * (turn + octave) - 69) / 12)

    out = np.zeros(samples)
    parts = rng.random(4) < (0.6, 0.6, 0.5, 0.5)  # chords, melody, bass, drums
    parts[rng.integers(3)] = True
    voices = [_voice(rng) for _ in range(3)]
    gains = rng.uniform(0.3, 1, 4)
    roots = rng.integers(0, len(scale), 4)
    chord = CHORDS[rng.integers(len(CHORDS))]
    broken, quick = rng.random() < 0.4, int(rng.choice([1, 2, 4]))
    step = int(rng.integers(0, 10))
    for number, begin in enumerate(range(0, samples, beat)):
        root = int(roots[number // 4 % 4])
        if parts[0] and (broken or number % 2 == 0):
            for place, interval in enumerate(chord):
                late = place * beat // len(chord) if broken else 0
                tone = _tone(pitch(root + interval, 1), (1 if broken else 2) * beat, voices[0], rng)
                _add(out, begin + late, gains[0] * tone / len(chord))
        for eighth in range(quick if parts[1] else 0):
            step = int(np.clip(step + rng.integers(-2, 3), 0, 2 * len(scale)))
            if rng.random() < 0.8:
                tone = _tone(pitch(step, 2), int(rng.uniform(0.6, 1.5) * beat / quick), voices[1], rng)
                _add(out, begin + eighth * beat // quick, gains[1] * tone)
        if parts[2]:
            _add(out, begin, gains[2] * _tone(pitch(root, -1 + int(rng.integers(2))), beat, voices[2], rng))
        if parts[3]:
            _drums(out, begin, beat, number, gains[3], rng)
    return _normal(out)


BACKGROUNDS: tuple[Callable[[int, np.random.Generator], np.ndarray], ...] = (
    noise,
    hum,
    clicks,
    breath,
    music,
)


def silent_sound(seconds: float, rng: np.random.Generator) -> np.ndarray:
    """(N,) float32 mono 16 kHz without speech: one of ``BACKGROUNDS`` at -55 to -9 dB, or digital silence."""
    samples = int(seconds * RATE)
    kind = int(rng.integers(len(BACKGROUNDS) + 1))
    if kind == len(BACKGROUNDS):
        return np.zeros(samples, np.float32)
    sound = BACKGROUNDS[kind](samples, rng) * np.float32(10 ** (rng.uniform(-55, -9) / 20))
    return np.clip(sound, -1, 1)


def _voice(rng: np.random.Generator) -> dict[str, float]:
    """An instrument: how strong its overtones are, how it begins and dies away, how it trembles."""
    return {
        "overtones": float(rng.integers(1, 14)),
        "tilt": rng.uniform(0.5, 2.5),
        "odd": float(rng.random() < 0.25),
        "attack": float(rng.choice([0.003, 0.02, 0.1])),
        "decay": rng.uniform(0.5, 8),
        "tremble": float(rng.choice([0, 0.003, 0.01])),
    }


def _tone(frequency: float, samples: int, voice: dict[str, float], rng: np.random.Generator) -> np.ndarray:
    time = np.arange(samples) / RATE
    phase = frequency * (time + voice["tremble"] / 30 * np.sin(2 * np.pi * 5.5 * time))
    sound = np.zeros(samples)
    for k in range(1, int(voice["overtones"]) + 1):
        if k * frequency < 7600 and not (voice["odd"] and k % 2 == 0):
            sound += k ** -voice["tilt"] * np.sin(2 * np.pi * (k * phase + rng.random()))
    rise = np.minimum(1, time / voice["attack"])
    end = np.minimum(1, (time[-1] - time) / 0.02)
    return sound * rise * end * np.exp(-voice["decay"] * time)


def _drums(
    out: np.ndarray, begin: int, beat: int, number: int, gain: float, rng: np.random.Generator
) -> None:
    time = np.arange(int(0.2 * RATE)) / RATE
    if number % 2 == 0:  # a kick
        _add(
            out,
            begin,
            gain * np.sin(2 * np.pi * (50 * time + 5 * (1 - np.exp(-30 * time)))) * np.exp(-15 * time),
        )
    else:  # a snare
        _add(out, begin, 0.7 * gain * rng.standard_normal(len(time)) * np.exp(-20 * time))
    for half in (0, beat // 2):  # a hi-hat
        hat = np.diff(rng.standard_normal(len(time) + 1)) * np.exp(-60 * time)
        _add(out, begin + half, 0.2 * gain * hat)


def _add(out: np.ndarray, begin: int, sound: np.ndarray) -> None:
    part = sound[: max(0, len(out) - begin)]
    out[begin : begin + len(part)] += part


def _swell(samples: int, rng: np.random.Generator, rate: float, depth: float) -> np.ndarray:
    """A slow random change of loudness, ``rate`` turns a second, down to 1 - ``depth``."""
    turns = max(2, int(samples / RATE * rate) + 2)
    course = np.interp(np.linspace(0, turns - 1, samples), np.arange(turns), rng.random(turns))
    return 1 - depth * course


def _normal(sound: np.ndarray) -> np.ndarray:
    """float32 with a root mean square of 1."""
    return (sound / max(1e-9, float(np.sqrt((sound**2).mean())))).astype(np.float32)
