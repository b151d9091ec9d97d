"""Trains a generator of the Wav2Lip family: reconstruction, sync, adversarial (eq 15), and optional aids."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipsync.data.clips import Clip, Sampler
from lipsync.data.movement import corrected, load_movement_head
from lipsync.data.windows import WindowOptions, draw_windows, pose_and_reference
from lipsync.errors import ConfigError
from lipsync.experts.frozen import load_mouth_expert, load_sync_expert, mouth_input, mouth_square
from lipsync.experts.perceptual import load_lpips
from lipsync.experts.quality_discriminator import QualityDiscriminator
from lipsync.experts.sync_expert import WINDOW, lower_halves
from lipsync.experts.training.lip_motion_loss import LipMotionLoss
from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.methods.wav2lip.model import Generator
from lipsync.methods.wav2lip.validation import validate
from lipsync.training.averaging import averaged
from lipsync.training.loop import Stage, Update
from lipsync.training.losses import (
    adversarial_loss,
    discriminator_loss,
    lip_weight,
    sync_loss,
    sync_probability,
)
from lipsync.training.pretrained_speech import load_speech
from lipsync.training.schedules import linear_decay
from lipsync.weights.pretrained import start_from

COUNTER = "face_encoder_blocks.0.0.conv_block.1.num_batches_tracked"  # of a part that is always trained


@dataclass(frozen=True)
class GeneratorConfig:
    """Eq 15 with the paper's weights; what the paper does not have is off by default."""

    model: Wav2LipConfig = field(default_factory=Wav2LipConfig)
    windows: int = 10  # per batch (the paper's batch is 48 windows of five frames)
    frames: int = WINDOW  # per window, in a row; the sync loss needs five, without it one teaches more
    learning_rate: float = 1e-4
    sync_weight: float = 0.03  # w_s
    gan_weight: float = 0.07  # w_g
    sync_expert: str = ""  # folder of the frozen expert; needed where sync_weight > 0
    sync_from: float = 0.0  # share of the run after which the sync loss joins
    lip_motion: str = ""  # folder of the lip-motion expert of ``train lip-motion``; not in the paper
    motion_weight: float = 0.0  # of its loss, from ``sync_from`` on
    gan_from: float = 0.0  # share of the run after which the adversarial loss joins
    discriminator_width: float = 0.25
    # Aids for little data, not in the paper.
    augment: bool = False  # random framing, mirror, light and sound
    start: str = ""  # folder of a generator to start from; layers of another shape begin at random
    speech: str = ""  # pre-trained speech encoder (speech.safetensors)
    freeze_speech: bool = False  # keep its weights fixed, so that it still generalises
    freeze_norms: bool = (
        False  # batch norms keep their statistics: small batches of a finishing run move them
    )
    mouth_expert: str = ""  # mouth.safetensors of ``train mouth``
    shape_weight: float = 0.0  # L1 on the mouth shape that the expert reads off the output
    mouth_weight: float = 0.0  # extra weight of the L1 around the lips
    perceptual_weight: float = 0.0  # LPIPS of the mouth's square
    perceptual_frames: int = 4  # of a batch that it looks at; VGG costs several times the generator
    features: str = "vgg"  # trunk of LPIPS: "vgg", or "alex" where VGG is too slow
    # Share of the windows with the speech of another clip of the batch: there only the opening is compared,
    # with that clip's. The mouth is not to be predicted from the upper half of the face.
    mismatched_audio_fraction: float = 0.0
    # Such windows are also held to what the network that the run started from draws of them, at a quarter of
    # the size: what one person's clip adds is skin and teeth, and the lips go on following the speech.
    anchor_weight: float = 0.0
    # The speech embedding is corrected to the real movement, as the head saved with stage.speech reads it:
    # pictures then learn to follow the embedding and not the cheeks, and move as far as it predicts.
    movement: bool = False
    wide_mouth_fraction: float = 0.0  # of the windows, drawn evenly over how far mouths open
    silent_fraction: float = 0.0  # of the windows, with sound without speech, at closed mouths
    # The first decoder block takes the embeddings of ``speech`` for those that ``start`` was trained with.
    translate: bool = False
    ema: float = 0.0  # decay of averaged weights (a plain mean at first), which are the ones exported
    decay_from: float = 1.0  # share of the run after which the learning rate falls linearly to 0


class GeneratorStage(Stage):
    settings = GeneratorConfig
    before: ClassVar[dict[str, Any]] = {"augment": True}

    def __init__(self, config: GeneratorConfig, train: list[Clip], dev: list[Clip]):
        if config.features not in ("vgg", "alex"):
            raise ConfigError("train.features", features=config.features)
        if config.sync_weight > 0 and not config.sync_expert:
            raise ConfigError("train.no_sync_expert_named")
        if config.sync_weight > 0 and config.frames != WINDOW:
            raise ConfigError("train.sync_frames", frames=WINDOW)
        if config.motion_weight > 0 and config.frames < WINDOW:
            raise ConfigError("train.motion_frames", frames=WINDOW)
        self.config, self.dev = config, dev
        self.sampler: Sampler = Sampler(train, config.frames)
        self.motion = LipMotionLoss(config.lip_motion) if config.motion_weight > 0 else None
        self.net = Generator(config.model)
        if config.start:
            start_from(self.net, config.start, "train.no_generator", enlarged)
        self.anchor = deepcopy(self.net).eval().requires_grad_(False) if config.anchor_weight else None
        if config.speech:
            load_speech(self.net, config.speech)
        if config.translate:
            translate_embedding(self.net, config.start, self.sampler.clips)
        self.head = load_movement_head(config.speech) if config.movement else None
        self.disc = QualityDiscriminator(config.discriminator_width)
        self.modules: dict[str, nn.Module] = {"generator": self.net, "quality": self.disc}
        if config.ema:
            self.average = averaged(self.net, config.ema, counter=COUNTER)
            self.modules["average"] = self.average
        if config.freeze_speech:
            for part in (self.net.audio_encoder, self.net.audio_attention):
                part.requires_grad_(False)
        trained = [p for p in self.net.parameters() if p.requires_grad]
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "generator": torch.optim.Adam(trained, config.learning_rate),
            "quality": torch.optim.Adam(self.disc.parameters(), config.learning_rate, betas=(0.5, 0.999)),
        }
        self.sync = load_sync_expert(config.sync_expert) if config.sync_expert else None
        self.mouth = load_mouth_expert(config.mouth_expert) if config.mouth_expert else None
        self.perceptual = load_lpips(config.features) if config.perceptual_weight else None  # type: ignore[arg-type]
        experts = {
            "sync": self.sync,
            "mouth": self.mouth,
            "perceptual": self.perceptual,
            "anchor": self.anchor,
            "head": self.head,
            "motion": self.motion.net if self.motion else None,
        }
        self.frozen = {name: net for name, net in experts.items() if net is not None}

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        config = self.config
        options = WindowOptions(
            config.frames,
            config.model.size,
            config.model.audio,
            self.sync.config.audio if self.sync is not None else None,
            augment=config.augment,
            wide_mouth_fraction=config.wide_mouth_fraction,
            silent=round(config.windows * config.silent_fraction),
            movements=config.movement,
        )
        clips = self.sampler.draw(config.windows, rng)
        batch = draw_windows(clips, options, rng)
        if self.motion is not None:
            first, mirrored = batch["first"].tolist(), batch["mirrored"].tolist()
            batch.update(self.motion.inputs(clips, first, config.frames, mirrored))
        mismatched_audio_fraction = round(len(batch["frames"]) * self.config.mismatched_audio_fraction)
        of_speech = ("speech", "sync_speech", "motion_speech", "shape", "movement")
        for name in of_speech if mismatched_audio_fraction else ():
            if name in batch:  # the first windows get speech and targets of the one after them
                batch[name] = torch.cat(
                    [batch[name][1 : mismatched_audio_fraction + 1], batch[name][mismatched_audio_fraction:]]
                )
        return batch

    def learning_rate_factor(self, progress: float) -> float:
        return linear_decay(progress, self.config.decay_from)

    def step(self, batch: dict[str, Tensor], update: Update, progress: float) -> dict[str, float]:
        config = self.config
        if config.freeze_norms:
            self.net.eval()  # dropout there is none
        elif config.freeze_speech:
            self.net.audio_encoder.eval()  # nor may its batch statistics drift
        with_sync = self.sync is not None and config.sync_weight > 0 and progress >= config.sync_from
        with_gan = config.gan_weight > 0 and progress >= config.gan_from
        real = (batch["frames"].float() / 255).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        with update.autocast():
            faces = pose_and_reference(real, batch["reference"], config.model.visible)
            fake = self._draw(batch, faces)
            values: dict[str, Tensor] = {}
            weight = lip_weight(batch["lips"].flatten(0, 1), real.shape[-1], config.mouth_weight)
            # Windows with another clip's speech have no picture to be compared with.
            first = round(len(batch["frames"]) * config.mismatched_audio_fraction) * config.frames
            values["l1"] = ((fake.float() - real).abs() * weight)[first:].mean()
            w_s = config.sync_weight if with_sync else 0.0
            w_g = config.gan_weight if with_gan else 0.0
            loss = (1 - w_s - w_g) * values["l1"]
            if with_sync:
                assert self.sync is not None
                face = self.sync.embed_faces(lower_halves(fake.unflatten(0, (-1, WINDOW))))
                audio = self.sync.embed_audio(batch["sync_speech"])
                values["sync"] = sync_loss(
                    sync_probability(face.float(), audio.float(), self.sync.config.guard)
                )
                loss = loss + w_s * values["sync"]
            if self.motion is not None and progress >= config.sync_from:
                spoken = len(batch["frames"]) - round(config.windows * config.silent_fraction)
                drawn = fake.unflatten(0, (-1, config.frames))
                apart = self.motion(drawn, batch["neutral"], batch["motion_speech"])
                values["motion"] = apart[:spoken].mean()
                loss = loss + config.motion_weight * values["motion"]
            if with_gan:
                values["gan"] = adversarial_loss(self.disc(fake))
                loss = loss + w_g * values["gan"]
            if self.mouth is not None:
                read = self.mouth(mouth_input(fake)).float()
                error = (read - batch["shape"].flatten(0, 1)).abs()
                # Of another person's mouth only the opening is asked for, not the width or the chin.
                values["shape"] = torch.cat([error[:first, :1].flatten(), error[first:].flatten()]).mean()
                loss = loss + config.shape_weight * values["shape"]
            if self.anchor is not None and first:
                with torch.no_grad():
                    before = self.anchor(batch["speech"].flatten(0, 1)[:first], faces[:first])
                apart = (F.avg_pool2d(fake[:first], 4) - F.avg_pool2d(before, 4)).float()
                values["anchor"] = (apart.abs() * F.avg_pool2d(weight[:first], 4)).mean()
                loss = loss + config.anchor_weight * values["anchor"]
            if self.perceptual is not None:
                looked = slice(first, first + config.perceptual_frames)
                values["perceptual"] = self.perceptual(
                    mouth_square(fake[looked]) * 2 - 1, mouth_square(real[looked]) * 2 - 1
                ).mean()
                loss = loss + config.perceptual_weight * values["perceptual"]
        update(loss, self.net, self.optimizers["generator"])
        if with_gan:
            with update.autocast():
                loss_d = discriminator_loss(self.disc(real), self.disc(fake.detach()))
            update(loss_d, self.disc, self.optimizers["quality"])
            values["disc"] = loss_d
        if config.ema and update.steps:
            self.average.update_parameters(self.net)
        return {"loss": loss.item(), **{key: value.item() for key, value in values.items()}}

    def _draw(self, batch: dict[str, Tensor], faces: Tensor) -> Tensor:
        speech = batch["speech"].flatten(0, 1)
        embedding = self.net.encode_audio(speech)  # (W*T, C, 1, 1)
        if self.head is not None:
            embedding = corrected(embedding, batch["movement"].flatten(0, 1), self.head)
        return self.net.draw(embedding, self.net.with_audio(faces, speech))

    @property
    def best(self) -> Generator:
        """The weights worth keeping: averaged ones where there are."""
        return self.average.module if self.config.ema else self.net  # type: ignore[return-value]

    def check(self, folder: Path, step: int) -> dict[str, float]:
        """Own and other speech on clips of people kept out of training; writes a contact sheet."""
        return validate(self.best, self.dev, folder / f"sheet-{step:06d}.png", self.mouth)

    def export(self, folder: Path) -> None:
        self.best.save_pretrained(folder / "generator")


@torch.no_grad()
def translate_embedding(net: Generator, folder: str, clips: list[Clip]) -> None:
    """Let the first decoder block take the embeddings of another speech encoder, by least squares.

    Args:
        folder: of the generator that the decoder was trained in.
        clips: whose speech both networks encode.
    """
    old = Generator.from_pretrained(folder).eval()
    net = net.eval()
    found: list[tuple[Tensor, Tensor]] = []
    for clip in clips[::4]:
        at = np.arange(0, len(clip), 8)
        mine = net.encode_audio(torch.from_numpy(clip.speech(at, net.config.audio))).flatten(1)
        theirs = old.encode_audio(torch.from_numpy(clip.speech(at, old.config.audio))).flatten(1)
        found.append((mine, theirs))
        clip.forget()
    mine, theirs = (torch.cat(x) for x in zip(*found, strict=True))
    mine = torch.cat([mine, torch.ones(len(mine), 1)], 1)
    normal = mine.T @ mine + 1e-2 * len(mine) * torch.eye(mine.shape[1])
    matrix = torch.linalg.solve(normal, mine.T @ theirs)  # (C + 1, C)
    conv = net.face_decoder_blocks[0][0].conv_block[0]  # type: ignore[index]
    weight = conv.weight[:, :, 0, 0]  # (out, C)
    conv.bias.add_(weight @ matrix[-1])
    conv.weight.copy_((weight @ matrix[:-1].T)[:, :, None, None])
    net.train()


def grown(kernel: Tensor, shape: torch.Size) -> Tensor:
    """A kernel (O, I, k, k) over a whole feature map, for a larger map: the sum of its weights stays."""
    larger = F.interpolate(kernel.float(), size=shape[-2:], mode="bilinear", align_corners=True)
    return larger * (kernel.shape[-1] / shape[-1]) ** 2


def enlarged(name: str, value: Tensor, shape: torch.Size) -> Tensor | None:
    """Weights of a smaller picture's generator for a larger one; None where they differ in more than that."""
    if shape[:2] != value.shape[:2] or name.startswith("audio"):
        return None
    up = name.startswith("face_decoder")  # a transposed convolution spreads one value over the map
    return grown(value, shape) * ((shape[-1] / value.shape[-1]) ** 2 if up else 1)
