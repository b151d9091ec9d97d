"""Trains the network that finds what is before a mouth, on covers that are drawn onto clips.

Half of the pictures show a cover whose outline is known; the others show none, but often a beard, a tongue,
strong light or other things that might be taken for one (:mod:`lipsync.data.drawn_covers`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipsync.data.augmentation import framing
from lipsync.data.clips import MARGIN, STORED, Clip, Sampler
from lipsync.data.drawn_covers import COVERS, Cover, CoveredFace, changed, laid
from lipsync.faces.covers import SIZE, TOP, CoverConfig, CoverNet, as_input
from lipsync.faces.tracking.landmarks import LIPS_OUTER
from lipsync.training.loop import Stage, Update
from lipsync.training.schedules import one_cycle

DEV_PICTURES = 150  # of each kind
SHARES = (0.34, 0.16, 0.16, 0.10, 0.16, 0.08)  # of the kinds in COVERS: hands are the most frequent, and hard


@dataclass(frozen=True)
class CoverTraining:
    model: CoverConfig = field(default_factory=CoverConfig)
    pictures: int = 24  # per batch
    frames: int = 24  # of each clip, evenly spread
    cover_share: float = 0.55  # of the pictures; the others show no cover
    beside_share: float = 0.3  # of the covers are anywhere in the lower face instead of before the mouth
    learning_rate: float = 4e-3  # highest, one cycle
    weight_decay: float = 1e-3


@dataclass(frozen=True)
class Frames:
    """Frames of one person."""

    faces: np.ndarray  # (N, 160, 160, 3) uint8, stored crops
    points: np.ndarray  # (N, 478, 2) float32


class CoverStage(Stage):
    settings = CoverTraining

    def __init__(self, config: CoverTraining, train: list[Clip], dev: list[Clip]):
        self.config = config
        self.sampler: Sampler = Sampler(train, 1, memory=0)
        self.train, self.dev = _people(self.sampler.clips, config.frames), _people(dev, config.frames)
        self.net = CoverNet(config.model)
        self.modules: dict[str, nn.Module] = {"cover": self.net}
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "cover": torch.optim.AdamW(
                self.net.parameters(), config.learning_rate, weight_decay=config.weight_decay
            )
        }

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        config, pictures, labels = self.config, [], []
        for _ in range(config.pictures):
            make = None
            if rng.random() < config.cover_share:
                make = COVERS[rng.choice(len(COVERS), p=SHARES)]
            picture, label = sample(self.train, make, rng, config.beside_share)
            pictures.append(picture)
            labels.append(label)
        return {
            "picture": torch.from_numpy(np.stack(pictures)),  # (B, 72, 96, 3) uint8
            "label": torch.from_numpy(np.stack(labels)),  # (B, 72, 96)
        }

    def learning_rate_factor(self, progress: float) -> float:
        return one_cycle(progress)

    def step(self, batch: dict[str, Tensor], update: Update, progress: float) -> dict[str, float]:
        with update.autocast():
            logits = self.net(as_input(batch["picture"])).float()
        label = batch["label"].float()
        entropy = F.binary_cross_entropy_with_logits(logits, label)
        found = logits.sigmoid()
        # How well the outlines agree, whatever their size; 0 of a picture without a cover.
        both, either = (found * label).sum((1, 2)), (found + label).sum((1, 2))
        covered = (label.sum((1, 2)) > 0).float()
        dice = ((1 - (2 * both + 1) / (either + 1)) * covered).mean()
        loss = entropy + 0.3 * dice
        update(loss, self.net, self.optimizers["cover"])
        return {"entropy": float(entropy.detach()), "dice": float(dice.detach())}

    def check(self, folder: Path, step: int) -> dict[str, float]:
        """Of people kept out: what of each kind of cover is found, and what is found where there is none."""
        if not self.dev:
            return {}
        figures = {}
        device = next(self.net.parameters()).device
        for make in (*COVERS, None):
            rng = np.random.default_rng(7)
            pairs = [sample(self.dev, make, rng, 0.0) for _ in range(DEV_PICTURES)]
            pictures = torch.from_numpy(np.stack([picture for picture, _ in pairs])).to(device)
            label = np.stack([label for _, label in pairs]) > 0.5
            found = (self.net(as_input(pictures)) > 0).cpu().numpy()
            if make is None:
                figures["false_pixels"] = float(found.mean())
                figures["false_pictures"] = float((found.mean((1, 2)) > 0.01).mean())
            else:
                figures[f"found_{make.__name__}"] = float(found[label].mean())
                either = (found | label).sum()
                figures[f"iou_{make.__name__}"] = float((found & label).sum() / max(1, either))
        return figures

    def export(self, folder: Path) -> None:
        self.net.save_pretrained(folder / "covers")


def _people(clips: list[Clip], most: int) -> list[Frames]:
    people: dict[str, list[Frames]] = {}
    for clip in clips:
        at = np.unique(np.linspace(0, len(clip) - 1, most).astype(int))
        people.setdefault(clip.identity, []).append(Frames(clip.faces[at], clip.landmarks[at]))
        clip.forget()
    return [
        Frames(np.concatenate([f.faces for f in found]), np.concatenate([f.points for f in found]))
        for found in people.values()
    ]


def sample(
    people: list[Frames],
    make: Callable[[CoveredFace, np.random.Generator], Cover] | None,
    rng: np.random.Generator,
    beside_share: float,
) -> tuple[np.ndarray, np.ndarray]:
    """(72, 96, 3) uint8 lower part of a crop, and (72, 96) float32, 1 where it shows a cover."""
    frames, others = people[rng.integers(len(people))], people[rng.integers(len(people))]
    k = int(rng.integers(len(frames.faces)))
    points = frames.points[k]
    if rng.random() < beside_share:
        at = np.array([rng.uniform(0.1, 0.9), rng.uniform(0.35, 1.0)]) * STORED
    else:
        lips = points[list(LIPS_OUTER)]
        at = lips.mean(0) + rng.normal(0, 0.22, 2) * np.ptp(lips[:, 0])
    scene = CoveredFace(frames.faces[k], points, others.faces[rng.integers(len(others.faces))], at)
    if rng.random() < 0.6:
        scene = CoveredFace(changed(scene, rng).astype(np.uint8), points, scene.other, at)
    picture: np.ndarray = scene.face.astype(np.float32)
    label: np.ndarray = np.zeros((STORED, STORED), np.float32)
    if make is not None:
        cover = make(scene, rng)
        picture, label = laid(scene, cover, rng), cover[1]
    matrix, _ = framing(STORED, SIZE, MARGIN, rng)
    picture, label = (_cut(layer, matrix) for layer in (picture, label))
    return filmed(picture, rng), (label > 0.5).astype(np.float32)


def _cut(layer: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The (72, 96) or (72, 96, 3) part that the network sees."""
    edge = cv2.BORDER_REPLICATE
    return cv2.warpAffine(layer, matrix, (SIZE, SIZE), flags=cv2.INTER_LINEAR, borderMode=edge)[TOP:]


def filmed(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(H, W, 3) uint8 of a (H, W, 3) float32 picture, as another camera would have shown it."""
    gain = rng.uniform(0.6, 1.35) * rng.uniform(0.9, 1.1, 3)
    out: np.ndarray = 255 * np.clip(picture * gain / 255, 0, 1) ** rng.uniform(0.75, 1.35)
    if rng.random() < 0.12:
        out = np.repeat(out.mean(2, keepdims=True), 3, 2)
    if rng.random() < 0.35:
        out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.3, 1.6))
    if rng.random() < 0.4:
        out = out + rng.normal(0, rng.uniform(1, 7), out.shape)
    out = np.clip(out, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        coded = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 95))])[1]
        out = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))
    return out
