"""Trains the network of speech activity: speech that a teacher labelled, among all that is no speech.

Clips of people who speak hold few pauses and hardly any music, so both are made: pauses are cut in, emptied
or filled with a background (:mod:`lipsync.data.backgrounds`), and a share of the windows holds no speech.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipsync.audio.activity import (
    COLUMN_RATE,
    LIVE_PAUSE,
    ActivityConfig,
    SpeechActivity,
    speech_probability,
    stretches,
)
from lipsync.audio.mel import RATE, mel_spectrogram
from lipsync.data.backgrounds import BACKGROUNDS
from lipsync.data.clips import FPS, Clip, Sampler
from lipsync.experts.training.silero import Silero
from lipsync.media import read_audio
from lipsync.training.loop import Stage, Update
from lipsync.training.schedules import one_cycle

COLUMN = int(RATE / COLUMN_RATE)  # samples
FADE = 80  # samples of a cut: 5 ms
DEV_BACKGROUNDS = 30  # of each kind, at most
NEAR = 0.3  # s between an end that was found and the teacher's, up to which they are the same


@dataclass(frozen=True)
class ActivityTraining:
    model: ActivityConfig = field(default_factory=ActivityConfig)
    windows: int = 16  # per batch
    seconds: float = 4.0  # of a window
    speech_share: float = 0.6  # of the windows; the others hold no speech
    backgrounds: int = 200  # of each kind, made once
    background_seconds: float = 8.0  # of each
    speeds: tuple[float, float] = (0.6, 1.6)  # at which backgrounds are played: other pitch and beat
    background_share: float = 0.65  # of the windows with speech that have a background
    music_share: float = 0.45  # of all backgrounds: the hardest kind
    loudness: tuple[float, float] = (-40.0, 0.0)  # dBFS of the largest sample of a window
    learning_rate: float = 3e-3  # highest, one cycle
    weight_decay: float = 1e-2


@dataclass(frozen=True)
class LabelledSpeech:
    """A clip's sound and when somebody speaks in it."""

    samples: np.ndarray  # (N,) float32
    active: np.ndarray  # (1 + N / COLUMN,) bool, labels of the teacher


class ActivityStage(Stage):
    """Raises:
    ArtefactError: the teacher is unavailable.
    ConfigError: onnxruntime is not installed, or no clip lasts a second.
    """

    settings = ActivityTraining

    def __init__(
        self, config: ActivityTraining, train: list[Clip], dev: list[Clip], teacher: Silero | None = None
    ):
        self.config = config
        teacher = teacher or Silero()
        self.sampler: Sampler = Sampler(train, round(FPS), memory=0)  # their pictures are never looked at
        self.recordings = {clip.name: _recording(clip, teacher) for clip in self.sampler.clips}
        self.dev = [_recording(clip, teacher) for clip in dev]
        self.backgrounds, self.dev_backgrounds = self._made(1), self._made(2, DEV_BACKGROUNDS)
        self.net = SpeechActivity(config.model)
        self.modules: dict[str, nn.Module] = {"activity": self.net}
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "activity": torch.optim.AdamW(
                self.net.parameters(), config.learning_rate, weight_decay=config.weight_decay
            )
        }

    def _made(self, seed: int, most: int | None = None) -> dict[str, list[np.ndarray]]:
        """Backgrounds by kind. Those of different seeds have nothing in common."""
        rng = np.random.default_rng(seed)
        length, count = int(self.config.background_seconds * RATE), self.config.backgrounds
        count = count if most is None else min(most, count)
        return {make.__name__: [make(length, rng) for _ in range(count)] for make in BACKGROUNDS}

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        config, length = self.config, int(self.config.seconds * RATE)
        mels, labels = [], []
        clips = iter(self.sampler.draw(config.windows, rng))
        for clip in clips:
            if rng.random() < config.speech_share:
                samples, active = window(self.recordings[clip.name], length, rng)
                if rng.random() < config.background_share:
                    samples = samples + self._background(samples, rng)
            else:
                samples, active = self._without_speech(length, rng), np.zeros(1 + length // COLUMN, bool)
            mels.append(mel_spectrogram(leveled(samples, config.loudness, rng)))
            labels.append(active)
        return {
            "mel": torch.from_numpy(np.stack(mels)),  # (W, 80, M)
            "active": torch.from_numpy(np.stack(labels)),  # (W, K)
        }

    def _drawn(self, length: int, rng: np.random.Generator) -> np.ndarray:
        """(length,) of a random background."""
        kinds = [kind for kind in self.backgrounds if kind != "music"]
        kind = "music" if rng.random() < self.config.music_share else str(rng.choice(kinds))
        whole = self.backgrounds[kind][rng.integers(self.config.backgrounds)]
        longest = min(self.config.speeds[1], (len(whole) - 1) / length)
        speed = rng.uniform(min(self.config.speeds[0], longest), longest)
        first = rng.uniform(0, len(whole) - 1 - speed * (length - 1))
        at = first + speed * np.arange(length)
        return np.interp(at, np.arange(len(whole)), whole).astype(np.float32)

    def _background(self, speech: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A background as loud as speech (N,) has it: 3 to 45 dB below."""
        loud = float(np.sqrt((speech**2).mean())) * 10 ** (-rng.uniform(3, 45) / 20)
        return loud * self._drawn(len(speech), rng)

    def _without_speech(self, length: int, rng: np.random.Generator) -> np.ndarray:
        """(length,) of nothing, or of one or two backgrounds that may begin or end within it."""
        if rng.random() < 0.1:
            return np.zeros(length, np.float32)
        samples = self._drawn(length, rng)
        if rng.random() < 0.4:
            samples = samples + 10 ** (rng.uniform(-25, 0) / 20) * self._drawn(length, rng)
        if rng.random() < 0.3:
            begin, end = np.sort(rng.integers(0, length, 2))
            samples = _faded(samples, _within(length, begin, end))
        return samples

    def learning_rate_factor(self, progress: float) -> float:
        return one_cycle(progress)

    def step(self, batch: dict[str, Tensor], update: Update, progress: float) -> dict[str, float]:
        with update.autocast():
            logits = self.net(batch["mel"]).float()
        loss = F.binary_cross_entropy_with_logits(logits, batch["active"].float())
        update(loss, self.net, self.optimizers["activity"])
        return {"loss": loss.item(), "accuracy": ((logits > 0) == batch["active"]).float().mean().item()}

    def check(self, folder: Path, step: int) -> dict[str, float]:
        """Agreement with the teacher on people kept out, when it finds begins and ends, and false alarms."""
        net = self.net.to("cpu")
        found = [speech_probability(recording.samples, net) for recording in self.dev]
        figures: dict[str, float] = {}
        if self.dev:
            pairs = list(zip(found, self.dev, strict=True))
            right = np.concatenate([(p > 0.5) == recording.active for p, recording in pairs])
            figures["dev_accuracy"] = float(right.mean())
            truth = [stretches(recording.active, LIVE_PAUSE) for recording in self.dev]
            for name, column in (("begin", 0), ("end", 1)):
                late = delays([stretches(p, LIVE_PAUSE) for p in found], truth, column)
                figures[f"dev_{name}_late"] = float(np.median(late)) if len(late) else float("nan")
                figures[f"dev_{name}_spread"] = float(np.std(late)) if len(late) else float("nan")
        for kind, sounds in self.dev_backgrounds.items():
            quiet = [0.1 * sound / np.abs(sound).max() for sound in sounds]
            figures[f"alarms_{kind}"] = float(
                np.mean([(speech_probability(x, net) > 0.5).mean() for x in quiet])
            )
        return figures

    def export(self, folder: Path) -> None:
        self.net.save_pretrained(folder / "speech-activity")


def _recording(clip: Clip, teacher: Silero) -> LabelledSpeech:
    samples = read_audio(clip.folder / f"{clip.name}.mp4")
    return LabelledSpeech(samples, teacher.label(samples, COLUMN_RATE))


def window(recording: LabelledSpeech, length: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(length,) samples of a recording, often with a new pause, and (1 + length / COLUMN,) labels.

    Half the time nothing is left of the pauses: synthetic and edited speech is like that.
    """
    columns = length // COLUMN
    room = len(recording.samples) // COLUMN - columns
    first = int(rng.integers(0, room + 1)) if room > 0 else 0
    samples = recording.samples[first * COLUMN : first * COLUMN + length]
    samples = np.pad(samples, (0, length - len(samples)))
    active = recording.active[first : first + columns + 1]
    active = np.pad(active, (0, columns + 1 - len(active)))
    if rng.random() < 0.5:
        samples = _faded(samples, np.repeat(active, COLUMN)[:length])
    choice = rng.random()
    if choice < 0.5:  # a pause of 0.25 s to 2 s, where there is one already if there is
        pause = min(int(rng.uniform(0.25, 2.0) * COLUMN_RATE), columns // 2)
        silent = np.flatnonzero(~active[:-pause])
        at = int(rng.integers(columns - pause))
        if len(silent) and rng.random() < 0.7:
            at = int(rng.choice(silent))
        samples = np.insert(samples, at * COLUMN, np.zeros(pause * COLUMN, samples.dtype))[:length]
        active = np.insert(active, at, np.zeros(pause, bool))[: columns + 1]
        samples = _faded(samples, ~_within(length, at * COLUMN, (at + pause) * COLUMN))
    elif choice < 0.75:  # it begins late, or ends early
        cut = int(rng.integers(columns))
        unfaded = np.arange(columns + 1) >= cut if rng.random() < 0.5 else np.arange(columns + 1) < cut
        samples, active = _faded(samples, np.repeat(unfaded, COLUMN)[:length]), active & unfaded
    return samples.astype(np.float32), active


def leveled(samples: np.ndarray, loudness: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """Samples (N,) with their largest at a random dBFS, half the time rounded to 16 bits."""
    top = float(np.abs(samples).max())
    out = samples * (10 ** (rng.uniform(*loudness) / 20) / top) if top > 0 else samples
    return np.round(out * 32767) / 32767 if rng.random() < 0.5 else out


def delays(found: list[np.ndarray], truth: list[np.ndarray], column: int) -> np.ndarray:
    """Seconds by which begins (column 0) or ends (1) of stretches were found late, of those found at all."""
    late = []
    for ours, theirs in zip(found, truth, strict=True):
        for edge in theirs[:, column]:
            if len(ours):
                by = ours[np.abs(ours[:, column] - edge).argmin(), column] - edge
                if abs(by) <= NEAR:
                    late.append(by)
    return np.array(late)


def _within(length: int, begin: int, end: int) -> np.ndarray:
    """(length,) bool, True from ``begin`` to ``end``."""
    at = np.arange(length)
    return (at >= begin) & (at < end)


def _faded(samples: np.ndarray, unfaded: np.ndarray) -> np.ndarray:
    """Samples (N,) where ``unfaded`` (N,), silence elsewhere, without a click at the cuts."""
    gate = np.convolve(
        np.pad(unfaded.astype(np.float32), FADE // 2, "edge"), np.full(FADE + 1, 1 / (FADE + 1)), "valid"
    )
    return samples * gate[: len(samples)]
