"""Trains the sync expert (M-CSAWav2Lip's lip-sync discriminator; Wav2Lip's with mel features)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipsync.data.augmentation import cut, framing, light, mask_bands
from lipsync.data.clips import MARGIN, STORED, Clip, Sampler
from lipsync.data.preparation.offsets import SIZE, shift_distances
from lipsync.errors import ConfigError
from lipsync.experts.sync_expert import WINDOW, SyncExpert, SyncExpertConfig, lower_halves
from lipsync.training.loop import Stage, Update
from lipsync.training.losses import sync_bce, sync_probability
from lipsync.training.pretrained_speech import load_speech
from lipsync.training.schedules import one_cycle


@dataclass(frozen=True)
class SyncConfig:
    model: SyncExpertConfig = field(default_factory=SyncExpertConfig)
    objective: str = "bce"  # "bce" as published; "contrastive": pick the right time among those of the clip
    clips: int = 8  # per batch
    windows: int = 4  # times per clip; every other time of the clip serves as a negative
    apart: int = 5  # frames at least between two times of a clip
    learning_rate: float = 1e-3
    schedule: str = "cycle"  # of the learning rate: "cycle" up and down once, or "constant"
    weight_decay: float = 1e-3
    temperature: float = 0.07  # of the contrastive objective
    speech: str = ""  # pre-trained speech encoder (speech.safetensors), needs deep = 1
    # Aids for little data, not in the paper.
    augment: bool = False  # random framing, mirror, light and sound
    shape_weight: float = 0.0  # both embeddings also predict the mouth shape, through one shared layer


class SyncStage(Stage):
    settings: ClassVar[type] = SyncConfig
    before: ClassVar[dict[str, Any]] = {"augment": True}

    def __init__(self, config: SyncConfig, train: list[Clip], dev: list[Clip]):
        if config.windows < 2:
            raise ConfigError("train.windows")
        if config.objective not in ("bce", "contrastive") or config.schedule not in ("cycle", "constant"):
            raise ConfigError("train.objective")
        self.config, self.dev = config, dev
        self.sampler: Sampler = Sampler(train, WINDOW + config.apart * config.windows)
        self.net: SyncExpert = self.network()
        self.modules: dict[str, nn.Module] = {"sync": self.net}
        self.compiled = (self.net.face_encoder, self.net.audio_encoder)
        if config.shape_weight:
            # One layer for both: what it reads off speech and off faces must lie in the same directions.
            self.modules["shape"] = nn.Linear(self.embedded, 2 * WINDOW)
        trained = [parameter for module in self.modules.values() for parameter in module.parameters()]
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "sync": torch.optim.AdamW(trained, config.learning_rate, weight_decay=config.weight_decay)
        }

    def network(self) -> Any:
        """What is trained; another expert of two towers takes its place in ``syncx_stage``."""
        net = SyncExpert(self.config.model)
        if self.config.speech:
            load_speech(net, self.config.speech)
        return net

    @property
    def embedded(self) -> int:
        """Values of an embedding."""
        return self.config.model.channels(512)

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        faces, speech, shapes = [], [], []
        augment, audio = self.config.augment, self.config.model.audio
        vary = rng if augment else None
        for clip in self.sampler.draw(self.config.clips, rng):
            starts = spread(len(clip) - WINDOW + 1, self.config.windows, self.config.apart, rng)
            matrix, _ = framing(STORED, SIZE, MARGIN, vary)
            table = light(rng) if augment else None
            shapes.append(window_shapes(clip, starts))
            for start in starts:
                pictures = clip.pictures(np.arange(start, start + WINDOW))
                faces.append(cut(pictures, matrix, SIZE, table))
            windows = clip.speech(starts, audio, vary)
            speech.append(mask_bands(windows, rng) if augment else windows)
        stacked = torch.from_numpy(np.stack(faces)).permute(0, 1, 4, 2, 3)  # (B, 5, 3, S, S) uint8
        return {
            "faces": stacked,
            "speech": torch.from_numpy(np.concatenate(speech)),
            "shape": torch.from_numpy(np.concatenate(shapes)),  # (B, 10)
        }

    def learning_rate_factor(self, progress: float) -> float:
        return one_cycle(progress, warm=0.1) if self.config.schedule == "cycle" else 1.0

    def step(self, batch: dict[str, Tensor], update: Update, progress: float) -> dict[str, float]:
        with update.autocast():
            audio_embedding = self.net.audio_encoder(batch["speech"]).flatten(1)
            looked = self.net.face_encoder(lower_halves(batch["faces"].float() / 255)).flatten(1)
        audio, face = F.normalize(audio_embedding.float(), dim=1), F.normalize(looked.float(), dim=1)
        per_clip = self.config.windows
        audio, face = audio.unflatten(0, (-1, per_clip)), face.unflatten(0, (-1, per_clip))
        cosine = face @ audio.transpose(1, 2)  # (clips, windows, windows)
        right = torch.eye(per_clip, device=cosine.device).expand_as(cosine)
        if self.config.objective == "contrastive":
            target = torch.arange(per_clip, device=cosine.device).expand(len(cosine), -1)
            logits = cosine / self.config.temperature
            loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.transpose(1, 2), target)) / 2
        else:
            # One negative for each positive, as published: the next time of the same clip.
            a, f = audio.flatten(0, 1), face.flatten(0, 1)
            wrong = audio.roll(1, dims=1).flatten(0, 1)
            probability = torch.cat([sync_probability(f, a, self.config.model.guard),
                                     sync_probability(f, wrong, self.config.model.guard)])  # fmt: skip
            loss = sync_bce(probability, torch.cat([torch.ones(len(f)), torch.zeros(len(f))]).to(f.device))
        values: dict[str, Tensor] = {}
        if self.config.shape_weight:
            for name, embedding in (("shape_audio", audio_embedding), ("shape_face", looked)):
                predicted = self.modules["shape"](embedding.float())
                values[name] = F.smooth_l1_loss(predicted, batch["shape"])
                loss = loss + self.config.shape_weight * values[name]
        update(loss, nn.ModuleList(self.modules.values()), self.optimizers["sync"])
        hits = (cosine.argmax(2) == torch.arange(per_clip, device=cosine.device)).float().mean()
        gap = (cosine * right).sum() / right.sum() - (cosine * (1 - right)).sum() / (1 - right).sum()
        return {
            **{k: v.item() for k, v in values.items()},
            "loss": loss.item(),
            "picked": hits.item(),
            "gap": gap.item(),
        }

    def check(self, folder: Path, step: int) -> dict[str, float]:
        device = next(self.net.parameters()).device
        return offset_accuracy(self.net, self.dev, device)

    def export(self, folder: Path) -> None:
        self.net.save_pretrained(folder / "sync-expert")


def window_shapes(clip: Clip, starts: np.ndarray) -> np.ndarray:
    """(W, 10) gap and height of the mouth in windows of five frames, in deviations from the clip's mean."""
    shape = ((clip.shape - clip.shape.mean(0)) / (clip.shape.std(0) + 1e-3))[:, :2]
    return np.stack([shape[start : start + WINDOW].reshape(-1) for start in starts])


def spread(length: int, count: int, apart: int, rng: np.random.Generator) -> np.ndarray:
    """``count`` times in 0..length-1, any two at least ``apart`` apart, in random order."""
    free = length - (count - 1) * apart
    return rng.permutation(np.sort(rng.integers(0, free, count)) + apart * np.arange(count))


def offset_accuracy(
    net: SyncExpert, clips: list[Clip], device: torch.device, max_offset: int = 15
) -> dict[str, float]:
    """How often the closest speech lies within ±1 frame of the true time, among ±``max_offset`` frames.

    Chance is 3 / (2 * max_offset + 1). Clips too short for one full comparison are left out.
    """
    long = (clip for clip in clips if len(clip) >= 2 * max_offset + WINDOW + 10)
    return accuracy((shift_distances(net, clip, device, max_offset) for clip in long), max_offset)


def accuracy(distances: Iterable[np.ndarray], max_offset: int) -> dict[str, float]:
    """As :func:`offset_accuracy`, of clips' distances (T, 2 * max_offset + 1); short ones do not count."""
    right = clip_right = total = clip_total = 0
    for rows in distances:
        shifts = rows[~np.isnan(rows).any(axis=1)]
        if len(shifts) < 10:
            continue
        right += int((abs(shifts.argmin(1) - max_offset) <= 1).sum())
        total += len(shifts)
        clip_right += int(abs(int(shifts.mean(0).argmin()) - max_offset) <= 1)
        clip_total += 1
    if not total:
        return {}
    return {"frame_accuracy": right / total, "clip_accuracy": clip_right / clip_total, "clips": clip_total}
