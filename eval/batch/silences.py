"""Sounds without a voice: what a mouth must not move for. Made here, the same on every machine."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.scoring.scores import write_bytes

RATE = 16_000
SECONDS = 3.0  # of each kind: enough for a mean and a spread, and cheap to draw
CHORDS = ((261.6, 329.6, 392.0), (220.0, 261.6, 329.6), (174.6, 220.0, 261.6), (196.0, 246.9, 293.7))
BEAT = 0.5  # s


@dataclass(frozen=True)
class Silence:
    """One kind.

    Attributes:
        name: the row.
        level: root mean square, dB of full scale; None: nothing but zeros.
        description: how it is made, for the protocol.
        make: (N,) samples of any level from N and a seeded generator.
    """

    name: str
    level: float | None
    description: str
    make: Callable[[int, np.random.Generator], np.ndarray]

    def samples(self, seconds: float = SECONDS) -> np.ndarray:
        """(N,) float32 at 16 kHz, within ±1; the same at every call."""
        made = self.make(round(seconds * RATE), np.random.default_rng(0))
        if self.level is not None:
            made = made * (10 ** (self.level / 20) / np.sqrt(np.mean(np.square(made))))
        return np.clip(made, -1, 1).astype(np.float32)


def room(count: int, rng: np.random.Generator) -> np.ndarray:
    """(count,) pink noise from 50 Hz on: as much power in each octave, as of air and traffic."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequency = np.fft.rfftfreq(count, 1 / RATE)
    return np.fft.irfft(np.where(frequency < 50, 0, spectrum / np.sqrt(np.maximum(frequency, 50))), count)


def music(count: int, rng: np.random.Generator) -> np.ndarray:
    """(count,) C, Am, F, G at 120 beats a minute: plucked chords, a bass, hiss on each half beat."""
    time = np.arange(count) / RATE
    out = np.zeros(count)
    for start in np.arange(0, count / RATE, BEAT):
        since = time - start
        chord = CHORDS[int(start / BEAT) % len(CHORDS)]
        fade = np.where(since >= 0, np.exp(-4 * np.maximum(since, 0)), 0)
        for tone in (*chord, chord[0] / 2):
            # Harmonics that fall as those of a string; a sine alone would be no music to a speech encoder.
            out += fade * sum(np.sin(2 * np.pi * k * tone * since) / k**1.5 for k in range(1, 7))
        for hit in (since, since - BEAT / 2):
            out += np.where(hit >= 0, np.exp(-60 * np.maximum(hit, 0)), 0) * rng.standard_normal(count)
    return out


SILENCES: tuple[Silence, ...] = (
    Silence("digital silence", None, "zeros", lambda count, rng: np.zeros(count)),
    Silence("room noise", -50.0, "pink noise from 50 Hz", room),  # 25 dB below speech of -25 dBFS
    Silence("music", -23.0, "plucked chords, bass and hiss, no voice", music),  # as loud as speech
)


def write_silences(folder: Path) -> Mapping[str, Path]:
    """A 16-bit WAV file of every kind, by name; written where it is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {kind.name: folder / f"{kind.name}.wav" for kind in SILENCES}
    for kind in SILENCES:
        if not files[kind.name].is_file():
            write_bytes(files[kind.name], _wav(kind.samples()))
    return files


def _wav(samples: np.ndarray) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(samples * 32767).astype("<i2").tobytes())
    return out.getvalue()
