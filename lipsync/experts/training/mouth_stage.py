"""Trains the mouth-shape expert on what the landmarker measured on real crops."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lipsync.data.augmentation import cut, framing, light
from lipsync.data.clips import MARGIN, STORED, Clip, Sampler
from lipsync.experts.mouth_shape import SIZE, MouthExpert
from lipsync.training.loop import Stage, Update
from lipsync.training.schedules import one_cycle


@dataclass(frozen=True)
class MouthConfig:
    clips: int = 16  # per batch
    frames: int = 4  # per clip
    learning_rate: float = 2e-3


class MouthStage(Stage):
    settings = MouthConfig

    def __init__(self, config: MouthConfig, train: list[Clip], dev: list[Clip]):
        self.config, self.dev = config, dev
        self.sampler: Sampler = Sampler(train, config.frames)
        self.net = MouthExpert()
        self.net(torch.zeros(2, 3, SIZE, SIZE))  # gives the lazy layer its size
        self.modules: dict[str, nn.Module] = {"mouth": self.net}
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "mouth": torch.optim.AdamW(self.net.parameters(), config.learning_rate)
        }

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        faces, shapes = [], []
        for clip in self.sampler.draw(self.config.clips, rng):
            frames = rng.integers(0, len(clip), self.config.frames)
            matrix, _ = framing(STORED, SIZE, MARGIN, rng)
            faces.append(cut(clip.faces[frames], matrix, SIZE, light(rng)))
            shapes.append(clip.shape[frames])
        stacked = torch.from_numpy(np.concatenate(faces)).permute(0, 3, 1, 2)
        return {"faces": stacked, "shape": torch.from_numpy(np.concatenate(shapes))}

    def learning_rate_factor(self, progress: float) -> float:
        return one_cycle(progress, warm=0.1)

    def step(self, batch: dict[str, Tensor], update: Update, progress: float) -> dict[str, float]:
        with update.autocast():
            predicted = self.net(batch["faces"].float() / 255)
        error = (predicted.float() - batch["shape"]).abs().mean(0)
        update(error.sum(), self.net, self.optimizers["mouth"])
        return {"error": error.mean().item(), "error_gap": error[0].item()}

    def check(self, folder: Path, step: int) -> dict[str, float]:
        from lipsync.training.losses import correlation

        device = next(self.net.parameters()).device
        matrix, _ = framing(STORED, SIZE, MARGIN, None)
        found, frames = [], []
        for clip in self.dev:
            crops = (
                torch.from_numpy(cut(clip.faces, matrix, SIZE)).permute(0, 3, 1, 2).to(device).float() / 255
            )
            r = correlation(self.net(crops)[None], torch.from_numpy(clip.shape)[None].to(device))[0, 0]
            found.append(float(r))
            frames.append(len(clip))
        return {"dev_r_gap": float(np.average(found, weights=frames))} if found else {}

    def export(self, folder: Path) -> None:
        state = {k: v.contiguous().cpu() for k, v in self.net.state_dict().items()}
        save_file(state, folder / "mouth.safetensors")
