"""Teaches the speech encoder what mouths do, before it sees a face.

With little footage the speech side is what a generator overfits. Here the generator's own speech
encoder predicts the mouth shape (gap, height, width, chin) of a stretch of speech, measured by its
correlation over time, so that differences between people's mouths do not matter. The generator
then starts from these weights. A teacher (``train teacher``) predicts mouth shapes for any other speech; with
it the encoder learns from recordings to which there is no face.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import librosa
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lipsync.audio.mel import RATE, mel_spectrogram
from lipsync.data.augmentation import mask_bands
from lipsync.data.backgrounds import silent_sound
from lipsync.data.clips import FPS, Clip, Sampler, speech_windows
from lipsync.data.movement import closed_movement, load_movement_head, movement
from lipsync.errors import ConfigError
from lipsync.experts.training.mouth_teacher import Teacher
from lipsync.media import read_audio
from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.methods.wav2lip.model import Generator
from lipsync.training.loop import Stage, Update
from lipsync.training.losses import correlation, mean_correlation
from lipsync.training.pretrained_speech import load_speech
from lipsync.training.schedules import one_cycle

SOUNDS = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a")


@dataclass(frozen=True)
class SpeechConfig:
    model: Wav2LipConfig = field(default_factory=Wav2LipConfig)
    stretches: int = 12  # per batch
    frames: int = 60  # per stretch: 2.4 s, long enough for a correlation
    learning_rate: float = 2e-3  # highest, one cycle
    weight_decay: float = 1e-2
    dropout: float = 0.3
    weights: tuple[float, ...] = (1.0, 0.6, 0.4, 0.4)  # of MOUTH_SHAPE in the loss
    every: int = 1  # of so many frames of a stretch one is encoded: neighbours sound nearly the same
    teacher: str = ""  # teacher.safetensors; its prediction is a second target besides the real mouth
    teacher_weight: float = 1.0
    encoder_weights: str = ""  # local folder of the teacher's encoder; "" fetches them
    taught: str = ""  # folder of any speech, for which the teacher alone gives the mouth shapes
    taught_stretches: int = 12  # per batch
    speeds: tuple[float, ...] = (1.0,)  # recordings are played at these in turn: at another, another voice
    start: str = ""  # speech.safetensors to start from
    # L1 on each stretch's mean and standard deviation of the movement, in inter-ocular distances: with it the
    # head predicts movements and not only their course, and is saved with the encoder.
    size_weight: float = 0.0
    silent_stretches: int = 0  # per batch, of sound without speech, to which lips are closed
    silent_weight: float = 10.0  # L1 on the movement there


class SpeechStage(Stage):
    settings = SpeechConfig

    def __init__(self, config: SpeechConfig, train: list[Clip], dev: list[Clip]):
        self.config, self.dev = config, dev
        self.sampler: Sampler = Sampler(train, config.frames)
        if config.taught and not config.teacher:
            raise ConfigError("train.no_speech_teacher")
        self.teacher_shapes: dict[str, np.ndarray] = {}  # (T, 4) by clip, predicted by the teacher
        self.recordings: list[Recording] = []
        if config.teacher:
            teacher = Teacher(config.teacher, config.encoder_weights)
            for clip in self.sampler.clips:
                samples = read_audio(clip.folder / f"{clip.name}.mp4")
                self.teacher_shapes[clip.name] = teacher.shapes(samples, len(clip))
            if config.taught:
                self.recordings = read_recordings(config, teacher)
        self.net = _ShapeFromSpeech(config)
        if config.start:
            load_speech(self.net.generator, config.start)
            if "head.weight" in load_file(config.start):
                self.net.head[2].load_state_dict(load_movement_head(config.start).state_dict())
        self.closed = closed_movement(self.sampler.clips)
        self.modules: dict[str, nn.Module] = {"speech": self.net}
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "speech": torch.optim.AdamW(
                self.net.parameters(), config.learning_rate, weight_decay=config.weight_decay
            )
        }

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        config, audio = self.config, self.config.model.audio
        speech, shape, moved, teacher_shapes = [], [], [], []
        for clip in self.sampler.draw(config.stretches, rng):
            frames = self._stretch(len(clip), rng)
            speech.append(mask_bands(clip.speech(frames, audio, rng), rng))
            shape.append(clip.shape[frames])
            moved.append(movement(clip.shape)[frames])
            if self.teacher_shapes:
                teacher_shapes.append(self.teacher_shapes[clip.name][frames])
        for index in (
            rng.integers(0, len(self.recordings), config.taught_stretches) if self.recordings else ()
        ):
            recording = self.recordings[index]
            frames = self._stretch(len(recording.teacher_shapes), rng)
            speech.append(mask_bands(speech_windows(recording.mel, frames / FPS, audio, rng), rng))
            teacher_shapes.append(recording.teacher_shapes[frames])
        silent = [self._silent(rng) for _ in range(config.silent_stretches)]
        speech += [windows for windows, _ in silent]
        batch = {
            "speech": torch.from_numpy(np.concatenate(speech)),  # (W * T, 1, rows, window)
            "shape": torch.from_numpy(np.stack(shape)),  # (S, T, 4)
            "movement": torch.from_numpy(np.stack(moved)),  # (S, T, 4)
        }
        if silent:
            batch["quiet"] = torch.from_numpy(np.stack([quiet for _, quiet in silent]))  # (Q, T)
        return (
            {**batch, "teacher_shapes": torch.from_numpy(np.stack(teacher_shapes))}
            if teacher_shapes
            else batch
        )  # (W, T, 4)

    def _silent(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Windows of a stretch without speech, or that begins or ends so, and (T,) 1 where it is quiet."""
        config, audio = self.config, self.config.model.audio
        frames = np.arange(0, config.frames, config.every)
        seconds = config.frames / FPS + 1
        mel = mel_spectrogram(silent_sound(seconds, rng))
        quiet = np.ones(len(frames), np.float32)
        if rng.random() < 0.5:
            clip = self.sampler.draw(1, rng)[0]
            first = int(rng.integers(0, len(clip) - config.frames + 1))
            other = np.asarray(clip.mel[:, first * 80 // 25 :][:, : mel.shape[1]], np.float32)
            turn = int(rng.integers(len(frames)))
            column = int(frames[turn] * 80 / FPS)
            if rng.random() < 0.5:  # speech, then none; lips may take 0.2 s to close
                mel[:, : min(column, other.shape[1])] = other[:, :column]
                quiet[: turn + max(1, round(5 / config.every))] = 0
            else:
                mel[:, column : other.shape[1]] = other[:, column:]
                quiet[max(0, turn - max(1, round(3 / config.every))) :] = 0
        return speech_windows(mel, frames / FPS, audio, rng), quiet

    def _stretch(self, length: int, rng: np.random.Generator) -> np.ndarray:
        """(T,) frames of a random stretch, every so many of them."""
        first = int(rng.integers(0, length - self.config.frames + 1))
        return np.arange(first, first + self.config.frames, self.config.every)

    def learning_rate_factor(self, progress: float) -> float:
        return one_cycle(progress)

    def step(self, batch: dict[str, Tensor], update: Update, progress: float) -> dict[str, float]:
        config = self.config
        real, frames = batch["shape"].shape[:2]
        with update.autocast():
            predicted = self.net(batch["speech"]).unflatten(0, (-1, frames))  # (W, T, 4)
        weights = torch.tensor(config.weights, device=predicted.device)
        r = correlation(predicted[:real], batch["shape"]).mean(0)
        loss = ((1 - r) * weights).sum()
        values = {"r_gap": r[0].item()}
        if config.size_weight:
            own, asked = predicted[:real].float(), batch["movement"]
            size = (own.mean(1) - asked.mean(1)).abs().mean() + (own.std(1) - asked.std(1)).abs().mean()
            loss = loss + config.size_weight * size
            values["size"] = size.item()
        if "quiet" in batch:
            quiet, lips = batch["quiet"], predicted[-len(batch["quiet"]) :].float()
            error = (lips - self.closed.to(lips.device)).abs().mean(-1)
            silent = (error * quiet).sum() / quiet.sum().clamp(min=1)
            loss = loss + config.silent_weight * silent
            values["silent"] = silent.item()
            predicted = predicted[: -len(quiet)]
        if "teacher_shapes" in batch:
            taught = correlation(predicted, batch["teacher_shapes"]).mean(0)
            loss = loss + config.teacher_weight * ((1 - taught) * weights).sum()
            values["taught_gap"] = taught[0].item()
        update(loss, self.net, self.optimizers["speech"])
        return {"loss": loss.item(), **values}

    def check(self, folder: Path, step: int) -> dict[str, float]:
        device, audio = next(self.net.parameters()).device, self.config.model.audio

        def teacher_shapes(clip: Clip) -> Tensor:
            return self.net(torch.from_numpy(clip.speech(np.arange(len(clip)), audio)).to(device)).cpu()

        return mean_correlation(self.dev, teacher_shapes)

    def export(self, folder: Path) -> None:
        state = self.net.generator.state_dict()
        saved = {
            k: v.contiguous().cpu()
            for k, v in state.items()
            if k.startswith(("audio_encoder", "audio_attention"))
        }
        for name, value in self.net.head[2].state_dict().items():
            saved[f"head.{name}"] = value.cpu().clone()
        save_file(saved, folder / "speech.safetensors")


class _ShapeFromSpeech(nn.Module):
    def __init__(self, config: SpeechConfig):
        super().__init__()
        # Only the speech half of the generator takes part; its face half stays out of the optimiser's way.
        self.generator = Generator(config.model)
        del self.generator.face_encoder_blocks, self.generator.face_decoder_blocks
        del self.generator.output_block, self.generator.face_attention
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(config.dropout),
            nn.Linear(config.model.channels(512), len(config.weights)),
        )

    def forward(self, speech: Tensor) -> Tensor:
        return self.head(self.generator.encode_audio(speech))


@dataclass(frozen=True)
class Recording:
    """Speech without a face."""

    mel: np.ndarray  # (80, M) float16 mel spectrogram
    teacher_shapes: np.ndarray  # (T, 4) float32 mouth shapes that the teacher predicts for it


def read_recordings(config: SpeechConfig, teacher: Teacher) -> list[Recording]:
    """All recordings below ``config.taught`` in which a stretch has room.

    Raises:
        ConfigError: there is none.
        MediaError: a file cannot be read.
    """
    found, folder = [], Path(config.taught)
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SOUNDS)
    for path, speed in zip(paths, cycle(config.speeds)):
        samples = read_audio(path)
        if speed != 1:
            samples = librosa.resample(samples, orig_sr=RATE * speed, target_sr=RATE, res_type="soxr_mq")
        teacher_shapes = teacher.shapes(samples)
        if len(teacher_shapes) >= config.frames:
            found.append(Recording(mel_spectrogram(samples).astype(np.float16), teacher_shapes))
    if not found:
        raise ConfigError(
            "train.no_recording", folder=folder, seconds=config.frames / FPS, endings=", ".join(SOUNDS)
        )
    return found
