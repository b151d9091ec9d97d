"""Trains the lip-motion expert: each window of lips must find its speech among that of the seconds around."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from lipsync.audio.encoders import load_encoder
from lipsync.data.augmentation import vary_sound
from lipsync.data.clips import Clip, Sampler
from lipsync.data.preparation.offsets import compare
from lipsync.data.preparation.timing import MAX_OFFSET
from lipsync.errors import ConfigError
from lipsync.experts.lip_motion import POINTS, LipMotion, LipMotionConfig, speech_places
from lipsync.experts.sync_expert import WINDOW
from lipsync.experts.training.lip_points_stage import FILE, read_clip
from lipsync.experts.training.sync_stage import accuracy
from lipsync.faces.tracking.landmarks import LIP_POINTS_MIRRORED
from lipsync.media import read_audio
from lipsync.training.loop import Stage, Update
from lipsync.training.schedules import one_cycle

OFFSETS = "offsets.csv"
FARTHEST = 15  # vectors each way among which the offset of a clip is looked for: 0.3 s


@dataclass(frozen=True)
class LipMotionTraining:
    """Attributes:
    model: the network; its ``width`` must be that of the points.
    points: folder that ``train lip-points`` left.
    offsets: CSV (clip, offset) by which the sound of clips is late, in vectors of the encoder, as
        validations write it; "" takes all clips as they are.
    encoder_weights: local folder of the speech encoder's weights; "" fetches them.
    clips: per batch.
    frames: of each clip, in a row.
    learning_rate: highest, one cycle.
    weight_decay: of AdamW.
    beside: share of the target that each neighbour of the right time gets: they are nearly as right.
    noise: standard deviation added to points, in inter-ocular distances.
    stretch: largest factor on the height and on the width of a mouth, less 1.
    varied: versions of each clip's framing and light, and of its sound, besides the original.
    """

    model: LipMotionConfig = field(default_factory=LipMotionConfig)
    points: str = ""
    offsets: str = ""
    encoder_weights: str = ""
    clips: int = 24
    frames: int = 31
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    beside: float = 0.1
    noise: float = 0.005
    stretch: float = 0.15
    varied: int = 2


@dataclass(frozen=True)
class MeasuredClip:
    """What the network is given of a clip, version by version; the first is the clip as it is.

    Attributes:
        lips: (V, T, 2 P) float32 points.
        speech: (V, L, D) float16 vectors.
        offset: vectors by which its sound is late.
    """

    lips: np.ndarray
    speech: np.ndarray
    offset: int = 0


class LipMotionStage(Stage):
    """Raises:
    ConfigError: no points were trained, or the offsets cannot be read.
    ArtefactError: the speech encoder is unavailable.
    """

    settings = LipMotionTraining

    def __init__(self, config: LipMotionTraining, train: list[Clip], dev: list[Clip]):
        self.config = config
        self.sampler: Sampler = Sampler(train, config.frames, memory=0)
        self.net = LipMotion(config.model)
        self.net.points.load_state_dict(load_file(_points_file(config.points)))
        self.net.points.eval().requires_grad_(False)
        self.encoder = load_encoder(
            config.model.encoder, Path(config.encoder_weights) if config.encoder_weights else None
        )
        offsets = read_offsets(Path(config.offsets)) if config.offsets else {}
        self.train_clips = {
            clip.name: self._measured(clip, config.varied, offsets.get(clip.name, 0))
            for clip in self.sampler.clips
        }
        self.dev_clips = {clip.name: self._measured(clip) for clip in dev}
        self.modules: dict[str, nn.Module] = {
            "lips": self.net.lips, "reduce": self.net.reduce, "speech": self.net.speech,
        }  # fmt: skip
        moved = [self.net.scale, *(p for module in self.modules.values() for p in module.parameters())]
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "motion": torch.optim.AdamW(moved, config.learning_rate, weight_decay=config.weight_decay)
        }

    def _measured(self, clip: Clip, varied: int = 0, offset: int = 0) -> MeasuredClip:
        rng = np.random.default_rng(list(clip.name.encode()))
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        net = self.net.points.to(device)
        lips = [read_clip(net, clip, device, rng if version else None) for version in range(1 + varied)]
        sound = read_audio(clip.folder / f"{clip.name}.mp4")
        speech = [self.encoder.encode(vary_sound(sound, rng) if k else sound) for k in range(1 + varied)]
        clip.forget()
        return MeasuredClip(
            np.stack(lips).reshape(1 + varied, -1, POINTS).astype(np.float32),
            np.stack(speech).astype(np.float16),
            offset,
        )

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        config, lips, speech = self.config, [], []
        places = speech_places(0, config.frames - WINDOW + 1, config.model.count).numpy()
        for clip in self.sampler.draw(config.clips, rng):
            found = self.train_clips[clip.name]
            first = int(rng.integers(found.lips.shape[1] - config.frames + 1))
            points = found.lips[rng.integers(len(found.lips)), first : first + config.frames]
            lips.append(vary_points(points.reshape(config.frames, -1, 2), config, rng))
            vectors = found.speech[rng.integers(len(found.speech))]
            speech.append(vectors[np.clip(places + 2 * first + found.offset, 0, len(vectors) - 1)])
        return {
            "lips": torch.from_numpy(np.stack(lips)),  # (B, T, 2 P)
            "speech": torch.from_numpy(np.stack(speech).astype(np.float32)),  # (B, 2 N + F - 2, D)
        }

    def learning_rate_factor(self, progress: float) -> float:
        return one_cycle(progress, warm=0.1)

    def step(self, batch: dict[str, Tensor], update: Update, progress: float) -> dict[str, float]:
        with update.autocast():
            lips, speech = self.net.embed_lips(batch["lips"]), self.net.embed_speech(batch["speech"])
        cosine = (lips @ speech.transpose(1, 2)).float()  # (B, N, N)
        logits, target = cosine * self.net.scale.exp(), neighbours(cosine.shape[1], self.config.beside)
        target = target.to(logits.device)
        loss = -(target * (logits.log_softmax(2) + logits.log_softmax(1).transpose(1, 2))).sum(2).mean() / 2
        update(loss, self.net, self.optimizers["motion"])
        near = (cosine.argmax(2) - torch.arange(cosine.shape[1], device=cosine.device)).abs() <= 1
        return {"loss": loss.item(), "within_one": near.float().mean().item()}

    def check(self, folder: Path, step: int) -> dict[str, float]:
        """Offsets of the clips of ``dev`` go into ``offsets.csv``, for a run that learns from these clips."""
        device = next(self.net.parameters()).device
        rows = [clip_distances(self.net, found, device) for found in self.dev_clips.values()]
        with (folder / OFFSETS).open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(("clip", "offset", "cosine"))
            for name, found in self.dev_clips.items():
                offset, cosine = best_offset(self.net, found, device)
                table.writerow((name, offset, f"{cosine:.3f}"))
        return accuracy(rows, MAX_OFFSET)

    def export(self, folder: Path) -> None:
        self.net.save_pretrained(folder / "lip-motion")  # type: ignore[operator]


def neighbours(count: int, beside: float) -> Tensor:
    """(count, count) target of each window: its own time, and ``beside`` for each of the two next to it."""
    target = torch.eye(count) * (1 - 2 * beside)
    side = torch.full((count - 1,), beside)
    target = target + torch.diag(side, 1) + torch.diag(side, -1)
    return target / target.sum(1, keepdim=True)


def vary_points(points: np.ndarray, config: LipMotionTraining, rng: np.random.Generator) -> np.ndarray:
    """(T, 2 P) float32 of points (T, P, 2): mirrored or not, stretched, with noise."""
    if rng.random() < 0.5:
        points = (points * [-1, 1])[:, LIP_POINTS_MIRRORED]
    points = points * rng.uniform(1 - config.stretch, 1 + config.stretch, 2)
    return (points + rng.normal(0, config.noise, points.shape)).reshape(len(points), -1).astype(np.float32)


def read_offsets(path: Path) -> dict[str, int]:
    """Offset by clip of a CSV that validations wrote.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return {row["clip"]: int(row["offset"]) for row in csv.DictReader(file)}
    except (OSError, KeyError, ValueError) as problem:
        raise ConfigError("train.no_offsets", path=path, problem=problem) from problem


@torch.no_grad()
def clip_distances(net: LipMotion, found: MeasuredClip, device: torch.device) -> np.ndarray:
    """(N, 2 * MAX_OFFSET + 1), like ``preparation.offsets.shift_distances`` for the sync expert."""
    lips = _embedded_lips(net, found, device)
    return compare(lips, _embedded_speech(net, found, device, len(lips), 0))


@torch.no_grad()
def best_offset(net: LipMotion, found: MeasuredClip, device: torch.device) -> tuple[int, float]:
    """Vectors by which the sound of a clip is late, and the mean cosine at that offset."""
    lips, inside = _embedded_lips(net, found, device), slice(FARTHEST // 2, -(FARTHEST // 2))
    means = []
    for offset in range(-FARTHEST, FARTHEST + 1):
        speech = _embedded_speech(net, found, device, len(lips), offset)
        means.append(float((lips * speech).sum(1)[inside].mean()))
    best = int(np.argmax(means))
    return best - FARTHEST, means[best]


def _embedded_lips(net: LipMotion, found: MeasuredClip, device: torch.device) -> Tensor:
    return net.embed_lips(torch.from_numpy(found.lips[:1]).to(device))[0]


def _embedded_speech(
    net: LipMotion, found: MeasuredClip, device: torch.device, windows: int, offset: int
) -> Tensor:
    vectors = found.speech[0]
    places = speech_places(0, windows, net.config.count).numpy() + offset
    chosen = vectors[np.clip(places, 0, len(vectors) - 1)].astype(np.float32)
    return net.embed_speech(torch.from_numpy(chosen)[None].to(device))[0]


def _points_file(folder: str) -> Path:
    path = Path(folder) / FILE
    if not folder or not path.is_file():
        raise ConfigError("train.no_lip_points", folder=folder or "stage.points")
    return path
