"""How a core of visual dubbing learns one person: its renderer does."""

from __future__ import annotations

from pathlib import Path

from lipsync.data.clips import Clip
from lipsync.experts.perceptual import available_features
from lipsync.methods.base import LipSyncMethod, MethodCard
from lipsync.methods.registry import Recipe
from lipsync.methods.visual_dubbing.infer import VisualDubbingMethod
from lipsync.methods.visual_dubbing.model import VisualDubbing, read_core_config
from lipsync.methods.visual_dubbing.train_renderer import DubbingConfig, DubbingStage


def _stage(folder: Path, clips: list[Clip]) -> DubbingStage:
    factor, features = available_features()
    core = read_core_config(folder)
    return DubbingStage(
        DubbingConfig(
            model=core.renderer, morphable=core.morphable, start=str(folder), faces=2, learning_rate=3e-4,
            optimizer="adam", decay_from=0.5, staged=False, late=0.5, perceptual_weight=0.1 * factor,
            style_weight=0.0, gan_weight=0.0, features=features, mouth_only=True, mouth_weight=3.0,
        ),
        clips,
        [],
    )  # fmt: skip


def _method(stage: DubbingStage, card: MethodCard) -> LipSyncMethod:
    assert stage.core is not None
    core = VisualDubbing(stage.core.config)
    core.load_state_dict(stage.core.state_dict())
    core.renderer.load_state_dict(stage.net.state_dict())
    return VisualDubbingMethod(card, core, "", morphable=stage.scene.model)


def _morphable(folder: Path) -> Path | None:
    name = read_core_config(folder).morphable
    return Path(name) if name else None


RECIPE = Recipe(_stage, _method, "generator", _morphable)
