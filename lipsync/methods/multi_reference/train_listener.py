"""Pre-trains the speech side of the multi-reference network to predict mouth shapes, before it sees a face.

As ``lipsync.methods.wav2lip.train_speech`` for the Wav2Lip family: with little footage the speech side is
what a generator overfits. Figure 3's encoder, the adapter and the self-attention predict the mouth shape at
the middle of their vectors; what they learn is then kept still. Here the mouth-opening factor gets its
meaning: with factor f the target opening is f times the real one.

Least squares would train mouths that move too little: what cannot be predicted is answered by the mean. So a
correlation compares the course of a movement, and its mean and spread over a stretch are compared separately.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lipsync.audio.speech_input import LEARNED
from lipsync.data.clips import Clip, Sampler
from lipsync.data.movement import movement
from lipsync.data.speech_stretches import SpeechStretches, gather
from lipsync.errors import ConfigError
from lipsync.experts.frozen import load_frozen
from lipsync.methods.multi_reference.config import MultiReferenceConfig
from lipsync.methods.multi_reference.fusion import Listener
from lipsync.methods.multi_reference.model import MultiReference
from lipsync.nn.speech_encoder import LearnedEncoder
from lipsync.training.loop import Stage, Update
from lipsync.training.losses import correlation, mean_correlation
from lipsync.training.pretrained_speech import load_speech
from lipsync.training.schedules import one_cycle

GAP, HEIGHT = 0, 1  # of MOUTH_SHAPE
WIDEST = 0.5  # inter-ocular distances: one frame in a hundred has a wider gap; the pictures have none


@dataclass(frozen=True)
class ListenerConfig:
    model: MultiReferenceConfig = field(default_factory=MultiReferenceConfig)
    stretches: int = 12  # per batch
    frames: int = 60  # per stretch: 2.4 s, long enough for a correlation
    learning_rate: float = 1e-3  # highest, one cycle
    weight_decay: float = 1e-2
    dropout: float = 0.3
    speech: str = ""  # pre-trained encoder of figure 3 (speech.safetensors of ``train speech``)
    freeze_speech: bool = False  # keep its tower as it is: each clip is encoded once
    weights: tuple[float, ...] = (1.0, 0.6, 0.4, 0.4)  # of MOUTH_SHAPE in the correlation
    # L1 on each stretch's mean and standard deviation of the movement, in inter-ocular distances.
    size_weight: float = 10.0
    openings: tuple[float, ...] = (0.5, 1.8)  # smallest and largest factor that is trained
    encoder_weights: str = ""  # local folder of a pre-trained encoder's weights; "" fetches them
    # Folder of a trained core that is to use another speech encoder: its pictures' side is kept, and its
    # tokens are the targets. Of ``model`` only the audio counts then.
    core: str = ""
    listener: str = ""  # with ``core``: its listener.safetensors, whose head reads the movement off a token
    token_weight: float = 1.0  # squared difference from the teacher's tokens, whose variance is about 1


class ListenerStage(Stage):
    settings = ListenerConfig

    def __init__(self, config: ListenerConfig, train: list[Clip], dev: list[Clip]):
        self.config, self.dev = config, dev
        self.speech_stretches = SpeechStretches(config.model.audio, config.encoder_weights)
        self.sampler: Sampler = Sampler(train, config.frames)
        self.core: MultiReference | None = None
        self.frozen: dict[str, nn.Module] = {}
        self.model = config.model
        if config.core:
            self.core = load_core(config.core)
            self.frozen["core"] = self.core
            if self.core.config.audio.count != config.model.audio.count:
                raise ConfigError(
                    "train.audio_count",
                    model=config.core,
                    found=self.core.config.audio.count,
                    wanted=config.model.audio.count,
                )
            self.model = replace(self.core.config, audio=config.model.audio)
            self.core_speech = SpeechStretches(self.core.config.audio)
            if isinstance(self.core.speech, LearnedEncoder):
                self.core_speech.freeze(self.core.speech.encode_windows)
        self.net = ShapeFromSpeech(config, self.model)
        if config.core:
            self.net.head[1] = load_head(config.listener)
        if config.speech:
            load_speech(self.net.speech, config.speech)
        if config.freeze_speech and isinstance(self.net.speech, LearnedEncoder):
            self.net.speech.audio_encoder.requires_grad_(False)
            self.net.speech.audio_attention.requires_grad_(False)
            self.speech_stretches.freeze(deepcopy(self.net.speech).eval().towers)
            self.net.frozen_tower = True
        self.modules: dict[str, nn.Module] = {"listener": self.net}
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "listener": torch.optim.AdamW(
                [p for p in self.net.parameters() if p.requires_grad],
                config.learning_rate,
                weight_decay=config.weight_decay,
            )
        }

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        speech, shape, core_speech = [], [], []
        for clip in self.sampler.draw(self.config.stretches, rng):
            first = int(rng.integers(0, len(clip) - self.config.frames + 1))
            speech.append(self.speech_stretches.stretch(clip, first, self.config.frames, rng))
            shape.append(movement(clip.shape)[first : first + self.config.frames])
            if self.core is not None:
                core_speech.append(self.core_speech.stretch(clip, first, self.config.frames))
        opening = rng.uniform(self.config.openings[0], self.config.openings[1], len(speech))
        opening[: len(opening) // 2] = 1
        return {
            "speech": torch.from_numpy(np.stack(speech)),  # (W, L, ...)
            "shape": torch.from_numpy(np.stack(shape)),  # (W, T, 4)
            "opening": torch.from_numpy(opening.astype(np.float32)),  # (W,)
            **(
                {"core_speech": torch.from_numpy(np.stack(core_speech))} if core_speech else {}
            ),  # (W, L', D')
        }

    def learning_rate_factor(self, progress: float) -> float:
        return one_cycle(progress)

    def step(self, batch: dict[str, Tensor], update: Update, progress: float) -> dict[str, float]:
        if self.config.freeze_speech:
            self.net.speech.eval()  # nor may its batch statistics drift
        at = torch.from_numpy(self.speech_stretches.places(self.config.frames))
        with update.autocast():
            tokens = self.net.tokens(batch["speech"], at, batch["opening"])  # (W, T, F, C)
            predicted = self.net.shapes(tokens).float()  # (W, T, 4)
        r = correlation(predicted, batch["shape"]).mean(0)
        asked = opened(batch["shape"], batch["opening"][:, None])
        size = (predicted.mean(1) - asked.mean(1)).abs().mean() + (
            predicted.std(1) - asked.std(1)
        ).abs().mean()
        loss = ((1 - r) * torch.tensor(self.config.weights, device=r.device)).sum()
        loss = loss + self.config.size_weight * size
        values = {"r_gap": r[0], "size": size}
        if self.core is not None:
            wanted = self._wanted(batch, asked)
            values["tokens"] = (tokens.float() - wanted).square().mean()
            loss = loss + self.config.token_weight * values["tokens"]
        update(loss, self.net, self.optimizers["listener"])
        return {"loss": loss.item(), **{key: value.item() for key, value in values.items()}}

    @torch.no_grad()
    def _wanted(self, batch: dict[str, Tensor], asked: Tensor) -> Tensor:
        """(W, T, F, C) tokens of the core, corrected to the movements (W, T, 4) as in its training."""
        assert self.core is not None
        encoded = gather(batch["core_speech"], torch.from_numpy(self.core_speech.places(self.config.frames)))
        factors = batch["opening"].repeat_interleave(encoded.shape[1])
        tokens = self.core.listener(encoded.flatten(0, 1), factors).float()
        head = self.net.head[1]
        assert isinstance(head, nn.Linear)
        return correct_tokens(tokens, asked.flatten(0, 1), head).unflatten(0, encoded.shape[:2])

    def check(self, folder: Path, step: int) -> dict[str, float]:
        """r of all four on people kept out, spread of the predicted gap, its growth with the factor."""
        if not self.dev:
            return {}
        device = next(self.net.parameters()).device
        predicted = {}  # (3, T, 4) by clip, with the factors 1, 0.6 and 1.6
        for clip in self.dev:
            speech = torch.from_numpy(self.speech_stretches.stretch(clip, 0, len(clip)))[None].to(device)
            at = torch.from_numpy(self.speech_stretches.places(len(clip)))
            encoded = [self.net(speech, at, torch.tensor([f], device=device))[0] for f in (1.0, 0.6, 1.6)]
            predicted[clip.name] = torch.stack(encoded).float().cpu()
        gaps = [predicted[clip.name][..., GAP].mean(1) for clip in self.dev]
        growth = [[float(gap / each[0]) for gap in each[1:]] for each in gaps]
        less, more = np.average(growth, axis=0, weights=[len(clip) for clip in self.dev])
        correlations = mean_correlation(self.dev, lambda clip: predicted[clip.name][0])
        spread = np.mean(
            [float(predicted[c.name][0, :, GAP].std()) / c.shape[:, GAP].std() for c in self.dev]
        )
        return {**correlations, "gap_spread": float(spread), "gap_at_0.6": less, "gap_at_1.6": more}

    def export(self, folder: Path) -> None:
        state = self.net.state_dict()
        saved = {k: v.contiguous().cpu() for k, v in state.items()}
        save_file(saved, folder / "listener.safetensors")
        if self.core is not None:
            whole = MultiReference(self.model)
            whole.load_state_dict({k: saved.get(k, v) for k, v in self._pictures_side(whole).items()})
            whole.save_pretrained(folder / "multi-reference")

    def _pictures_side(self, whole: MultiReference) -> dict[str, Tensor]:
        """The weights of ``whole``, those of the pictures' side as the core has them."""
        assert self.core is not None
        taught, sides = self.core.state_dict(), ("speech.", "listener.")
        return {k: v if k.startswith(sides) else taught[k] for k, v in whole.state_dict().items()}


class ShapeFromSpeech(nn.Module):
    """The speech side under the names of the whole network, and a head on its middle token."""

    def __init__(self, config: ListenerConfig, model: MultiReferenceConfig):
        super().__init__()
        audio = model.audio
        self.speech = (
            LearnedEncoder(audio.features, audio.dimension, audio.context)
            if audio.encoder == LEARNED
            else nn.Identity()
        )
        self.listener = Listener(model)
        self.frozen_tower = False  # stretches hold what a frozen tower made of the windows
        self.drop = nn.Dropout(config.dropout)
        self.head = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(model.channels(model.levels), len(config.weights)),
        )

    def forward(self, speech: Tensor, at: Tensor, opening: Tensor) -> Tensor:
        """(W, L, ...) stretches, places (T, F) of their frames, factors (W,), to (W, T, 4) mouth shapes."""
        return self.shapes(self.tokens(speech, at, opening))

    def tokens(self, speech: Tensor, at: Tensor, opening: Tensor) -> Tensor:
        """(W, T, F, C) of the same."""
        if self.frozen_tower:
            speech = self.drop(self.speech.around(self.drop(speech)))  # type: ignore[operator]
        else:
            speech = self.drop(self.speech(speech))
        encoded = gather(speech, at)  # (W, T, F, D)
        factors = opening.repeat_interleave(encoded.shape[1])
        return self.listener(encoded.flatten(0, 1), factors).unflatten(0, encoded.shape[:2])

    def shapes(self, tokens: Tensor) -> Tensor:
        """(W, T, F, C) tokens to (W, T, 4) mouth shapes, by the middle one."""
        return self.head(tokens[:, :, tokens.shape[2] // 2])


def correct_tokens(tokens: Tensor, asked: Tensor, head: nn.Linear) -> Tensor:
    """Tokens (B, F, C) off whose middle one the head reads the movements (B, 4); the smallest such change."""
    middle = tokens.shape[1] // 2
    own = tokens[:, middle].float()
    with torch.autocast(tokens.device.type, enabled=False):
        change = (asked - head(own)) @ torch.linalg.pinv(head.weight).T  # (B, C)
    corrected = (own + change).to(tokens.dtype)[:, None]
    return torch.cat([tokens[:, :middle], corrected, tokens[:, middle + 1 :]], dim=1)


def opened(shape: Tensor, opening: Tensor) -> Tensor:
    """Mouth shapes or movements (..., 4) whose inner gap is ``opening`` (...) times as wide; the height grows
    with it. It ends at ``WIDEST``, unless it was wider.
    """
    asked = shape.clone()
    gap = shape[..., GAP]
    asked[..., GAP] = torch.minimum(gap * opening, gap.clamp(min=WIDEST))
    asked[..., HEIGHT] += asked[..., GAP] - gap
    return asked


def load_core(folder: str) -> MultiReference:
    """A trained core.

    Raises:
        ConfigError: not such a folder.
    """
    return load_frozen(MultiReference, folder, "train.no_multi_reference")


def load_listener(net: MultiReference, path: str) -> None:
    """Start the speech side of a network from ``listener.safetensors`` of ``train listener``.

    Raises:
        ConfigError: the file is missing, or belongs to another shape.
    """
    if not Path(path).is_file():
        raise ConfigError("train.no_listener", path=path)
    own = {k: v for k, v in net.state_dict().items() if k.startswith(("speech.", "listener."))}
    state = {k: v for k, v in load_file(path).items() if not k.startswith("head.")}
    shapes, found = ({k: v.shape for k, v in each.items()} for each in (own, state))
    wrong = {key for key, _ in shapes.items() ^ found.items()}
    if wrong:
        raise ConfigError("train.listener_differs", path=path, weight=min(wrong))
    net.load_state_dict(state, strict=False)


def load_head(path: str) -> nn.Linear:
    """What reads movements off tokens, frozen, from ``listener.safetensors`` of ``train listener``.

    Raises:
        ConfigError: the file is missing, or was left without a head.
    """
    state = load_file(path) if Path(path).is_file() else {}
    if "head.1.weight" not in state:
        raise ConfigError("train.no_listener_head", path=path or "stage.listener")
    weight = state["head.1.weight"]
    head = nn.Linear(weight.shape[1], weight.shape[0])
    head.load_state_dict({"weight": weight, "bias": state["head.1.bias"]})
    return head.requires_grad_(False)
