"""Trains a generator of the Wav2Lip family: reconstruction, sync, adversarial (eq 15), and optional aids."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from lipsync.errors import ConfigError
from lipsync.experts.mouth import MouthExpert
from lipsync.experts.quality import QualityDiscriminator
from lipsync.experts.sync_expert import WINDOW, SyncExpert, lower_halves
from lipsync.faces.landmarks import MOUTH_LEFT, MOUTH_RIGHT
from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.methods.wav2lip.model import Generator
from lipsync.training.augment import cut, framing, light, mask_bands
from lipsync.training.data import MARGIN, STORED, Clip, Sampler
from lipsync.training.loop import Update
from lipsync.training.losses import (
    adversarial_loss,
    correlation,
    discriminator_loss,
    sync_loss,
    sync_probability,
)
from lipsync.training.speech import load_speech


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
    gan_from: float = 0.0  # share of the run after which the adversarial loss joins
    discriminator_width: float = 0.25
    # Aids for little data, not in the paper.
    speech: str = ""  # pre-trained speech encoder (speech.safetensors)
    freeze_speech: bool = False  # keep it as it is: what generalises is not unlearned
    freeze_norms: bool = (
        False  # batch norms keep their statistics: small batches of a finishing run move them
    )
    mouth_expert: str = ""  # mouth.safetensors of ``train mouth``
    shape_weight: float = 0.0  # L1 on the mouth shape that the expert reads off the output
    mouth_weight: float = 0.0  # extra weight of the L1 around the lips
    ema: float = 0.0  # decay of averaged weights (a plain mean at first), which are the ones exported
    decay_from: float = 1.0  # share of the run after which the learning rate falls linearly to 0


class GeneratorStage:
    def __init__(self, config: GeneratorConfig, train: list[Clip], dev: list[Clip]):
        if config.sync_weight > 0 and not config.sync_expert:
            raise ConfigError(
                "stage.sync_weight is above 0, but stage.sync_expert names no expert. Train one with "
                "`train sync`, or set the weight to 0."
            )
        if config.sync_weight > 0 and config.frames != WINDOW:
            raise ConfigError(f"The sync loss needs stage.frames = {WINDOW}.")
        self.config, self.dev = config, dev
        self.sampler = Sampler(train, config.frames)
        self.net = Generator(config.model)
        if config.speech:
            load_speech(self.net, config.speech)
        self.disc = QualityDiscriminator(config.discriminator_width)
        self.modules: dict[str, nn.Module] = {"generator": self.net, "quality": self.disc}
        if config.ema:
            self.modules["average"] = deepcopy(self.net).requires_grad_(False)
        if config.freeze_speech:
            for part in (self.net.audio_encoder, self.net.audio_attention):
                part.requires_grad_(False)
        trained = [p for p in self.net.parameters() if p.requires_grad]
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "generator": torch.optim.Adam(trained, config.learning_rate),
            "quality": torch.optim.Adam(self.disc.parameters(), config.learning_rate, betas=(0.5, 0.999)),
        }
        self.frozen: dict[str, nn.Module] = {}
        self.sync = load_sync_expert(config.sync_expert) if config.sync_expert else None
        self.mouth = load_mouth_expert(config.mouth_expert) if config.mouth_expert else None
        for name, judge in (("sync", self.sync), ("mouth", self.mouth)):
            if judge is not None:
                self.frozen[name] = judge

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        size, spec = self.config.model.size, self.config.model.audio
        frames, references, speech, sync_speech, shapes, lips = [], [], [], [], [], []
        for clip in self.sampler.draw(self.config.windows, rng):
            start = int(rng.integers(0, len(clip) - self.config.frames + 1))
            at = np.arange(start, start + self.config.frames)
            matrix, mirrored = framing(STORED, size, MARGIN, rng)
            table = light(rng)
            frames.append(cut(clip.faces[at], matrix, size, table))
            # The reference lies away from the window in clips long enough, so that copying does not pay.
            other = int(rng.integers(0, len(clip)))
            if len(clip) > 50 and abs(other - start) < 15:
                other = (other + len(clip) // 2) % len(clip)
            near, _ = framing(STORED, size, MARGIN, None)
            if mirrored:
                near[0] = -near[0]
                near[0, 2] += size - 1
            references.append(cut(clip.faces[other : other + 1], near, size, table)[0])
            heard = clip.speech(at, spec, rng)
            speech.append(mask_bands(heard, rng, widest=8))
            shapes.append(clip.shape[at])
            lips.append(
                clip.landmarks[at][:, [MOUTH_LEFT, MOUTH_RIGHT, 0, 17]] @ matrix[:, :2].T + matrix[:, 2]
            )
            if self.sync is not None:
                sync_speech.append(clip.speech(at[:1], self.sync.config.audio))
        batch = {
            "frames": torch.from_numpy(np.stack(frames)).permute(0, 1, 4, 2, 3),  # (W, 5, 3, S, S) uint8
            "reference": torch.from_numpy(np.stack(references)).permute(0, 3, 1, 2),  # (W, 3, S, S) uint8
            "speech": torch.from_numpy(np.stack(speech)),  # (W, 5, 1, rows, 16)
            "shape": torch.from_numpy(np.stack(shapes)),  # (W, 5, 4)
            "lips": torch.from_numpy(np.stack(lips).astype(np.float32)),  # (W, 5, 4, 2) pixels
        }
        if sync_speech:
            batch["sync_speech"] = torch.from_numpy(np.concatenate(sync_speech))  # (W, 1, rows, 16)
        return batch

    def step(self, batch: dict[str, Tensor], update: Update, progress: float) -> dict[str, float]:
        config = self.config
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * min(
                    1.0, (1 - progress) / max(1e-9, 1 - config.decay_from)
                )
        if config.freeze_norms:
            self.net.eval()  # dropout there is none
        elif config.freeze_speech:
            self.net.audio_encoder.eval()  # nor may its batch statistics drift
        with_sync = self.sync is not None and config.sync_weight > 0 and progress >= config.sync_from
        with_gan = config.gan_weight > 0 and progress >= config.gan_from
        real = (batch["frames"].float() / 255).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        with update.autocast():
            fake = self.net(batch["speech"].flatten(0, 1), pose_and_reference(real, batch["reference"]))
            values: dict[str, Tensor] = {}
            weight = lip_weight(batch["lips"].flatten(0, 1), real.shape[-1], config.mouth_weight)
            values["l1"] = ((fake.float() - real).abs() * weight).mean()
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
            if with_gan:
                values["gan"] = adversarial_loss(self.disc(fake))
                loss = loss + w_g * values["gan"]
            if self.mouth is not None:
                read = self.mouth(fake).float()
                values["shape"] = (read - batch["shape"].flatten(0, 1)).abs().mean()
                loss = loss + config.shape_weight * values["shape"]
        update(loss, self.net, self.optimizers["generator"])
        if with_gan:
            with update.autocast():
                judged = discriminator_loss(self.disc(real), self.disc(fake.detach()))
            update(judged, self.disc, self.optimizers["quality"])
            values["disc"] = judged
        if config.ema:
            self._average()
        return {"loss": loss.item(), **{key: value.item() for key, value in values.items()}}

    @torch.no_grad()
    def _average(self) -> None:
        source = self.net.state_dict()
        # Random first weights must not linger in the average of a short run. Batch norm counts the steps.
        done = int(source["face_encoder_blocks.0.0.conv_block.1.num_batches_tracked"])
        decay = min(self.config.ema, 1 - 1 / max(1, done))
        for name, value in self.modules["average"].state_dict().items():
            if value.dtype.is_floating_point:
                value.lerp_(source[name], 1 - decay)
            else:
                value.copy_(source[name])

    @property
    def best(self) -> Generator:
        """The weights worth keeping: averaged ones where there are."""
        return self.modules["average"] if self.config.ema else self.net  # type: ignore[return-value]

    def check(self, folder: Path, step: int) -> dict[str, float]:
        """Own and other speech on clips of people kept out of training; writes a contact sheet."""
        net, device = self.best.eval(), next(self.net.parameters()).device
        size, sheet = self.config.model.size, []
        own: list[float] = []
        other: list[float] = []
        errors: list[float] = []
        clips = [clip for clip in self.dev if len(clip) >= 50][:8]
        for index, clip in enumerate(clips):
            at = np.arange(min(len(clip), 75))
            matrix, _ = framing(STORED, size, MARGIN, None)
            crops = cut(clip.faces[at], matrix, size)
            real = torch.from_numpy(crops).permute(0, 3, 1, 2).float().to(device) / 255
            reference = real[-1:].expand_as(real) * 255
            speaker = clips[(index + 1) % len(clips)]
            for series, source in ((own, clip), (other, speaker)):
                heard = np.arange(len(at)) % len(source)
                speech = torch.from_numpy(source.speech(heard, self.config.model.audio)).to(device)
                parts = [net(s, pose_and_reference(f, r)) for s, f, r in
                         zip(speech.split(25), real.split(25), reference.split(25), strict=True)]  # fmt: skip
                fake = torch.cat(parts)
                if self.mouth is not None:
                    read = correlation(
                        self.mouth(fake)[None], torch.from_numpy(clip.shape[at])[None].to(device)
                    )
                    series.append(float(read[0, 0]))
                if series is own:
                    errors.append(float((fake - real)[:, :, size // 2 :].abs().mean()))
                    shown = [int(i) for i in np.linspace(5, len(at) - 5, 8)]
                    sheet.append(np.concatenate(list(crops[shown]), 1))
                    drawn = (
                        (fake[shown].permute(0, 2, 3, 1).float().cpu().numpy() * 255).round().astype(np.uint8)
                    )
                    sheet.append(np.concatenate(list(drawn), 1))
        if sheet:
            cv2.imwrite(str(folder / f"sheet-{step:06d}.png"), np.concatenate(sheet)[..., ::-1])
        found = {"lower_half_l1": float(np.mean(errors))} if errors else {}
        if own:
            found |= {"expert_r_own": float(np.mean(own)), "expert_r_other": float(np.mean(other))}
        return found

    def export(self, folder: Path) -> None:
        self.best.save_pretrained(folder / "generator")


def pose_and_reference(frames: Tensor, reference: Tensor) -> Tensor:
    """(B, 6, S, S): frames (B, 3, S, S) in 0..1 with the lower half zeroed, and their references.

    Args:
        reference: (B, 3, S, S), or (W, 3, S, S) when five frames in a row share one; 0..255.
    """
    masked = frames.clone()
    masked[:, :, frames.shape[2] // 2 :] = 0
    repeated = reference.float() / 255
    if len(reference) != len(frames):
        repeated = repeated.repeat_interleave(len(frames) // len(reference), dim=0)
    return torch.cat([masked, repeated], dim=1).contiguous(memory_format=torch.channels_last)


def lip_weight(lips: Tensor, size: int, extra: float) -> Tensor:
    """(B, 1, S, S) weight of the L1: 1, plus a Gaussian of height ``extra`` around the mouth.

    Args:
        lips: (B, 4, 2) pixels of mouth corners, top and bottom of the lips.
    """
    grid = torch.arange(size, device=lips.device, dtype=torch.float32)
    centre = lips.mean(1)  # (B, 2)
    spread = (lips[:, 0] - lips[:, 1]).norm(dim=1)[:, None] * 0.45  # (B, 1)
    x = torch.exp(-(((grid - centre[:, :1]) / spread) ** 2) / 2)  # (B, S)
    y = torch.exp(-(((grid - centre[:, 1:]) / spread) ** 2) / 2)
    return 1 + extra * y[:, None, :, None] * x[:, None, None, :]


def load_sync_expert(folder: str) -> SyncExpert:
    """The frozen sync expert of ``train sync``.

    Raises:
        ConfigError: not such a folder.
    """
    if not (Path(folder) / "config.json").is_file():
        raise ConfigError(f"There is no sync expert in {folder}. Train one with `train sync` first.")
    return SyncExpert.from_pretrained(folder).eval().requires_grad_(False)


def load_mouth_expert(path: str) -> MouthExpert:
    """The frozen mouth expert of ``train mouth``.

    Raises:
        ConfigError: the file is missing.
    """
    if not Path(path).is_file():
        raise ConfigError(f"There is no mouth expert {path}. Train one with `train mouth` first.")
    net = MouthExpert()
    net(torch.zeros(2, 3, 96, 96))
    net.load_state_dict(load_file(path))
    return net.eval().requires_grad_(False)
