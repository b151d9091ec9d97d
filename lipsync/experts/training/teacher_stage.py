"""Trains a teacher: a small network that reads mouth shapes off a frozen pre-trained speech encoder.

Half an hour of faces teaches a small speech encoder little. On the features of a pre-trained speech
encoder a few convolutions learn far more from the same faces, and their predictions for any other speech, of
which there are no faces, teach the small encoder (``lipsync.methods.wav2lip.train_speech``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lipsync.audio.encoders import load_encoder
from lipsync.data.clips import Clip, Sampler
from lipsync.experts.training.mouth_teacher import ShapeFromFeatures, at_frames
from lipsync.media import read_audio
from lipsync.training.loop import Stage, Update
from lipsync.training.losses import correlation, mean_correlation
from lipsync.training.schedules import one_cycle

FILE = "teacher.safetensors"


@dataclass(frozen=True)
class TeacherConfig:
    encoder: str = "whisper-tiny.en"  # of lipsync.audio.encoders.ENCODERS
    encoder_weights: str = ""  # local folder of its weights; "" fetches them
    hidden: int = 64
    kernel: int = 5  # frames; two convolutions, so that it looks 4 frames to each side
    stretches: int = 16  # per batch
    frames: int = 75  # per stretch: 3 s, long enough for a correlation
    learning_rate: float = 2e-3  # highest, one cycle
    weight_decay: float = 3e-2
    dropout: float = 0.5
    weights: tuple[float, ...] = (1.0, 0.6, 0.4, 0.4)  # of MOUTH_SHAPE in the loss


class TeacherStage(Stage):
    settings = TeacherConfig

    def __init__(self, config: TeacherConfig, train: list[Clip], dev: list[Clip]):
        self.config, self.dev = config, dev
        self.sampler: Sampler = Sampler(train, config.frames)
        folder = Path(config.encoder_weights) if config.encoder_weights else None
        self.encoder = load_encoder(config.encoder, folder)
        self._encoded = {clip.name: self._features(clip) for clip in [*self.sampler.clips, *dev]}
        self.net = ShapeFromFeatures(self.encoder.dimension, config.hidden, config.kernel, config.dropout)
        self.net.standardise(torch.cat([self._encoded[clip.name] for clip in self.sampler.clips]))
        self.modules: dict[str, nn.Module] = {"teacher": self.net}
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "teacher": torch.optim.AdamW(
                self.net.parameters(), config.learning_rate, weight_decay=config.weight_decay
            )
        }

    def _features(self, clip: Clip) -> Tensor:
        samples = read_audio(clip.folder / f"{clip.name}.mp4")
        return torch.from_numpy(at_frames(self.encoder.encode(samples), self.encoder.rate, len(clip)))

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        speech, shape = [], []
        for clip in self.sampler.draw(self.config.stretches, rng):
            first = int(rng.integers(0, len(clip) - self.config.frames + 1))
            speech.append(self._encoded[clip.name][first : first + self.config.frames])
            shape.append(clip.shape[first : first + self.config.frames])
        return {"speech": torch.stack(speech), "shape": torch.from_numpy(np.stack(shape))}

    def learning_rate_factor(self, progress: float) -> float:
        return one_cycle(progress)

    def step(self, batch: dict[str, Tensor], update: Update, progress: float) -> dict[str, float]:
        with update.autocast():
            predicted = self.net(batch["speech"]).float()
        r = correlation(predicted, batch["shape"]).mean(0)
        loss = ((1 - r) * torch.tensor(self.config.weights, device=r.device)).sum()
        update(loss, self.net, self.optimizers["teacher"])
        return {"loss": loss.item(), "r_gap": r[0].item()}

    def check(self, folder: Path, step: int) -> dict[str, float]:
        device = next(self.net.parameters()).device
        return mean_correlation(
            self.dev, lambda clip: self.net(self._encoded[clip.name][None].to(device))[0].float().cpu()
        )

    def export(self, folder: Path) -> None:
        state = {key: value.contiguous().cpu() for key, value in self.net.state_dict().items()}
        save_file(state, folder / FILE, metadata={"encoder": self.config.encoder})
