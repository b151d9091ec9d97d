"""LSTM-CBAM's second stage: generator and synchronisation discriminator by turns (section 2.2).

The first stage pre-trains the discriminator: ``train sync`` with ``stage.model.ablation=lstm-cbam``, or
another row of Table 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from lipsync.errors import ConfigError
from lipsync.experts.sync_expert import WINDOW, lower_halves
from lipsync.methods.lstm_cbam.config import LstmCbamConfig
from lipsync.methods.lstm_cbam.model import LipGANGenerator
from lipsync.training.data import Clip, Sampler
from lipsync.training.judges import load_sync_expert
from lipsync.training.loop import Update
from lipsync.training.losses import sync_bce, sync_loss, sync_probability
from lipsync.training.sheet import look_at
from lipsync.training.windows import draw_windows, pose_and_reference


@dataclass(frozen=True)
class JointConfig:
    """Eq 6. The paper gives Adam's learning rate, 1e-4 for both, and neither weights nor batch size."""

    model: LstmCbamConfig = field(default_factory=LstmCbamConfig)
    discriminator: str = ""  # folder of the pre-trained one, RUN/sync-expert; its kind is the ablation
    windows: int = 10  # per batch, of five frames each
    learning_rate: float = 1e-4
    l1_weight: float = 0.97  # lambda 1, as in Wav2Lip, whose sync loss this is
    sync_weight: float = 0.03  # lambda 2
    apart: int = 5  # frames at least between a window and the wrong time of the discriminator's negatives
    augment: bool = False  # random framing, mirror, light and sound: an aid for little data, not in the paper


class JointStage:
    def __init__(self, config: JointConfig, train: list[Clip], dev: list[Clip]):
        if not config.discriminator:
            raise ConfigError(
                "stage.discriminator names no folder. Train a discriminator with `train sync` first, with "
                "stage.model.ablation=lstm-cbam."
            )
        self.config, self.dev = config, dev
        self.sampler = Sampler(train, WINDOW)
        self.net = LipGANGenerator(config.model)
        self.disc = load_sync_expert(config.discriminator).requires_grad_(True)
        self.modules: dict[str, nn.Module] = {"generator": self.net, "discriminator": self.disc}
        self.compiled = (self.net, self.disc.face_encoder, self.disc.audio_encoder)
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            name: torch.optim.Adam(module.parameters(), config.learning_rate)
            for name, module in self.modules.items()
        }

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        config, clips = self.config, self.sampler.draw(self.config.windows, rng)
        audio, heard = config.model.audio, self.disc.config.audio
        size, apart = config.model.size, config.apart
        return draw_windows(clips, WINDOW, size, audio, rng, heard, apart, config.augment)

    def step(self, batch: dict[str, Tensor], update: Update, progress: float) -> dict[str, float]:
        config = self.config
        real = (batch["frames"].float() / 255).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        # The generator's turn. The discriminator judges with its running statistics, as it would judge a
        # single window; its own turn alone moves them.
        self.disc.eval()
        with update.autocast():
            faces = pose_and_reference(real, batch["reference"], config.model.visible)
            fake = self.net(batch["speech"].flatten(0, 1), faces)
            l1 = (fake.float() - real).abs().mean()  # eq 3
            heard = self.disc.embed_audio(batch["sync_speech"])
            sync = sync_loss(self._probability(self.disc.embed_faces(halves(fake)), heard))  # eq 5
            loss = config.l1_weight * l1 + config.sync_weight * sync  # eq 6
        update(loss, self.net, self.optimizers["generator"])

        # The discriminator's turn: real windows belong to their speech, and neither to speech of another
        # time nor do drawn ones to the speech they were drawn for (LipGAN's negatives, half of each).
        self.disc.train()
        with update.autocast():
            faces = self.disc.embed_faces(torch.cat([halves(real), halves(fake.detach())]))
            speech = self.disc.embed_audio(torch.cat([batch["sync_speech"], batch["wrong_speech"]]))
        (seen, drawn), (own, wrong) = faces.chunk(2), speech.chunk(2)
        right, late, made = (self._probability(f, s) for f, s in ((seen, own), (seen, wrong), (drawn, own)))
        ones, zeros = torch.ones_like(right), torch.zeros_like(right)
        judged = sync_bce(right, ones) / 2 + (sync_bce(late, zeros) + sync_bce(made, zeros)) / 4
        update(judged, self.disc, self.optimizers["discriminator"])
        values = {"loss": loss, "l1": l1, "sync": sync, "disc": judged}
        values |= {"p_real": right.mean(), "p_late": late.mean(), "p_drawn": made.mean()}
        return {name: value.item() for name, value in values.items()}

    def _probability(self, face: Tensor, audio: Tensor) -> Tensor:
        return sync_probability(face.float(), audio.float(), self.disc.config.guard)  # eq 4

    def check(self, folder: Path, step: int) -> dict[str, float]:
        """On people kept out of training; writes a contact sheet."""
        return look_at(self.net, self.dev, folder / f"sheet-{step:06d}.png")

    def export(self, folder: Path) -> None:
        self.net.save_pretrained(folder / "generator")
        self.disc.save_pretrained(folder / "sync-expert")


def halves(frames: Tensor) -> Tensor:
    """(W * 5, 3, S, S) frames to the (W, 15, S/2, S) that the discriminator looks at."""
    return lower_halves(frames.unflatten(0, (-1, WINDOW)))
