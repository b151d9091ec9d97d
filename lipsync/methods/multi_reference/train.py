"""Trains the multi-reference network with the losses of the patent, and optional aids for little data."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipsync.data.clips import Clip, Sampler
from lipsync.data.preparation.offsets import SIZE
from lipsync.data.speech_stretches import SpeechStretches, gather
from lipsync.data.transcripts import Transcripts
from lipsync.errors import ConfigError
from lipsync.experts.frozen import load_mouth_expert, mouth_input, mouth_square
from lipsync.experts.lip_reader import lip_reading_loss
from lipsync.experts.perceptual import LpipsNetwork, load_lpips
from lipsync.experts.quality_discriminator import QualityDiscriminator
from lipsync.experts.sync_expert import WINDOW, lower_halves
from lipsync.experts.syncx import SyncX
from lipsync.experts.training.lip_reader_stage import load_lip_reader, pack_texts, unpack_texts
from lipsync.methods.multi_reference.config import MultiReferenceConfig
from lipsync.methods.multi_reference.model import MultiReference
from lipsync.methods.multi_reference.reference_windows import WindowSampling, draw_reference_windows
from lipsync.methods.multi_reference.train_listener import correct_tokens, load_head, load_listener
from lipsync.methods.multi_reference.validation import validate
from lipsync.nn.speech_encoder import LearnedEncoder
from lipsync.training.averaging import averaged
from lipsync.training.loop import Stage, Update
from lipsync.training.losses import (
    adversarial_loss,
    discriminator_loss,
    lip_weight,
    sync_bce,
    sync_probability,
)
from lipsync.training.schedules import warm_cosine
from lipsync.weights.pretrained import start_from


@dataclass(frozen=True)
class MultiReferenceTraining:
    """The patent's weights are lost with its formula images; those here are ours."""

    model: MultiReferenceConfig = field(default_factory=MultiReferenceConfig)
    windows: int = 16  # per batch
    frames: int = 1  # per window, in a row; the sync loss needs five, lip reading a second or more
    learning_rate: float = 1e-4
    warm: float = 0.02  # share of the run in which the learning rate rises from 0; then a cosine to 0
    sync_weight: float = 0.0  # λ_s
    sync_expert: str = ""  # folder of the frozen syncXnet with the network's audio input
    lip_weight: float = 0.0  # λ_c
    lip_reader: str = ""  # folder of the frozen lip-reading expert
    words: str = ""  # folder of words.csv, the transcripts of the clips
    l1_weight: float = 1.0  # λ_r
    perceptual_weight: float = 0.0  # λ_p; VGG at three scales of the picture
    gan_weight: float = 0.0  # λ_g
    gan_from: float = 0.0  # share of the run after which the adversarial loss joins
    perceptual_from: float = 0.0  # likewise
    discriminators: int = 3  # D_j, each of the picture half as large as for the one before
    discriminator_width: float = 0.25
    features: str = "vgg"  # of the perceptual loss: "vgg", or "alex" where VGG is too slow
    perceptual_frames: int = 0  # of a batch that VGG looks at, at several times the generator's cost; 0: all
    sync_epsilon: float = 1e-6  # ε of the sync loss
    # Aids for little data, not in the patent.
    mouth_only: bool = False  # VGG sees the mouth's square alone, and the discriminators the lower half
    augment: bool = False  # random framing, mirror, cast of colour and sound, beside gamma and brightness
    listener: str = ""  # pre-trained speech side (listener.safetensors)
    freeze_listener: bool = False  # keep its weights fixed, so that it still generalises
    # The frame's token is corrected to encode the real movement, as the listener's head reads it: pictures
    # then learn to follow the token and not the cheeks, and move as far as it encodes.
    movement: bool = False
    encoder_weights: str = ""  # local folder of a pre-trained encoder's weights; "" fetches them
    start: str = ""  # folder of a network to start from; layers of another shape begin at random
    mouth_expert: str = ""  # mouth.safetensors of ``train mouth``
    shape_weight: float = 0.0  # L1 on the mouth shape that the expert reads off the output
    mouth_weight: float = 0.0  # extra weight of the L1 around the lips
    # Train on crops as small as the network sees them (``model.shrink``): the same weights then draw the full
    # size. What is stored has 160 pixels, so larger crops would teach nothing more.
    train_at_network_size: bool = False
    framed_alike: bool = False  # references have the frame's own random framing: as in use, they fit at once
    single_reference_fraction: float = (
        0.0  # share of the windows with one frame as all their references, as a photo has
    )
    wide_mouth_fraction: float = (
        0.0  # share of the windows drawn evenly over how far mouths open: wide ones are rare
    )
    ema: float = 0.0  # decay of averaged weights (a plain mean at first), which are the ones exported


class MultiReferenceStage(Stage):
    settings = MultiReferenceTraining
    before: ClassVar[dict[str, Any]] = {"augment": True, "mouth_only": True, "discriminators": 1}

    def __init__(self, config: MultiReferenceTraining, train: list[Clip], dev: list[Clip]):
        if config.shape_weight and not config.mouth_expert:
            raise ConfigError("train.no_shape_expert")
        if config.features not in ("vgg", "alex"):
            raise ConfigError("train.features", features=config.features)
        if config.discriminators < 1:
            raise ConfigError("train.discriminators")
        self.config, self.dev = config, dev
        self.speech_stretches = SpeechStretches(config.model.audio, config.encoder_weights)
        self.sampler: Sampler = Sampler(train, config.frames)
        model = config.model
        self.model = (
            replace(model, size=model.network_size, shrink=1) if config.train_at_network_size else model
        )
        self.net = MultiReference(self.model)
        if config.start:
            start_from(self.net, config.start)
        if config.listener:
            load_listener(self.net, config.listener)
        self.head = load_head(config.listener) if config.movement else None
        if config.freeze_listener:
            self.net.speech.requires_grad_(False)
            self.net.listener.requires_grad_(False)
            if isinstance(self.net.speech, LearnedEncoder) and not config.sync_weight:
                # A copy: batches are made while the network may be in training mode.
                self.speech_stretches.freeze(deepcopy(self.net.speech).eval().encode_windows)
        part = 0.5 if config.mouth_only else 1.0
        self.disc = nn.ModuleList(
            QualityDiscriminator(config.discriminator_width, part) for _ in range(config.discriminators)
        )
        self.modules: dict[str, nn.Module] = {"generator": self.net}
        self.modules |= {f"quality{j or ''}": network for j, network in enumerate(self.disc)}
        if config.ema:
            self.average = averaged(self.net, config.ema, use_buffers=False)
            self.modules["average"] = self.average
        trained = [p for p in self.net.parameters() if p.requires_grad]
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "generator": torch.optim.Adam(trained, config.learning_rate),
            "quality": torch.optim.Adam(self.disc.parameters(), config.learning_rate, betas=(0.5, 0.999)),
        }
        self.mouth = load_mouth_expert(config.mouth_expert) if config.mouth_expert else None
        self.vgg = load_lpips(config.features) if config.perceptual_weight else None  # type: ignore[arg-type]
        self.sync = load_syncx(config.sync_expert, config) if config.sync_weight else None
        self.reader = load_lip_reader(config.lip_reader) if config.lip_weight else None
        self.words = Transcripts(Path(config.words)) if config.lip_weight else None
        experts = {
            "mouth": self.mouth,
            "perceptual": self.vgg,
            "sync": self.sync,
            "reader": self.reader,
            "head": self.head,
        }
        self.frozen = {name: net for name, net in experts.items() if net is not None}

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        config = self.config
        clips = self.sampler.draw(config.windows, rng)
        sampling = WindowSampling(
            config.frames,
            self.model.size,
            config.model.references,
            config.framed_alike,
            config.single_reference_fraction,
            config.wide_mouth_fraction,
            config.augment,
        )
        batch = draw_reference_windows(clips, sampling, self.speech_stretches, rng)
        if self.words is not None:
            starts = batch["start"].tolist()
            texts = [self.words.text(c, s, config.frames) for c, s in zip(clips, starts, strict=True)]
            batch["letters"] = pack_texts(texts)
        return batch

    def learning_rate_factor(self, progress: float) -> float:
        return warm_cosine(progress, self.config.warm)

    def step(self, batch: dict[str, Tensor], update: Update, progress: float) -> dict[str, float]:
        config = self.config
        if config.freeze_listener:
            self.net.speech.eval()  # nor may its batch statistics drift
        real = (batch["frames"].float() / 255).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        values: dict[str, Tensor] = {}
        with update.autocast():
            fake = self._draw(batch, real)
            weight = lip_weight(batch["lips"].flatten(0, 1), real.shape[-1], config.mouth_weight)
            values["l1"] = ((fake.float() - real).abs() * weight).mean()
            loss = config.l1_weight * values["l1"]
            if self.mouth is not None and config.shape_weight:
                predicted = self.mouth(mouth_input(fake)).float()
                values["shape"] = (predicted - batch["shape"].flatten(0, 1)).abs().mean()
                loss = loss + config.shape_weight * values["shape"]
            if self.sync is not None:
                values["sync"] = self._sync_loss(fake, batch["speech"])
                loss = loss + config.sync_weight * values["sync"]
            if self.reader is not None:
                probabilities = self.reader(mouth_square(fake).unflatten(0, (-1, config.frames)))
                values["lip"] = lip_reading_loss(probabilities, unpack_texts(batch["letters"]))
                loss = loss + config.lip_weight * values["lip"]
            if self.vgg is not None and progress >= config.perceptual_from:
                looked = slice(config.perceptual_frames or None)
                shown = [mouth_square(x) if config.mouth_only else x for x in (fake[looked], real[looked])]
                values["perceptual"] = perceptual_pyramid(self.vgg, *shown)
                loss = loss + config.perceptual_weight * values["perceptual"]
            with_gan = config.gan_weight > 0 and progress >= config.gan_from
            if with_gan:
                values["gan"] = sum_of(adversarial_loss(scores) for scores in self._patch_scores(fake))
                loss = loss + config.gan_weight * values["gan"]
        update(loss, self.net, self.optimizers["generator"])
        if with_gan:
            with update.autocast():
                both = zip(self._patch_scores(real), self._patch_scores(fake.detach()), strict=True)
                values["disc"] = sum_of(discriminator_loss(*each) for each in both)
            update(values["disc"], self.disc, self.optimizers["quality"])
        if config.ema and update.steps:
            self.average.update_parameters(self.net)
        return {"loss": loss.item(), **{key: value.item() for key, value in values.items()}}

    def _patch_scores(self, pictures: Tensor) -> list[Tensor]:
        """Scores of each D_j for (B, 3, S, S): the first sees the full size, each next one half of it."""
        return [network(scaled(pictures, 2**j)) for j, network in enumerate(self.disc)]

    def _draw(self, batch: dict[str, Tensor], real: Tensor) -> Tensor:
        at = torch.from_numpy(self.speech_stretches.places(self.config.frames))
        speech = (
            batch["speech"] if self.speech_stretches.frozen is not None else self.net.speech(batch["speech"])
        )
        audio_features = gather(speech, at).flatten(0, 1)  # (W*T, F, D)
        tokens = self.net.listener(audio_features)
        if self.head is not None:
            tokens = correct_tokens(tokens, batch["moved"].flatten(0, 1), self.head)
        return self.net.draw(tokens, real, batch["references"].flatten(1, 2).float() / 255)

    def _sync_loss(self, fake: Tensor, speech: Tensor) -> Tensor:
        """Binary cross-entropy of "in sync", by the cosine of the expert's vectors."""
        assert self.sync is not None
        audio_features = speech[
            :, torch.from_numpy(self.speech_stretches.places(WINDOW)[WINDOW // 2])
        ]  # (W, F, ...)
        halves = F.interpolate(lower_halves(fake.unflatten(0, (-1, WINDOW))).float(), (SIZE // 2, SIZE))
        face, audio = self.sync.face_encoder(halves).float(), self.sync.audio_encoder(audio_features).float()
        probability = sync_probability(face, audio, self.sync.config.guard, self.config.sync_epsilon)
        return sync_bce(probability, torch.ones_like(probability))

    @property
    def best(self) -> MultiReference:
        """The weights to export: the averaged ones if there are any."""
        return self.average.module if self.config.ema else self.net  # type: ignore[return-value]

    def check(self, folder: Path, step: int) -> dict[str, float]:
        """Own and other speech on clips of people kept out of training; writes a contact sheet."""
        return validate(
            self.best, self.speech_stretches, self.dev, folder / f"sheet-{step:06d}.png", self.mouth
        )

    def export(self, folder: Path) -> None:
        saved = MultiReference(self.config.model)
        saved.load_state_dict(self.best.state_dict())
        saved.save_pretrained(folder / "multi-reference")


def load_syncx(folder: str, config: MultiReferenceTraining) -> SyncX:
    """The frozen expert of ``train syncx``.

    Raises:
        ConfigError: not such a folder, or windows and speech are not those that it was trained on.
    """
    if not (Path(folder) / "config.json").is_file():
        raise ConfigError("train.no_syncxnet", folder=folder or "stage.sync_expert")
    if config.frames != WINDOW:
        raise ConfigError("train.sync_frames", frames=WINDOW)
    net = SyncX.from_pretrained(folder).eval().requires_grad_(False)
    if net.config.audio != config.model.audio:
        raise ConfigError("train.syncxnet_audio", folder=folder)
    return net


def perceptual_pyramid(lpips: LpipsNetwork, drawn: Tensor, real: Tensor) -> Tensor:
    """L1 between VGG features of pictures (B, 3, S, S) in 0..1, each layer's mean, at sizes S, S/2 and S/4.

    The patent has VGG-19; here it is the VGG-16 of LPIPS, five layers (relu1_2 ... relu5_3), or its AlexNet.
    Sizes that their poolings reduce to nothing (below 16 pixels, of AlexNet below 32) are left out.
    """
    total = drawn.new_zeros(())
    for scale in (scale for scale in (1, 2, 4) if drawn.shape[-1] // scale >= lpips.smallest):
        pair = [scaled(picture, scale) * 2 - 1 for picture in (drawn, real)]
        made, wanted = (lpips.features(picture) for picture in pair)
        for a, b in zip(made, wanted, strict=True):
            total = total + (a.float() - b.float()).abs().mean()
    return total


def scaled(pictures: Tensor, times: int) -> Tensor:
    """(B, 3, S, S) pictures so many times smaller."""
    return F.avg_pool2d(pictures, times) if times > 1 else pictures


def sum_of(losses: Iterable[Tensor]) -> Tensor:
    """Sum of losses, () each."""
    return torch.stack(list(losses)).sum()
