"""LSTM-CBAM's second stage: generator and synchronisation discriminator by turns (section 2.2).

The first stage pre-trains the discriminator: ``train sync`` with ``stage.model.ablation=lstm-cbam``, or
another row of Table 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from lipsync.data.clips import Clip, Sampler
from lipsync.data.movement import corrected, load_movement_head
from lipsync.data.windows import WindowOptions, draw_windows, pose_and_reference
from lipsync.errors import ConfigError
from lipsync.experts.frozen import load_sync_expert, mouth_square
from lipsync.experts.perceptual import load_lpips
from lipsync.experts.sync_expert import WINDOW, lower_halves
from lipsync.methods.lstm_cbam.config import LstmCbamConfig
from lipsync.methods.lstm_cbam.model import LipGANGenerator
from lipsync.methods.wav2lip.validation import validate
from lipsync.training.averaging import averaged
from lipsync.training.loop import Stage, Update
from lipsync.training.losses import lip_weight, sync_bce, sync_loss, sync_probability
from lipsync.training.pretrained_speech import load_speech
from lipsync.training.schedules import linear_decay


@dataclass(frozen=True)
class JointConfig:
    """Eq 6. The paper gives Adam's learning rate, 1e-4 for both, and neither weights nor batch size."""

    model: LstmCbamConfig = field(default_factory=LstmCbamConfig)
    discriminator: str = ""  # folder of the pre-trained one, RUN/sync-expert; its kind is the ablation
    windows: int = 10  # per batch, of five frames each
    learning_rate: float = 1e-4
    l1_weight: float = 0.97  # lambda 1, as in Wav2Lip, whose sync loss this is
    sync_weight: float = 0.03  # lambda 2
    # Aids for little data, not in the paper; as in ``lipsync.methods.wav2lip.train``.
    start: str = ""  # folder of a generator to start from
    speech: str = ""  # pre-trained speech encoder (speech.safetensors), kept as it is
    movement: bool = False
    wide_mouth_fraction: float = 0.0
    silent_fraction: float = 0.0
    mouth_weight: float = 0.0
    perceptual_weight: float = 0.0
    perceptual_frames: int = 4
    ema: float = 0.0
    decay_from: float = 1.0
    apart: int = 5  # frames at least between a window and the wrong time of the discriminator's negatives
    augment: bool = False  # random framing, mirror, light and sound: an aid for little data, not in the paper


class JointStage(Stage):
    settings = JointConfig
    before: ClassVar[dict[str, Any]] = {"augment": True}

    def __init__(self, config: JointConfig, train: list[Clip], dev: list[Clip]):
        if not config.discriminator:
            raise ConfigError("train.no_discriminator")
        self.config, self.dev = config, dev
        self.sampler: Sampler = Sampler(train, WINDOW)
        self.net = LipGANGenerator(config.model)
        if config.start:
            self.net.load_state_dict(LipGANGenerator.from_pretrained(config.start).state_dict())
        if config.speech:
            load_speech(self.net, config.speech)
            self.net.audio_encoder.requires_grad_(False)
        self.head = load_movement_head(config.speech) if config.movement else None
        self.perceptual = load_lpips("vgg") if config.perceptual_weight else None
        networks = {"head": self.head, "perceptual": self.perceptual}
        self.frozen = {name: net for name, net in networks.items() if net is not None}
        self.disc = load_sync_expert(config.discriminator).requires_grad_(True)
        self.modules: dict[str, nn.Module] = {"generator": self.net, "discriminator": self.disc}
        if config.ema:
            self.average = averaged(self.net, config.ema)
            self.modules["average"] = self.average
        self.compiled = (self.net, self.disc.face_encoder, self.disc.audio_encoder)
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            name: torch.optim.Adam([p for p in net.parameters() if p.requires_grad], config.learning_rate)
            for name, net in (("generator", self.net), ("discriminator", self.disc))
        }

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        config, clips = self.config, self.sampler.draw(self.config.windows, rng)
        options = WindowOptions(
            WINDOW,
            config.model.size,
            config.model.audio,
            self.disc.config.audio,
            config.apart,
            augment=config.augment,
            wide_mouth_fraction=config.wide_mouth_fraction,
            silent=round(config.windows * config.silent_fraction),
            movements=config.movement,
        )
        return draw_windows(clips, options, rng)

    def learning_rate_factor(self, progress: float) -> float:
        return linear_decay(progress, self.config.decay_from)

    def step(self, batch: dict[str, Tensor], update: Update, progress: float) -> dict[str, float]:
        config = self.config
        real = (batch["frames"].float() / 255).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        # The generator's turn. The discriminator uses its running statistics, as for a
        # single window; its own turn alone moves them.
        self.disc.eval()
        if config.speech:
            self.net.audio_encoder.eval()  # nor may its batch statistics drift
        with update.autocast():
            faces = pose_and_reference(real, batch["reference"], config.model.visible)
            embedding = self.net.encode_audio(batch["speech"].flatten(0, 1))
            if self.head is not None:
                embedding = corrected(embedding, batch["movement"].flatten(0, 1), self.head)
            fake = self.net.draw(embedding, faces)
            weight = lip_weight(batch["lips"].flatten(0, 1), real.shape[-1], config.mouth_weight)
            l1 = ((fake.float() - real).abs() * weight).mean()  # eq 3
            audio_embedding = self.disc.embed_audio(batch["sync_speech"])
            sync = sync_loss(self._probability(self.disc.embed_faces(halves(fake)), audio_embedding))  # eq 5
            loss = config.l1_weight * l1 + config.sync_weight * sync  # eq 6
            if self.perceptual is not None:
                looked = torch.linspace(0, len(fake) - 1, config.perceptual_frames).long()
                sharp = self.perceptual(*(mouth_square(x[looked]) * 2 - 1 for x in (fake, real))).mean()
                loss = loss + config.perceptual_weight * sharp
        update(loss, self.net, self.optimizers["generator"])
        if config.ema and update.steps:
            self.average.update_parameters(self.net)

        # The discriminator's turn: real windows belong to their speech, and neither to speech of another
        # time nor do drawn ones to the speech they were drawn for (LipGAN's negatives, half of each).
        self.disc.train()
        with update.autocast():
            faces = self.disc.embed_faces(torch.cat([halves(real), halves(fake.detach())]))
            speech = self.disc.embed_audio(torch.cat([batch["sync_speech"], batch["wrong_speech"]]))
        (real_faces, drawn), (own, wrong) = faces.chunk(2), speech.chunk(2)
        right, late, made = (
            self._probability(f, s) for f, s in ((real_faces, own), (real_faces, wrong), (drawn, own))
        )
        ones, zeros = torch.ones_like(right), torch.zeros_like(right)
        loss_d = sync_bce(right, ones) / 2 + (sync_bce(late, zeros) + sync_bce(made, zeros)) / 4
        update(loss_d, self.disc, self.optimizers["discriminator"])
        values = {"loss": loss, "l1": l1, "sync": sync, "disc": loss_d}
        values |= {"p_real": right.mean(), "p_late": late.mean(), "p_drawn": made.mean()}
        if self.perceptual is not None:
            values["perceptual"] = sharp
        return {name: value.item() for name, value in values.items()}

    @property
    def best(self) -> LipGANGenerator:
        """The weights to export: the averaged ones if there are any."""
        return self.average.module if self.config.ema else self.net  # type: ignore[return-value]

    def _probability(self, face: Tensor, audio: Tensor) -> Tensor:
        return sync_probability(face.float(), audio.float(), self.disc.config.guard)  # eq 4

    def check(self, folder: Path, step: int) -> dict[str, float]:
        """On people kept out of training; writes a contact sheet."""
        return validate(self.best, self.dev, folder / f"sheet-{step:06d}.png")

    def export(self, folder: Path) -> None:
        self.best.save_pretrained(folder / "generator")
        self.disc.save_pretrained(folder / "sync-expert")


def halves(frames: Tensor) -> Tensor:
    """(W * 5, 3, S, S) frames to the (W, 15, S/2, S) that the discriminator looks at."""
    return lower_halves(frames.unflatten(0, (-1, WINDOW)))
