"""Trains the renderer of visual dubbing (stage 2, section 3.3.2) on prepared clips and their fits."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lipsync.data.augmentation import cut, framing, light
from lipsync.data.clips import MARGIN, STORED, Clip, Sampler
from lipsync.data.fitted_clips import fit_of, fitted
from lipsync.errors import ConfigError
from lipsync.experts.frozen import mouth_square
from lipsync.faces.model3d.load import load_morphable
from lipsync.faces.tracking.landmarks import MOUTH_LEFT, MOUTH_RIGHT, mouth_opening
from lipsync.methods.visual_dubbing.config import (
    ExpressionConfig,
    RendererConfig,
    VisualDubbingConfig,
    completed,
)
from lipsync.methods.visual_dubbing.expression import load_expression
from lipsync.methods.visual_dubbing.model import Drawn, Renderer, RendererInput, VisualDubbing, read_core
from lipsync.methods.visual_dubbing.renderer.critic import Critic, critic_loss
from lipsync.methods.visual_dubbing.renderer.losses import (
    Features,
    correspondence_loss,
    masked_l1,
    perceptual_loss,
    ssim_loss,
    style_loss,
)
from lipsync.methods.visual_dubbing.renderer_input import Cut, Scene, mirrored, view_of
from lipsync.methods.visual_dubbing.validation import validate
from lipsync.registry import unknown
from lipsync.training.loop import Stage, Update
from lipsync.training.losses import lip_weight
from lipsync.training.ranger import Ranger
from lipsync.training.schedules import linear_decay

OPTIMIZERS = {"ranger": Ranger, "adam": torch.optim.Adam}
CANDIDATES = 5  # frames of a clip of which those with the widest mouths are the references, as in use


@dataclass(frozen=True)
class DubbingConfig:
    """Eq 30-32. The paper gives neither λ nor steps: λ are those of works it builds on, or chosen here."""

    model: RendererConfig = field(default_factory=RendererConfig)
    morphable: str = ""  # file of another 3DMM, such as a BFM; "" is ICT-FaceKit
    expression: str = ""  # RUN/expression of stage 1, which the core that is written takes in
    averaged: tuple[str, ...] = ()  # further such folders, averaged with it
    start: str = ""  # folder of a core to start from, whose stage 1 is kept where ``expression`` names none
    faces: int = 2  # per batch
    learning_rate: float = 1e-4
    # "ranger" (paper) or "adam": RAdam rectifies over some 2,000 steps, and Lookahead halves what is left, so
    # that a run of a few hundred steps hardly begins.
    optimizer: str = "ranger"
    decay_from: float = 1.0  # share of the run after which the learning rate falls linearly to 0
    staged: bool = True  # SFM and TMN first, then all with ε 0.1, then 0.2 (Table 4); else all from the start
    joint_from: float = 0.3  # share of the run
    late_from: float = 0.65
    early: float = 0.1  # ε of eq 32 up to ``late_from``
    late: float = 0.2  # and after it
    ssim_weight: float = 1.0  # λ_SSIM
    perceptual_weight: float = 1.0  # λ_p
    style_weight: float = 250.0  # λ_style
    gan_weight: float = 0.01  # λ_wgan
    gan_from: float = 0.0  # share of the run after which the critic joins
    gradient_penalty: float = 10.0  # λ_gp, of WGAN-GP's paper
    correspondence_weight: float = 0.02  # λ_corr, per pixel
    correspondence_most: float = 8.0  # pixels; the flow is not believed further
    critic_width: float = 1.0
    features: str = "vgg"  # "vgg", or "alex" where VGG is too slow
    mouth_only: bool = False  # features of the mouth's square alone, for the same reason
    # Aids for little data, not in the paper.
    augment: bool = False  # random framing, light and mirror
    mouth_weight: float = 0.0  # extra weight of the L1 around the lips


class GroundTruth(NamedTuple):
    """What the renderer should have drawn, below the row where it draws."""

    target: Tensor  # (B, 3, H, S) real faces in 0..1
    hole: Tensor  # (B, 1, H, S) 1 where pixels were taken away
    weight: Tensor  # (B, 1, H, S) of the L1, more around the lips


class DubbingStage(Stage):
    settings = DubbingConfig

    def __init__(self, config: DubbingConfig, train: list[Clip], dev: list[Clip]):
        if config.features not in ("vgg", "alex"):
            raise ConfigError("train.features", features=config.features)
        if config.optimizer not in OPTIMIZERS:
            raise ConfigError(unknown("kind.optimizer", config.optimizer, OPTIMIZERS))
        make = OPTIMIZERS[config.optimizer]
        self.config = config
        self.scene = Scene(load_morphable(config.morphable or None))
        self.dev = fitted(dev)
        self.sampler: Sampler = Sampler(fitted(train, needed=True), 2)
        self.net = Renderer(config.model)
        self.core = read_core(config.start) if config.start else None
        if self.core is not None:
            self.net.load_state_dict(self.core.renderer.state_dict())
        self.critic = Critic(config.critic_width)
        self.modules: dict[str, nn.Module] = {"renderer": self.net}
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "renderer": make(self.net.parameters(), config.learning_rate)
        }
        if config.gan_weight:
            self.modules["critic"] = self.critic
            self.optimizers["critic"] = make(self.critic.parameters(), config.learning_rate)
        wants = config.perceptual_weight or config.style_weight
        self.feature_net = Features(config.features) if wants else None  # type: ignore[arg-type]
        self.frozen: dict[str, nn.Module] = (
            {"features": self.feature_net} if self.feature_net is not None else {}
        )

    @classmethod
    def restored(cls, settings: dict[str, Any]) -> dict[str, Any]:
        return super().restored({**settings, "model": completed(settings["model"])})

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        clips = self.sampler.draw(self.config.faces, rng)
        views, targets, lips = zip(*(self._sample(clip, rng) for clip in clips), strict=True)
        batch = {name: torch.cat([getattr(view, name) for view in views]) for name in RendererInput._fields}
        return batch | {"target": torch.cat(targets), "lips": torch.cat(lips)}

    def _sample(self, clip: Clip, rng: np.random.Generator) -> tuple[RendererInput, Tensor, Tensor]:
        """One frame of a clip as the renderer sees it in use."""
        size, fit, augment = self.config.model.size, fit_of(clip), self.config.augment
        known = np.flatnonzero(fit.valid[: len(clip)])
        at = int(rng.choice(known))
        others = self._references(clip, known, at, rng)
        maps = [_framing(size, rng if augment else None), _framing(size, None)]
        table = light(rng) if augment else None
        mirror = augment and rng.random() < 0.5
        face = _tensor(cut(clip.pictures(np.array([at])), maps[0], size, table))
        other_pictures = np.concatenate([clip.pictures(np.array([i])) for i in others])
        references = _tensor(cut(other_pictures, maps[1], size, table))
        target, sources = Cut(np.array([at]), maps[0], face), Cut(others, maps[1], references)
        view = view_of(self.scene, fit, target, sources, self.config.model.guide)
        points = clip.points(np.array([at]))[:, [MOUTH_LEFT, MOUTH_RIGHT, 0, 17]]
        lips = torch.from_numpy(points @ maps[0][:, :2].T + maps[0][:, 2]).float()
        if mirror:
            view, face = mirrored(view), face.flip(3)
            lips = lips * lips.new_tensor((-1.0, 1.0)) + lips.new_tensor((size - 1.0, 0.0))
        return view, face, lips

    def _references(self, clip: Clip, known: np.ndarray, at: int, rng: np.random.Generator) -> np.ndarray:
        """(R,) of ``known`` frames that frame ``at`` is drawn from: those with the widest of some mouths."""
        far = known[np.abs(known - at) >= 10]  # the frames beside it would be the answer
        count = self.config.model.references
        others = rng.choice(far if len(far) else known, max(CANDIDATES, count))
        openings = np.concatenate([mouth_opening(clip.points(np.array([i]))) for i in others])
        return others[np.argsort(-openings, kind="stable")[:count]]

    def learning_rate_factor(self, progress: float) -> float:
        return linear_decay(progress, self.config.decay_from)

    def step(self, batch: dict[str, Tensor], update: Update, progress: float) -> dict[str, float]:
        config = self.config
        # The base model of Table 4 has neither SFM nor TMN: nothing that could be trained first.
        alone = self.net.motion is None and self.net.texture is None
        inpaint = not config.staged or alone or progress >= config.joint_from
        late = not config.staged or progress >= config.late_from
        epsilon = (config.late if late else config.early) if inpaint else 0.0
        with_gan = config.gan_weight > 0 and progress >= config.gan_from
        target, top = batch["target"], config.model.top
        view = RendererInput(*(batch[name] for name in RendererInput._fields))
        with update.autocast():
            drawn = self.net(view, inpaint)
        drawn = Drawn(*(x.float() for x in drawn))
        weight = lip_weight(batch["lips"], target.shape[-1], config.mouth_weight)
        truth = GroundTruth(*(x[:, :, top:] for x in (target, view.hole, weight)))
        values = self._losses(drawn, truth, update, inpaint, with_gan)
        loss = epsilon * values["inpainted"] + (1 - epsilon) * values["mended"]  # eq 32
        update(loss, self.net, self.optimizers["renderer"])
        if with_gan:
            fakes = [x.detach()[:, :, top:] for x in (drawn.mended, drawn.face)[: 1 + inpaint]]
            values["critic"] = critic_loss(self.critic, truth.target, fakes, config.gradient_penalty)
            update(values["critic"], self.critic, self.optimizers["critic"])
        return {"loss": loss.item(), **{key: value.item() for key, value in values.items()}}

    def _losses(
        self,
        drawn: Drawn,
        truth: GroundTruth,
        update: Update,
        inpaint: bool,
        with_gan: bool,
    ) -> dict[str, Tensor]:
        """Eq 30 as "inpainted" and eq 31 as "mended", and the parts that get a column of the log."""
        config, top = self.config, self.config.model.top
        target, hole, weight = truth
        mended, face, warped = (x[:, :, top:] for x in (drawn.mended, drawn.face, drawn.warped))
        wanted = self._features(target, update, top) if self.feature_net is not None else []
        values = {"warp_l1": masked_l1(warped, target, hole).detach()}
        totals = {"mended": masked_l1(mended, target, hole * weight)}
        values["mended_l1"] = totals["mended"].detach()
        if config.correspondence_weight and self.net.motion is not None:
            wanted_each, hole_each = (x.repeat_interleave(config.model.references, 0) for x in (target, hole))
            values["position"] = correspondence_loss(
                drawn.grid, drawn.moved[:, :, top:], wanted_each, hole_each, config.correspondence_most
            )
            totals["mended"] = totals["mended"] + config.correspondence_weight * values["position"]
        if inpaint:
            totals["inpainted"] = masked_l1(face, target, weight)
            values["face_l1"] = masked_l1(face, target, hole).detach()
        for name, picture in (("mended", mended), ("inpainted", face)):
            if name not in totals:
                continue
            # I_e is only asked for inside the hole: outside it shows the reference's surroundings.
            shown = picture if name == "inpainted" else picture * hole + target * (1 - hole)
            if config.ssim_weight:
                totals[name] = totals[name] + config.ssim_weight * ssim_loss(shown, target)
            if self.feature_net is not None:
                found = self._features(shown, update, top)
                totals[name] = totals[name] + config.perceptual_weight * perceptual_loss(found, wanted)
                if name == "inpainted":
                    totals[name] = totals[name] + config.style_weight * style_loss(found, wanted)
            if with_gan:
                totals[name] = totals[name] - config.gan_weight * self.critic(shown).mean()
        totals.setdefault("inpainted", totals["mended"].new_zeros(()))
        return values | totals

    def _features(self, pictures: Tensor, update: Update, top: int) -> list[Tensor]:
        assert self.feature_net is not None
        if self.config.mouth_only:
            pictures = mouth_square(torch.nn.functional.pad(pictures, (0, 0, top, 0)))
        with update.autocast():
            return [x.float() for x in self.feature_net(pictures)]

    def check(self, folder: Path, step: int) -> dict[str, float]:
        """People kept out of training with their own expressions; writes a contact sheet."""
        return validate(self.net, self.scene, self.dev, folder / f"sheet-{step:06d}.png")

    def export(self, folder: Path) -> None:
        if self.core is not None and not self.config.expression:  # all else of the core stays as it is
            self.core.renderer.load_state_dict(self.net.state_dict())
            self.core.save_pretrained(folder / "generator")
            return
        stage1 = load_expression(self.config.expression) if self.config.expression else None
        size = self.scene.model.expression_size
        expression = stage1.config if stage1 else ExpressionConfig(expression_size=size)
        further = [load_expression(one) for one in self.config.averaged]
        averaged = tuple(one.config for one in further)
        config = VisualDubbingConfig(expression, self.config.model, self.config.morphable, averaged)
        core = VisualDubbing(config)
        core.renderer.load_state_dict({k: v.cpu() for k, v in self.net.state_dict().items()})
        if stage1 is not None:
            core.expression.load_state_dict(stage1.state_dict())
        for net, one in zip(core.averaged, further, strict=True):
            net.load_state_dict(one.state_dict())
        core.save_pretrained(folder / "generator")


def _framing(size: int, rng: np.random.Generator | None) -> np.ndarray:
    """As ``framing``, never mirrored: a mirrored head has no pose. Whole views are mirrored instead."""
    matrix, is_mirrored = framing(STORED, size, MARGIN, rng)
    if is_mirrored:
        matrix[0] = -matrix[0]
        matrix[0, 2] += size - 1
    return matrix


def _tensor(pictures: np.ndarray) -> Tensor:
    """(B, 3, S, S) in 0..1 of (B, S, S, 3) uint8."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
