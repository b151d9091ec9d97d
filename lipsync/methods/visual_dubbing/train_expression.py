"""Trains stage 1 of visual dubbing: speech and semantic images to expression coefficients (eq 11-13)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lipsync.audio.encoders import SpeechEncoder, load_encoder
from lipsync.audio.features import features, frame_windows
from lipsync.audio.selector import select
from lipsync.data.augmentation import cut, framing, mask_bands
from lipsync.data.backgrounds import silent_sound
from lipsync.data.clips import FPS, MARGIN, STORED, Clip, Sampler
from lipsync.data.expression_curves import ExpressionCurves, load_curves
from lipsync.data.fitted_clips import fit_of, fitted
from lipsync.errors import ConfigError
from lipsync.faces.model3d.camera import place
from lipsync.faces.model3d.load import load_morphable
from lipsync.faces.tracking.landmarks import LIP_LOWER_INNER, LIP_UPPER_INNER, mouth_opening
from lipsync.media import read_audio
from lipsync.methods.visual_dubbing.config import ExpressionConfig, VisualDubbingConfig
from lipsync.methods.visual_dubbing.expression import ExpressionNet, take_tower
from lipsync.methods.visual_dubbing.model import VisualDubbing, read_core
from lipsync.methods.visual_dubbing.renderer_input import Scene
from lipsync.methods.visual_dubbing.semantic import SemanticImages
from lipsync.registry import unknown
from lipsync.training.loop import Stage, Update
from lipsync.training.losses import correlation
from lipsync.training.ranger import Ranger
from lipsync.training.schedules import linear_decay

REDUCTIONS = ("sum", "mean")
SILENT_SOUNDS = 40  # made once
STILL = 96  # pixels of the face that the Wav2Lip core makes speak


@dataclass(frozen=True)
class ExpressionStageConfig:
    """Eq 11-13 with the paper's weights; what the paper does not have is off by default."""

    model: ExpressionConfig = field(default_factory=ExpressionConfig)
    morphable: str = ""  # file of another 3DMM, such as a BFM; "" is ICT-FaceKit
    renderer: str = ""  # RUN/generator of stage 2: a core with its renderer is written beside the network
    semantic: str = ""  # folder that keeps the semantic images of the clips; needed where the model has them
    stretches: int = 16  # per batch
    frames: int = 25  # per stretch
    learning_rate: float = 2e-4
    decay_from: float = 1.0  # share of the run after which the learning rate falls linearly to 0
    shape_weight: float = 0.5  # λ_shape of eq 13
    # Eq 11 and 12 are sums: over frames and coefficients, over frames and both coordinates of all landmarks.
    # "mean" takes the mean over frames, and of a frame's landmarks, so that λ_shape weighs 2 N times less.
    reduction: str = "sum"
    # Aids for little data, not in the paper.
    size_weight: float = 0.0  # L1 on mean and standard deviation over time of the lips' gap, millimetres
    silent_stretches: int = 0  # per batch, of sound without speech, in which the person's lips are closed
    encoder_weights: str = ""  # local folder of a pre-trained encoder's weights; "" fetches them
    correlation_weight: float = 0.0  # 1 - r of the lips' gap along time: L1 alone makes mouths shy
    speech: str = ""  # model.safetensors of a Wav2Lip core, for a model whose tower is "wav2lip"
    freeze_speech: bool = False  # keep the tower's weights fixed, so that it still generalises
    augment: bool = False  # speech as another room or voice would have it
    curves: str = ""  # folder of speech with measured expression curves, which a head of their own learns
    curve_weight: float = 0.0
    curve_stretches: int = 0  # of them per batch


class ExpressionStage(Stage):
    settings = ExpressionStageConfig
    before: ClassVar[dict[str, Any]] = {"reduction": "mean"}

    def __init__(self, config: ExpressionStageConfig, train: list[Clip], dev: list[Clip]):
        if config.model.semantic_images and not config.semantic:
            raise ConfigError("train.no_semantic")
        if config.reduction not in REDUCTIONS:
            raise ConfigError(unknown("reduction", config.reduction, REDUCTIONS))
        self.config = config
        self.scene = Scene(load_morphable(config.morphable or None))
        if self.scene.model.expression_size != config.model.expression_size:
            raise ConfigError(
                "train.expression_size",
                found=self.scene.model.expression_size,
                wanted=config.model.expression_size,
            )
        self.dev = fitted(dev)
        self.sampler: Sampler = Sampler(fitted(train, needed=True), config.frames)
        self.curves = load_curves(Path(config.curves)) if config.curves else []
        self.images = SemanticImages(mouth_only=config.model.mouth_only) if config.semantic else None
        self.net = ExpressionNet(config.model)
        self.encoder: SpeechEncoder | None = None
        self.encoded: dict[str, np.ndarray] = {}  # (L, D) float16 by clip, of a pre-trained encoder
        rng = np.random.default_rng(0)
        count = SILENT_SOUNDS if config.silent_stretches else 0
        self.silent = [silent_sound(config.frames / FPS + 1, rng) for _ in range(count)]
        if config.model.encoder:
            folder = Path(config.encoder_weights) if config.encoder_weights else None
            self.encoder = load_encoder(config.model.encoder, folder, cache=True)
            for clip in [*self.sampler.clips, *self.dev]:
                self.encoded[clip.name] = self._encode(read_audio(clip.folder / f"{clip.name}.mp4"))
            whole = np.concatenate([self.encoded[clip.name][::4] for clip in self.sampler.clips])
            self.net.speech.standardise(  # type: ignore[operator]
                torch.from_numpy(whole.astype(np.float32))
            )
            self.silent = [self._encode(sound) for sound in self.silent]
        if config.speech:
            take_tower(self.net, Path(config.speech))
        self.net.speech.requires_grad_(not config.freeze_speech)
        self.modules: dict[str, nn.Module] = {"expression": self.net}
        if self.curves:
            count = self.curves[0].values.shape[1]
            self.modules["curves"] = nn.Linear(2 * config.model.hidden, count)
        parameters = [p for module in self.modules.values() for p in module.parameters() if p.requires_grad]
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "expression": Ranger(parameters, config.learning_rate)
        }
        self.lips = [
            int((self.scene.model.mediapipe_indices == point).nonzero()[0, 0])
            for point in (LIP_UPPER_INNER, LIP_LOWER_INNER)
        ]

    def _encode(self, samples: np.ndarray) -> np.ndarray:
        assert self.encoder is not None
        return self.encoder.encode(samples).astype(np.float16)

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        config, parts = self.config, []
        for clip in self.sampler.draw(config.stretches, rng):
            first = int(rng.integers(0, len(clip) - config.frames + 1))
            parts.append(self._stretch(clip, np.arange(first, first + config.frames), rng))
        for part in parts[len(parts) - config.silent_stretches :] if config.silent_stretches else ():
            part["silent"] = np.ones(1, np.float32)
            part["expression"] = np.repeat(part["closed"][None], config.frames, 0)
            part["speech"] = self._silence(rng)
        batch = {name: torch.from_numpy(np.stack([part[name] for part in parts])) for name in parts[0]}
        for count in (config.curve_stretches,) if self.curves else ():
            drawn = [self._curve(self.sampler.draw(1, rng)[0], rng) for _ in range(count)]
            for name in drawn[0] if drawn else ():
                batch[f"curve_{name}"] = torch.from_numpy(np.stack([part[name] for part in drawn]))
        return batch

    def _stretch(
        self, clip: Clip, at: np.ndarray, rng: np.random.Generator | None = None
    ) -> dict[str, np.ndarray]:
        """Arrays of some frames in a row."""
        if self.encoder is not None:
            speech = self._selected(self.encoded[clip.name], at / FPS)
        else:
            speech = clip.speech(at, self.config.model.audio, rng if self.config.augment else None)
        if rng is not None and self.config.augment and self.encoder is None:
            speech = mask_bands(speech, rng, widest=6)
        fit = fit_of(clip)
        rest = np.median(fit.expression[fit.valid], axis=0) * self.config.model.relative
        gap = clip.shape[:, 0]
        shut = fit.valid & (gap <= np.quantile(gap, 0.25))
        closed = fit.expression[shut if shut.any() else fit.valid].mean(0)
        found = {
            "speech": speech,
            "silent": np.zeros(1, np.float32),
            "closed": closed.astype(np.float32),
            "expression": fit.expression[at],
            "rest": rest.astype(np.float32),
            "pose": fit.pose[at],
            "identity": fit.identity,
            "valid": fit.valid[at].astype(np.float32),
            "focal": np.float32(fit.focal),
        }
        if self.images is not None:
            found["pictures"] = self._pictures(clip)[at].transpose(0, 3, 1, 2)
        return found

    def _selected(self, features: np.ndarray, times: np.ndarray) -> np.ndarray:
        model = self.config.model
        return select(features, model.encoder_rate, times, model.encoder_count).astype(np.float32)

    def _silence(self, rng: np.random.Generator) -> np.ndarray:
        """What a stretch of sound without speech gives."""
        sound = self.silent[int(rng.integers(len(self.silent)))]
        at = 0.5 + np.arange(self.config.frames) / FPS
        if self.encoder is not None:
            return self._selected(sound, at)
        audio = self.config.model.audio
        return frame_windows(features(sound, audio), at, audio)

    def _pictures(self, clip: Clip) -> np.ndarray:
        """(T, s, s, 3) uint8 semantic images of a clip; drawn once and kept."""
        assert self.images is not None
        path = Path(self.config.semantic) / f"{clip.name}.npy"
        if not path.is_file():
            speech = self.images.encode_audio(read_audio(clip.folder / f"{clip.name}.mp4"))
            drawn = self.images.draw(self._still(clip), speech, np.arange(len(clip)) / FPS)
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            with partial.open("wb") as file:
                np.save(file, drawn)
            partial.replace(path)
        return np.load(path, mmap_mode="r")

    def _still(self, clip: Clip) -> np.ndarray:
        """(96, 96, 3) uint8 of the frame whose mouth is open as usual."""
        openings = mouth_opening(clip.points(np.arange(len(clip))))
        frame = int(np.argsort(openings, kind="stable")[len(openings) // 2])
        matrix, _ = framing(STORED, STILL, MARGIN, None)
        return cut(clip.pictures(np.array([frame])), matrix, STILL)[0]

    def _curve(self, clip: Clip, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """A stretch of a recording with measured curves; its semantic images show the face of a clip."""
        config = self.config
        curves: ExpressionCurves = self.curves[int(rng.integers(len(self.curves)))]
        first = int(rng.integers(0, len(curves.values) - config.frames + 1))
        at = np.arange(first, first + config.frames)
        start = max(0.0, at[0] / FPS - 0.5)
        samples = curves.samples[int(start * 16000) : int((at[-1] / FPS + 0.5) * 16000)]
        times = at / FPS - start
        found = {
            "speech": frame_windows(features(samples, config.model.audio), times, config.model.audio),
            "values": curves.values[at],
        }
        if self.images is not None:
            pictures = self.images.draw(self._still(clip), self.images.encode_audio(samples), times)
            found["pictures"] = pictures.transpose(0, 3, 1, 2)
        return found

    def learning_rate_factor(self, progress: float) -> float:
        return linear_decay(progress, self.config.decay_from)

    def step(self, batch: dict[str, Tensor], update: Update, progress: float) -> dict[str, float]:
        config = self.config
        if config.freeze_speech:
            self.net.speech.eval()  # nor may its batch statistics drift
        with update.autocast():
            predicted = self.net(batch["speech"], _shown(batch.get("pictures")))
        predicted = predicted.float() + batch["rest"][:, None]
        values = self._losses(predicted, batch, config.reduction)
        loss = values["exp"] + config.shape_weight * values["shape"]  # eq 13
        loss = loss + config.correlation_weight * (1 - values["r_gap"])
        loss = loss + config.size_weight * values["size"]
        if "curve_speech" in batch and config.curve_weight:
            with update.autocast():
                hidden = self.net.hidden(batch["curve_speech"], _shown(batch.get("curve_pictures")))
                read = self.modules["curves"](hidden)
            values["curves"] = (read.float() - batch["curve_values"]).abs().sum(-1).mean()
            loss = loss + config.curve_weight * values["curves"]
        update(loss, nn.ModuleDict(self.modules), self.optimizers["expression"])
        return {"loss": loss.item(), **{key: value.item() for key, value in values.items()}}

    def _losses(self, predicted: Tensor, batch: dict[str, Tensor], reduction: str) -> dict[str, Tensor]:
        """Eq 11, eq 12 in pixels of a 192-pixel face square, and r of the gap between the lips.

        Frames that could not be fitted do not count, nor do the coefficients that speech does not drive.
        """
        speech_driven = self.scene.speech_driven.to(predicted.device)
        error = (predicted - batch["expression"])[..., speech_driven]
        whole = batch["expression"].clone()
        whole[..., speech_driven] = predicted[..., speech_driven]
        own, projected = self._landmarks(batch["expression"], batch)
        mouth, projected_mouth = self._landmarks(whole, batch)
        apart = (projected - projected_mouth) * 192 * MARGIN / STORED
        upper, lower = self.lips
        gaps = [(x[:, :, upper] - x[:, :, lower]).norm(dim=-1, keepdim=True) for x in (mouth, own)]
        exp, shape = expression_losses(error, apart, batch["valid"], reduction)
        active = 1 - batch["silent"]  # (B, 1)
        size = (gaps[0].mean(1) - gaps[1].mean(1)).abs() + (gaps[0].std(1) - gaps[1].std(1)).abs()
        return {
            "exp": exp,
            "shape": shape,
            "r_gap": (correlation(*gaps) * active).sum() / active.sum().clamp(min=1),
            "size": (size * active).sum() / active.sum().clamp(min=1),
            "spread": (gaps[0].std(1) * active).sum() / (gaps[1].std(1) * active).sum().clamp(min=1e-6),
        }

    def _landmarks(self, expression: Tensor, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(B, T, L, 3) landmarks of the head at rest, millimetres; (B, T, L, 2) pixels of the stored crop."""
        shape = expression.shape[:2]
        model = self.scene.model.to(expression.device)
        identity = batch["identity"][:, None].expand(-1, shape[1], -1).flatten(0, 1)
        points = model.landmarks(identity, expression.flatten(0, 1))  # (B T, L, 3)
        placed = place(points, batch["pose"].flatten(0, 1))
        focal = batch["focal"][:, None].expand(shape).reshape(-1, 1, 1)
        pixels = placed[..., :2] / placed[..., 2:].clamp(min=1) * focal
        return points.unflatten(0, shape), pixels.unflatten(0, shape)

    def check(self, folder: Path, step: int) -> dict[str, float]:
        """r of the lips' gap, and the mean error of the spoken coefficients (AED), on people kept out."""
        device = next(self.net.parameters()).device
        rows, frames = [], []
        for clip in self.dev:
            part = self._stretch(clip, np.arange(len(clip)))
            batch = {k: torch.from_numpy(np.asarray(v))[None].to(device) for k, v in part.items()}
            mouth = self.net(batch["speech"], _shown(batch.get("pictures")))
            mouth = self.net.settle(mouth, batch["rest"][:, None])
            found = self._losses(mouth, batch, "mean")
            aed = found["exp"] / len(self.scene.speech_driven)
            rows.append([float(found["r_gap"]), float(aed), float(found["shape"]), float(found["spread"])])
            frames.append(len(clip))
        if not rows:
            return {}
        mean = np.average(rows, axis=0, weights=frames)
        return dict(zip(("dev_r_gap", "dev_aed", "dev_shape", "dev_spread"), map(float, mean), strict=True))

    def export(self, folder: Path) -> None:
        out = folder / "expression"
        out.mkdir(exist_ok=True)
        state = {k: v.contiguous().cpu() for k, v in self.net.state_dict().items()}
        save_file(state, out / "model.safetensors", metadata={"format": "pt"})
        (out / "config.json").write_text(json.dumps(asdict(self.config.model), indent=2), encoding="utf-8")
        if self.config.renderer:
            core = read_core(self.config.renderer)
            config = VisualDubbingConfig(self.config.model, core.config.renderer, self.config.morphable)
            whole = VisualDubbing(config)
            whole.renderer.load_state_dict(core.renderer.state_dict())
            whole.expression.load_state_dict(state)
            whole.save_pretrained(folder / "generator")


def expression_losses(error: Tensor, apart: Tensor, valid: Tensor, reduction: str) -> tuple[Tensor, Tensor]:
    """Eq 11 and eq 12, mean over the batch.

    Args:
        error: (B, T, m) β - β*.
        apart: (B, T, N, 2) l - l*, pixels.
        valid: (B, T) 1 for frames that count, 0 for others.
        reduction: "sum" over frames and landmarks as printed, or the "mean" of both.
    """
    exp, shape = error.abs().sum(-1) * valid, apart.abs().sum((2, 3)) * valid  # (B, T)
    if reduction == "sum":
        return exp.sum(1).mean(), shape.sum(1).mean()
    count = valid.sum().clamp(min=1)
    return exp.sum() / count, shape.sum() / count / (apart.shape[2] * 2)


def _shown(pictures: Tensor | None) -> Tensor | None:
    return None if pictures is None else pictures.float() / 255
