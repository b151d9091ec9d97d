"""Teaches the speech side of the multi-reference network what mouths do, before it sees a face.

As ``lipsync.training.speech`` for the Wav2Lip family: with little footage the speech side is what a generator
overfits. Figure 3's encoder, the adapter and the self-attention predict the mouth shape at the middle of
their vectors; what they learn is then kept still. Here the mouth-opening factor gets its meaning: heard with
factor f, the opening that is asked for is f times the real one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lipsync.errors import ConfigError
from lipsync.methods.multi_reference.config import LEARNED, MultiReferenceConfig
from lipsync.methods.multi_reference.fusion import Listener
from lipsync.methods.multi_reference.model import MultiReference
from lipsync.methods.multi_reference.speech import LearnedEncoder
from lipsync.training.data import Clip, Sampler
from lipsync.training.hearing import Hearing, gather
from lipsync.training.loop import Update
from lipsync.training.losses import correlation
from lipsync.training.speech import load_speech, one_cycle

GAP, HEIGHT = 0, 1  # of MOUTH_SHAPE


@dataclass(frozen=True)
class ListenerConfig:
    model: MultiReferenceConfig = field(default_factory=MultiReferenceConfig)
    stretches: int = 12  # per batch
    frames: int = 60  # per stretch: 2.4 s, long enough for a correlation
    learning_rate: float = 1e-3  # highest, one cycle
    weight_decay: float = 1e-2
    dropout: float = 0.3
    speech: str = ""  # pre-trained encoder of figure 3 (speech.safetensors of ``train speech``)
    freeze_speech: bool = False  # keep it as it is
    weights: tuple[float, ...] = (1.0, 0.6, 0.4, 0.4)  # of MOUTH_SHAPE in the correlation
    size_weight: float = 2.0  # L1 on gap and height in units of the inter-ocular distance, with the factor
    openings: tuple[float, ...] = (0.5, 1.8)  # smallest and largest factor that is trained
    encoder_weights: str = ""  # local folder of a pre-trained encoder's weights; "" fetches them


class ListenerStage:
    def __init__(self, config: ListenerConfig, train: list[Clip], dev: list[Clip]):
        self.config, self.dev = config, dev
        self.hearing = Hearing(config.model.audio, config.encoder_weights)
        self.sampler = Sampler(train, config.frames)
        self.net = ShapeFromSpeech(config)
        if config.speech:
            load_speech(self.net.speech, config.speech)
        if config.freeze_speech:
            self.net.speech.requires_grad_(False)
        self.modules: dict[str, nn.Module] = {"listener": self.net}
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "listener": torch.optim.AdamW(
                [p for p in self.net.parameters() if p.requires_grad],
                config.learning_rate,
                weight_decay=config.weight_decay,
            )
        }

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        speech, shape = [], []
        for clip in self.sampler.draw(self.config.stretches, rng):
            first = int(rng.integers(0, len(clip) - self.config.frames + 1))
            speech.append(self.hearing.stretch(clip, first, self.config.frames, rng))
            shape.append(clip.shape[first : first + self.config.frames])
        opening = rng.uniform(self.config.openings[0], self.config.openings[1], len(speech))
        opening[: len(opening) // 2] = 1
        return {
            "speech": torch.from_numpy(np.stack(speech)),  # (W, L, ...)
            "shape": torch.from_numpy(np.stack(shape)),  # (W, T, 4)
            "opening": torch.from_numpy(opening.astype(np.float32)),  # (W,)
        }

    def step(self, batch: dict[str, Tensor], update: Update, progress: float) -> dict[str, float]:
        for group in self.optimizers["listener"].param_groups:
            group["lr"] = self.config.learning_rate * one_cycle(progress)
        if self.config.freeze_speech:
            self.net.speech.eval()  # nor may its batch statistics drift
        at = torch.from_numpy(self.hearing.places(self.config.frames))
        with update.autocast():
            told = self.net(batch["speech"], at, batch["opening"]).float()  # (W, T, 4)
        r = correlation(told, batch["shape"]).mean(0)
        asked = opened(batch["shape"], batch["opening"][:, None])
        size = (told - asked)[..., : HEIGHT + 1].abs().mean()
        loss = ((1 - r) * torch.tensor(self.config.weights, device=r.device)).sum()
        loss = loss + self.config.size_weight * size
        update(loss, self.net, self.optimizers["listener"])
        return {"loss": loss.item(), "r_gap": r[0].item(), "size": size.item()}

    def check(self, folder: Path, step: int) -> dict[str, float]:
        """r of all four on people kept out, and how the told gap grows with the factor."""
        device = next(self.net.parameters()).device
        found, growth, frames = [], [], []
        for clip in self.dev:
            speech = torch.from_numpy(self.hearing.stretch(clip, 0, len(clip)))[None].to(device)
            at = torch.from_numpy(self.hearing.places(len(clip)))
            told = [
                self.net(speech, at, torch.tensor([f], device=device))[0].float() for f in (1.0, 0.6, 1.6)
            ]
            real = torch.from_numpy(clip.shape).to(device)
            found.append(correlation(told[0][None], real[None])[0].cpu().numpy())
            growth.append([float(t[:, GAP].mean() / told[0][:, GAP].mean()) for t in told[1:]])
            frames.append(len(clip))
        if not found:
            return {}
        mean = np.average(found, axis=0, weights=frames)
        names = (f"dev_r_{name}" for name in ("gap", "height", "width", "chin"))
        less, more = np.average(growth, axis=0, weights=frames)
        correlations = {name: float(r) for name, r in zip(names, mean, strict=True)}
        return {**correlations, "gap_at_0.6": less, "gap_at_1.6": more}

    def export(self, folder: Path) -> None:
        state = self.net.state_dict()
        kept = {k: v.contiguous().cpu() for k, v in state.items() if not k.startswith("head")}
        save_file(kept, folder / "listener.safetensors")


class ShapeFromSpeech(nn.Module):
    """The speech side under the names of the whole network, and a head on its middle token."""

    def __init__(self, config: ListenerConfig):
        super().__init__()
        audio = config.model.audio
        self.speech = (
            LearnedEncoder(audio.hears, audio.dimension) if audio.encoder == LEARNED else nn.Identity()
        )
        self.listener = Listener(config.model)
        self.drop = nn.Dropout(config.dropout)
        self.head = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(config.model.channels(config.model.levels), len(config.weights)),
        )

    def forward(self, speech: Tensor, at: Tensor, opening: Tensor) -> Tensor:
        """(W, L, ...) stretches, places (T, F) of their frames, factors (W,), to (W, T, 4) mouth shapes."""
        heard = gather(self.drop(self.speech(speech)), at)  # (W, T, F, D)
        factors = opening.repeat_interleave(heard.shape[1])
        tokens = self.listener(heard.flatten(0, 1), factors)  # (W*T, F, C)
        return self.head(tokens[:, tokens.shape[1] // 2]).unflatten(0, heard.shape[:2])


def opened(shape: Tensor, opening: Tensor) -> Tensor:
    """Mouth shapes (..., 4) whose inner gap is ``opening`` (...) times as wide; lips grow apart with it."""
    asked = shape.clone()
    asked[..., GAP] = shape[..., GAP] * opening
    asked[..., HEIGHT] = shape[..., HEIGHT] + shape[..., GAP] * (opening - 1)
    return asked


def load_listener(net: MultiReference, path: str) -> None:
    """Start the speech side of a network from ``listener.safetensors`` of ``train listener``.

    Raises:
        ConfigError: the file is missing, or belongs to another shape.
    """
    if not Path(path).is_file():
        raise ConfigError(f"There is no listener {path}. Train one with `train listener` first.")
    own = {k: v for k, v in net.state_dict().items() if k.startswith(("speech.", "listener."))}
    state = load_file(path)
    shapes, found = ({k: v.shape for k, v in each.items()} for each in (own, state))
    wrong = {key for key, _ in shapes.items() ^ found.items()}
    if wrong:
        raise ConfigError(
            f"{path} does not fit the network ({min(wrong)}). Use the same audio, width and levels for both."
        )
    net.load_state_dict(state, strict=False)
