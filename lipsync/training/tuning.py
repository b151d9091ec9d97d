"""Recipes that tune a trained core on the clips of one person, with the stages that trained it."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipsync import hub
from lipsync.errors import ConfigError
from lipsync.experts.perceptual import load_lpips
from lipsync.faces.references import Look, choose_for_use, sharpness, turn
from lipsync.media import read_audio
from lipsync.methods.base import Batch, LipSyncMethod, MethodCard
from lipsync.methods.multi_reference.infer import MultiReferenceMethod
from lipsync.methods.multi_reference.model import MultiReference
from lipsync.methods.visual_dubbing.infer import VisualDubbingMethod
from lipsync.methods.visual_dubbing.model import VisualDubbing, read_core
from lipsync.methods.wav2lip.convert import read_generator
from lipsync.methods.wav2lip.infer import Wav2LipMethod
from lipsync.methods.wav2lip.model import Generator
from lipsync.methods.wav2lip.opening import measure
from lipsync.training.augment import cut, framing
from lipsync.training.data import FPS, MARGIN, STORED, Clip
from lipsync.training.dubbing import DubbingConfig, DubbingStage
from lipsync.training.generator import GeneratorConfig, GeneratorStage
from lipsync.training.judges import mouth_square
from lipsync.training.loop import Stage, Update
from lipsync.training.multi_reference import MultiReferenceStage, MultiReferenceTraining
from lipsync.training.person import Person
from lipsync.training.screen import FRAME

JUDGED = 100  # frames of the held-out part that are drawn at a validation: 4 s
LOOKED_AT = 128  # pixels, side of the mouth's square as LPIPS sees it
CANDIDATES = 60  # frames of the part learned from among which the references are chosen
TOLERATED = 0.05  # of the mouth's correlation with the real one may be lost: on some seconds that is noise
BATCH = 16  # frames


@dataclass(frozen=True)
class Recipe:
    """How one kind of core is tuned.

    Attributes:
        stage: from the folder of a core and the clips to learn from.
        method: the stage's present weights as the pipeline would use them.
        folder: where the stage's ``export`` leaves them, in the run's.
        fitted: clips need the 3D face fitted to them.
    """

    stage: Callable[[Path, list[Clip]], Stage]
    method: Callable[[Any, MethodCard], LipSyncMethod]
    folder: str
    fitted: bool = False


def recipe_for(method: LipSyncMethod) -> Recipe:
    """The recipe for a loaded core.

    Raises:
        ConfigError: there is none for its network.
    """
    recipe = RECIPES.get(type(getattr(method, "net", None)))
    if recipe is None:
        raise ConfigError("adapt.cannot_learn", method=method.card.title)
    return recipe


def _features() -> tuple[float, str]:
    """Factor on the perceptual loss and its trunk, by the weights that are on this machine."""
    names = [name for name in ("alex", "vgg") if hub.locate(f"lpips_{name}") is not None]
    return (1.0, names[0]) if names else (0.0, "alex")


def _wav2lip_stage(folder: Path, clips: list[Clip]) -> Stage:
    config, _ = read_generator(folder)
    factor, features = _features()
    return GeneratorStage(
        GeneratorConfig(
            model=config, start=str(folder), windows=10, frames=2, learning_rate=5e-4, sync_weight=0.0,
            gan_weight=0.0, freeze_speech=True, freeze_norms=True, mouth_weight=2.0, swapped=0.4,
            anchor_weight=2.0, perceptual_weight=0.3 * factor, perceptual_frames=8, features=features,
            ema=0.98, decay_from=0.5,
        ),
        clips,
        [],
    )  # fmt: skip


def _multi_reference_stage(folder: Path, clips: list[Clip]) -> Stage:
    config = MultiReference.from_pretrained(str(folder)).config
    factor, features = _features()
    return MultiReferenceStage(
        MultiReferenceTraining(
            model=config, start=str(folder), windows=4, learning_rate=3e-4, freeze_listener=True, shrunk=True,
            framed_alike=True, wide=0.25, mouth_weight=4.0, perceptual_weight=0.1 * factor, features=features,
            ema=0.98,
        ),
        clips,
        [],
    )  # fmt: skip


def _dubbing_stage(folder: Path, clips: list[Clip]) -> Stage:
    factor, features = _features()
    return DubbingStage(
        DubbingConfig(
            model=read_core(folder).config.renderer, start=str(folder), faces=2, learning_rate=3e-4,
            optimizer="adam", decay_from=0.5, staged=False, late=0.5, perceptual_weight=0.1 * factor,
            style_weight=0.0, gan_weight=0.0, features=features, mouth_only=True, mouth_weight=3.0,
        ),
        clips,
        [],
    )  # fmt: skip


def _wav2lip_method(stage: GeneratorStage, card: MethodCard) -> LipSyncMethod:
    return Wav2LipMethod(card, deepcopy(stage.best), "")  # it folds batch norms away


def _multi_reference_method(stage: MultiReferenceStage, card: MethodCard) -> LipSyncMethod:
    net = MultiReference(stage.config.model)
    net.load_state_dict(stage.best.state_dict())
    return MultiReferenceMethod(card, net, "", encoder=stage.hearing.encoder)


def _dubbing_method(stage: DubbingStage, card: MethodCard) -> LipSyncMethod:
    assert stage.core is not None
    core = VisualDubbing(stage.core.config)
    core.load_state_dict(stage.core.state_dict())
    core.renderer.load_state_dict(stage.net.state_dict())
    return VisualDubbingMethod(card, core, "", morphable=stage.scene.model)


RECIPES: dict[type, Recipe] = {
    Generator: Recipe(_wav2lip_stage, _wav2lip_method, "generator"),
    MultiReference: Recipe(_multi_reference_stage, _multi_reference_method, "multi-reference"),
    VisualDubbing: Recipe(_dubbing_stage, _dubbing_method, "generator", fitted=True),
}


class PersonStage:
    """A stage whose validations are of the held-out part of one person's video.

    Args:
        stage: of the training.
        judge: measures it.
    """

    def __init__(self, stage: Stage, judge: Callable[[Stage], dict[str, float]]):
        self.stage, self.judge = stage, judge
        self.modules, self.optimizers = stage.modules, stage.optimizers
        self.frozen: dict[str, nn.Module] = getattr(stage, "frozen", {})

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        return self.stage.batch(rng)

    def step(self, batch: dict[str, Tensor], update: Update, progress: float) -> dict[str, float]:
        return self.stage.step(batch, update, progress)

    def check(self, folder: Path, step: int) -> dict[str, float]:
        return self.judge(self.stage)

    def export(self, folder: Path) -> None:
        self.stage.export(folder)


class Judge:
    """Measures a core on the held-out part of one person's video, drawn as the pipeline would.

    ``score`` is what an early stop looks at, lower is better: the mouth's LPIPS, or its L1 where LPIPS's
    weights are not on this machine, and more where the lips follow the speech clearly less than at first.
    """

    def __init__(self, person: Person, landmarker: Path):
        self.person, self.landmarker = person, landmarker
        found = hub.locate("lpips_alex")
        self.lpips = load_lpips("alex", found) if found is not None else None
        self.first: float | None = None  # correlation of the first measurement

    @torch.no_grad()
    def __call__(self, method: LipSyncMethod) -> dict[str, float]:
        """``mouth_l1``, ``mouth_lpips``, ``lipcorr`` (opening of the mouth, drawn and real) and ``score``."""
        references, marks = _references(self.person.train, method)
        matrix, _ = framing(STORED, method.crop_size, MARGIN, None)
        held = self.person.held
        faces = cut(np.concatenate([clip.faces for clip in held])[:JUDGED], matrix, method.crop_size)
        points = _moved(np.concatenate([clip.landmarks for clip in held])[:JUDGED], matrix)
        openings = np.concatenate([clip.shape[:, 0] for clip in held])[:JUDGED]
        sounds = [read_audio(clip.folder / f"{clip.name}.mp4")[: len(clip) * FRAME] for clip in held]
        speech = method.listen(np.concatenate(sounds))
        drawn = []
        for part in np.array_split(np.arange(len(faces)), -(-len(faces) // BATCH)):
            batch = Batch(faces[part], part / FPS, speech, references, points[part], marks)
            drawn.append(method.synthesize(batch))
        return self._measure(np.concatenate(drawn), faces, openings)

    def _measure(self, drawn: np.ndarray, real: np.ndarray, openings: np.ndarray) -> dict[str, float]:
        a, b = (mouth_square(torch.from_numpy(x).permute(0, 3, 1, 2).float() / 255) for x in (drawn, real))
        found = {"mouth_l1": float((a - b).abs().mean())}
        score = found["mouth_l1"]
        if self.lpips is not None:
            a, b = (F.interpolate(x, (LOOKED_AT, LOOKED_AT), mode="bilinear") * 2 - 1 for x in (a, b))
            parts = zip(a.split(BATCH), b.split(BATCH), strict=True)
            score = found["mouth_lpips"] = float(
                torch.cat([self.lpips(x, y).flatten() for x, y in parts]).mean()
            )
        gaps = measure(drawn, self.landmarker)
        known = ~np.isnan(gaps)
        still = known.sum() < 3 or min(gaps[known].std(), openings[known].std()) < 1e-6
        found["lipcorr"] = 0.0 if still else float(np.corrcoef(gaps[known], openings[known])[0, 1])
        if self.first is None:
            self.first = found["lipcorr"]
        found["score"] = score + max(0.0, self.first - found["lipcorr"] - TOLERATED)
        return found


def _references(clips: list[Clip], method: LipSyncMethod) -> tuple[np.ndarray, np.ndarray]:
    """(R, S, S, 3) reference crops of the part learned from, chosen as in use, and (R, 478, 2) landmarks."""
    matrix, _ = framing(STORED, method.crop_size, MARGIN, None)
    step = max(1, sum(map(len, clips)) // CANDIDATES)
    faces = np.concatenate([clip.faces[::step] for clip in clips])
    points = np.concatenate([clip.landmarks[::step] for clip in clips])
    openings = np.concatenate([clip.shape[::step, 0] for clip in clips])
    turns = turn(points)
    looks = [
        Look(float(gap), sharpness(face), float(side))
        for gap, face, side in zip(openings, faces, turns, strict=True)
    ]
    chosen = choose_for_use(looks, method.references)
    crops = cut(faces[chosen], matrix, method.crop_size)
    return crops, _moved(points[chosen], matrix)


def _moved(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(..., 2) float32 points of stored crops on crops cut by the (2, 3) ``matrix``."""
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
