"""Trains the lip-reading expert on videos of mouths and their transcripts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from lipsync.data.augmentation import cut, framing, light
from lipsync.data.clips import MARGIN, STORED, Clip, Sampler
from lipsync.data.transcripts import Transcripts
from lipsync.errors import ConfigError
from lipsync.experts.frozen import load_frozen, mouth_square
from lipsync.experts.lip_reader import (
    SIZE,
    LipReader,
    LipReaderConfig,
    letter_errors,
    lip_reading_loss,
    read_off,
)
from lipsync.training.loop import Stage, Update
from lipsync.training.schedules import one_cycle


@dataclass(frozen=True)
class LipReaderTraining:
    model: LipReaderConfig = field(default_factory=LipReaderConfig)
    words: str = ""  # folder of words.csv
    clips: int = 6  # per batch
    frames: int = 75  # per window: 3 s, some forty letters
    learning_rate: float = 1e-3  # highest, one cycle
    weight_decay: float = 1e-2
    augment: bool = False  # random framing, mirror and light: an aid for little data, not in the patent


class LipReaderStage(Stage):
    settings = LipReaderTraining
    before: ClassVar[dict[str, Any]] = {"augment": True}

    def __init__(self, config: LipReaderTraining, train: list[Clip], dev: list[Clip]):
        if not config.words:
            raise ConfigError("train.no_words")
        self.config, self.words = config, Transcripts(Path(config.words))
        self.dev = [clip for clip in dev if self.words.of(clip)]
        self.sampler: Sampler = Sampler([clip for clip in train if self.words.of(clip)], config.frames)
        self.net = LipReader(config.model)
        self.modules: dict[str, nn.Module] = {"reader": self.net}
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "reader": torch.optim.AdamW(
                self.net.parameters(), config.learning_rate, weight_decay=config.weight_decay
            )
        }

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        mouths, texts = [], []
        for clip in self.sampler.draw(self.config.clips, rng):
            first = int(rng.integers(0, len(clip) - self.config.frames + 1))
            matrix, _ = framing(STORED, 2 * SIZE, MARGIN, rng if self.config.augment else None)
            pictures = clip.pictures(np.arange(first, first + self.config.frames))
            table = light(rng) if self.config.augment else None
            mouths.append(cut(pictures, matrix, 2 * SIZE, table))
            texts.append(self.words.text(clip, first, self.config.frames))
        crops = torch.from_numpy(np.stack(mouths)).permute(0, 1, 4, 2, 3)
        return {"mouths": _squares(crops), "letters": pack_texts(texts)}

    def learning_rate_factor(self, progress: float) -> float:
        return one_cycle(progress)

    def step(self, batch: dict[str, Tensor], update: Update, progress: float) -> dict[str, float]:
        with update.autocast():
            probabilities = self.net(batch["mouths"].float() / 255)
        loss = lip_reading_loss(probabilities, unpack_texts(batch["letters"]))
        update(loss, self.net, self.optimizers["reader"])
        return {"loss": loss.item()}

    def check(self, folder: Path, step: int) -> dict[str, float]:
        """Letter error rate on people kept out; 1 is as good as reading nothing."""
        device = next(self.net.parameters()).device
        matrix, _ = framing(STORED, 2 * SIZE, MARGIN, None)
        wrong = letters = 0
        for clip in self.dev:
            crops = torch.from_numpy(cut(clip.faces, matrix, 2 * SIZE)).permute(0, 3, 1, 2)
            probabilities = self.net(_squares(crops)[None].to(device).float() / 255)
            text = self.words.text(clip, 0, len(clip))
            wrong += letter_errors(read_off(probabilities)[0], text)
            letters += len(text)
        return {"letter_error_rate": wrong / letters} if letters else {}

    def export(self, folder: Path) -> None:
        self.net.save_pretrained(folder / "lip-reader")


def _squares(crops: Tensor) -> Tensor:
    """(..., 3, 48, 48) mouths of crops (..., 3, 96, 96)."""
    return mouth_square(crops.reshape(-1, *crops.shape[-3:])).reshape(*crops.shape[:-2], SIZE, SIZE)


def pack_texts(texts: list[str]) -> Tensor:
    """(B, longest) uint8 of texts, filled up with 0: batches are tensors."""
    longest = max(1, *map(len, texts))
    packed = torch.zeros(len(texts), longest, dtype=torch.uint8)
    for row, text in zip(packed, texts, strict=True):
        row[: len(text)] = torch.tensor(list(text.encode("ascii")), dtype=torch.uint8)
    return packed


def unpack_texts(packed: Tensor) -> list[str]:
    """What ``pack_texts`` packed."""
    return [bytes(row[row > 0].tolist()).decode("ascii") for row in packed.cpu()]


def load_lip_reader(folder: str) -> LipReader:
    """The frozen expert of ``train lip-reader``.

    Raises:
        ConfigError: not such a folder.
    """
    return load_frozen(LipReader, folder, "train.no_lip_reader")
