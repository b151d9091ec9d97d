"""A trained core tuned on the clips of one person: what is measured, and what is trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lipsync.data.augmentation import cut, framing
from lipsync.data.clips import FPS, MARGIN, STORED, Clip
from lipsync.data.preparation.person import PersonClips
from lipsync.data.preparation.quality import FRAME
from lipsync.errors import ConfigError
from lipsync.experts.frozen import mouth_square
from lipsync.experts.perceptual import load_lpips
from lipsync.faces.references import Look, choose_for_use, laplacian_variance, turn
from lipsync.media import read_audio
from lipsync.methods.base import Batch, LipSyncMethod
from lipsync.methods.entry import MethodEntry, entry_for
from lipsync.methods.registry import Recipe
from lipsync.methods.wav2lip.opening import measure
from lipsync.registry import imported
from lipsync.training.loop import Stage, Update
from lipsync.weights import hub

SCORED = 100  # frames of the held-out part that are drawn at a validation: 4 s
LOOKED_AT = 128  # pixels, side of the mouth's square as LPIPS sees it
CANDIDATES = 60  # frames of the part learned from among which the references are chosen
TOLERATED = 0.05  # of the mouth's correlation with the real one may be lost: on some seconds that is noise
BATCH = 16  # frames


def recipe_for(core: MethodEntry, weights: Path) -> Recipe:
    """The recipe for a core with the weights of a folder.

    Raises:
        ConfigError: there is none for the network that these weights are of.
    """
    recipe = entry_for(weights).recipe
    if not recipe:
        raise ConfigError("adapt.cannot_learn", method=core.card.title)
    return imported(recipe)


class PersonStage(Stage):
    """A stage whose validations are of the held-out part of one person's video.

    Args:
        stage: of the training.
        evaluate: measures it.
    """

    def __init__(self, stage: Stage, evaluate: Callable[[Stage], dict[str, float]]):
        self.stage, self.evaluate = stage, evaluate
        self.modules, self.optimizers = stage.modules, stage.optimizers
        self.frozen = stage.frozen

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        return self.stage.batch(rng)

    def step(self, batch: dict[str, Tensor], update: Update, progress: float) -> dict[str, float]:
        return self.stage.step(batch, update, progress)

    def check(self, folder: Path, step: int) -> dict[str, float]:
        return self.evaluate(self.stage)

    def export(self, folder: Path) -> None:
        self.stage.export(folder)


class HeldOutScore:
    """Measures a core on the held-out part of one person's video, drawn as the pipeline would.

    ``score`` is what an early stop looks at, lower is better: the mouth's LPIPS, or its L1 where LPIPS's
    weights are not on this machine, and more where the lips follow the speech clearly less than at first.
    """

    def __init__(self, person: PersonClips, landmarker: Path):
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
        faces = cut(np.concatenate([clip.faces for clip in held])[:SCORED], matrix, method.crop_size)
        points = _moved(np.concatenate([clip.landmarks for clip in held])[:SCORED], matrix)
        openings = np.concatenate([clip.shape[:, 0] for clip in held])[:SCORED]
        sounds = [read_audio(clip.folder / f"{clip.name}.mp4")[: len(clip) * FRAME] for clip in held]
        speech = method.encode_audio(np.concatenate(sounds))
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
        Look(float(gap), laplacian_variance(face), float(side))
        for gap, face, side in zip(openings, faces, turns, strict=True)
    ]
    chosen = choose_for_use(looks, method.references)
    crops = cut(faces[chosen], matrix, method.crop_size)
    return crops, _moved(points[chosen], matrix)


def _moved(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(..., 2) float32 points of stored crops on crops cut by the (2, 3) ``matrix``."""
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
