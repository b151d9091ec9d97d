"""Trains the network that reads the points of the lips off a face, on what the landmarker measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from lipsync.data.augmentation import cut, framing, light, soften
from lipsync.data.clips import MARGIN, STORED, Clip, Sampler
from lipsync.experts.lip_motion import POINTS, SIZE, LipPoints
from lipsync.faces.tracking.landmarks import (
    LIP_LOWER_INNER,
    LIP_POINTS,
    LIP_POINTS_MIRRORED,
    LIP_UPPER_INNER,
    lip_points,
)
from lipsync.training.loop import Stage, Update
from lipsync.training.schedules import one_cycle

FILE = "points.safetensors"


@dataclass(frozen=True)
class LipPointsTraining:
    """Attributes:
    width: channels of the first convolution.
    clips: per batch.
    frames: of each clip, ``apart`` frames from one to the next.
    apart: frames.
    learning_rate: highest, one cycle.
    weight_decay: of AdamW.
    movement_weight: of the error of the points about their mean over the frames of a clip.
    """

    width: int = 16
    clips: int = 24
    frames: int = 7
    apart: int = 4
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    movement_weight: float = 2.0


class LipPointsStage(Stage):
    """The error is the mean distance along an axis, in inter-ocular distances."""

    settings = LipPointsTraining

    def __init__(self, config: LipPointsTraining, train: list[Clip], dev: list[Clip]):
        self.config, self.dev = config, dev
        self.span = (config.frames - 1) * config.apart + 1
        self.sampler: Sampler = Sampler(train, self.span)
        self.net = LipPoints(config.width)
        self.modules: dict[str, nn.Module] = {"points": self.net}
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "points": torch.optim.AdamW(
                self.net.parameters(), config.learning_rate, weight_decay=config.weight_decay
            )
        }

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        halves, points = [], []
        for clip in self.sampler.draw(self.config.clips, rng):
            first = int(rng.integers(len(clip) - self.span + 1))
            at = first + self.config.apart * np.arange(self.config.frames)
            matrix, mirrored = framing(STORED, SIZE, MARGIN, rng)
            halves.append(cut_lower_halves(soften(clip.faces[at], rng), matrix, light(rng)))
            found = lip_points(clip.landmarks)[at].astype(np.float32)
            points.append((found * [-1, 1])[:, LIP_POINTS_MIRRORED] if mirrored else found)
        return {
            "halves": torch.from_numpy(np.stack(halves)),  # (B, T, 3, 48, 96) uint8
            "points": torch.from_numpy(np.stack(points).astype(np.float32)).flatten(2),  # (B, T, 2 P)
        }

    def learning_rate_factor(self, progress: float) -> float:
        return one_cycle(progress, warm=0.1)

    def step(self, batch: dict[str, Tensor], update: Update, progress: float) -> dict[str, float]:
        with update.autocast():
            halves = batch["halves"].flatten(0, 1).float() / 255
            read = self.net(halves.contiguous(memory_format=torch.channels_last))
        read, points = read.float().unflatten(0, batch["points"].shape[:2]), batch["points"]
        error = F.l1_loss(read, points)
        movement = F.l1_loss(read - read.mean(1, keepdim=True), points - points.mean(1, keepdim=True))
        loss = error + self.config.movement_weight * movement
        update(loss, self.net, self.optimizers["points"])
        return {"error": error.item(), "movement": movement.item()}

    def check(self, folder: Path, step: int) -> dict[str, float]:
        """Error and movement as in training, and the correlation of the inner lips' gap in a clip."""
        device = next(self.net.parameters()).device
        errors, gaps = [], []
        for clip in self.dev:
            read, points = read_clip(self.net, clip, device), lip_points(clip.landmarks)
            moved = (read - read.mean(0)) - (points - points.mean(0))
            errors.append((np.abs(read - points).mean(), np.abs(moved).mean()))
            gaps.append(np.corrcoef(_gap(read), _gap(points))[0, 1])
        if not errors:
            return {}
        error, movement = np.mean(errors, axis=0)
        return {"error": float(error), "movement": float(movement), "r_gap": float(np.nanmean(gaps))}

    def export(self, folder: Path) -> None:
        state = {key: value.contiguous().cpu() for key, value in self.net.state_dict().items()}
        save_file(state, folder / FILE)


def cut_lower_halves(faces: np.ndarray, matrix: np.ndarray, table: np.ndarray | None = None) -> np.ndarray:
    """(T, 3, 48, 96) uint8 of stored crops (T, 160, 160, 3) under one framing and one light."""
    return cut(faces, matrix, SIZE, table)[:, SIZE // 2 :].transpose(0, 3, 1, 2)


@torch.no_grad()
def read_clip(
    net: LipPoints, clip: Clip, device: torch.device, rng: np.random.Generator | None = None
) -> np.ndarray:
    """(T, P, 2) the points that a network reads off a clip.

    Args:
        rng: varies framing and light, the same for the whole clip, and mirrors the points back.
    """
    matrix, mirrored = framing(STORED, SIZE, MARGIN, rng)
    halves = torch.from_numpy(cut_lower_halves(clip.faces, matrix, None if rng is None else light(rng)))
    read = [net(part.to(device).float() / 255).float().cpu() for part in halves.split(64)]
    points = torch.cat(read).numpy().reshape(-1, POINTS // 2, 2)
    return (points * [-1, 1])[:, LIP_POINTS_MIRRORED] if mirrored else points


def _gap(points: np.ndarray) -> np.ndarray:
    """(T,) height between the inner lips of (T, P, 2) points."""
    upper, lower = (LIP_POINTS.index(point) for point in (LIP_UPPER_INNER, LIP_LOWER_INNER))
    return points[:, lower, 1] - points[:, upper, 1]
