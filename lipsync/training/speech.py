"""Teaches the speech encoder what mouths do, before it sees a face.

With little footage the speech side is what a generator overfits. Here the generator's own speech
encoder predicts the mouth shape (gap, height, width, chin) of a stretch of speech, judged by its
correlation over time, so that differences between people's mouths do not matter. The generator
then starts from these weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lipsync.errors import ConfigError
from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.methods.wav2lip.model import Generator
from lipsync.training.augment import mask_bands
from lipsync.training.data import Clip, Sampler
from lipsync.training.loop import Update
from lipsync.training.losses import correlation


@dataclass(frozen=True)
class SpeechConfig:
    model: Wav2LipConfig = field(default_factory=Wav2LipConfig)
    stretches: int = 12  # per batch
    frames: int = 60  # per stretch: 2.4 s, long enough for a correlation
    learning_rate: float = 2e-3  # highest, one cycle
    weight_decay: float = 1e-2
    dropout: float = 0.3
    weights: tuple[float, ...] = (1.0, 0.6, 0.4, 0.4)  # of MOUTH_SHAPE in the loss


class SpeechStage:
    def __init__(self, config: SpeechConfig, train: list[Clip], dev: list[Clip]):
        self.config, self.dev = config, dev
        self.sampler = Sampler(train, config.frames)
        self.net = _ShapeFromSpeech(config)
        self.modules: dict[str, nn.Module] = {"speech": self.net}
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "speech": torch.optim.AdamW(
                self.net.parameters(), config.learning_rate, weight_decay=config.weight_decay
            )
        }

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        speech, shape = [], []
        for clip in self.sampler.draw(self.config.stretches, rng):
            first = int(rng.integers(0, len(clip) - self.config.frames + 1))
            frames = np.arange(first, first + self.config.frames)
            speech.append(mask_bands(clip.speech(frames, self.config.model.audio, rng), rng))
            shape.append(clip.shape[frames])
        return {
            "speech": torch.from_numpy(np.concatenate(speech)),
            "shape": torch.from_numpy(np.stack(shape)),
        }

    def step(self, batch: dict[str, Tensor], update: Update, progress: float) -> dict[str, float]:
        for group in self.optimizers["speech"].param_groups:
            group["lr"] = self.config.learning_rate * one_cycle(progress)
        with update.autocast():
            predicted = self.net(batch["speech"]).unflatten(0, batch["shape"].shape[:2])
        r = correlation(predicted, batch["shape"]).mean(0)
        loss = ((1 - r) * torch.tensor(self.config.weights, device=r.device)).sum()
        update(loss, self.net, self.optimizers["speech"])
        return {"loss": loss.item(), "r_gap": r[0].item()}

    def check(self, folder: Path, step: int) -> dict[str, float]:
        device = next(self.net.parameters()).device
        found, frames = [], []
        for clip in self.dev:
            speech = torch.from_numpy(clip.speech(np.arange(len(clip)), self.config.model.audio)).to(device)
            r = correlation(self.net(speech)[None], torch.from_numpy(clip.shape)[None].to(device))[0]
            found.append(r.cpu().numpy())
            frames.append(len(clip))
        if not found:
            return {}
        mean = np.average(found, axis=0, weights=frames)
        return {
            f"dev_r_{name}": float(r)
            for name, r in zip(("gap", "height", "width", "chin"), mean, strict=True)
        }

    def export(self, folder: Path) -> None:
        state = self.net.generator.state_dict()
        kept = {
            k: v.contiguous().cpu()
            for k, v in state.items()
            if k.startswith(("audio_encoder", "audio_attention"))
        }
        save_file(kept, folder / "speech.safetensors")


class _ShapeFromSpeech(nn.Module):
    def __init__(self, config: SpeechConfig):
        super().__init__()
        # Only the speech half of the generator takes part; its face half stays out of the optimiser's way.
        self.generator = Generator(config.model)
        del self.generator.face_encoder_blocks, self.generator.face_decoder_blocks
        del self.generator.output_block, self.generator.face_attention
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(config.dropout),
            nn.Linear(config.model.channels(512), len(config.weights)),
        )

    def forward(self, speech: Tensor) -> Tensor:
        return self.head(self.generator.encode_audio(speech))


def load_speech(net: nn.Module, path: str) -> None:
    """Start the speech half of a generator or a sync expert from a ``speech.safetensors``.

    Raises:
        ConfigError: the file is missing, or belongs to other features, widths or attention.
    """
    if not Path(path).is_file():
        raise ConfigError(f"There is no speech encoder {path}. Train one with `train speech` first.")
    own = {k: v for k, v in net.state_dict().items() if k.startswith(("audio_encoder", "audio_attention"))}
    # A sync expert has no attention; it takes the encoder alone.
    attention = hasattr(net, "audio_attention")
    state = {k: v for k, v in load_file(path).items() if attention or k.startswith("audio_encoder")}
    wrong = [key for key in own if key not in state or state[key].shape != own[key].shape]
    wrong += [key for key in state if key not in own]
    if wrong:
        raise ConfigError(
            f"{path} does not fit the speech encoder ({wrong[0]}). Use the same audio features, width and "
            "attention for both (a sync expert also needs deep = 1)."
        )
    net.load_state_dict(state, strict=False)


def one_cycle(progress: float, warm: float = 0.3) -> float:
    """Learning-rate factor: cosine up over ``warm`` of the run, cosine down to 0 after it."""
    if progress < warm:
        return 0.04 + 0.48 * (1 - math.cos(math.pi * progress / warm))
    return 0.5 * (1 + math.cos(math.pi * (progress - warm) / (1 - warm)))
