"""Trains syncXnet as SyncNet is trained, as the patent states: contrastively within a clip."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lipsync.data.augmentation import cut, framing, light
from lipsync.data.clips import MARGIN, STORED, Clip, Sampler
from lipsync.data.preparation.offsets import SIZE, compare
from lipsync.data.preparation.timing import MAX_OFFSET
from lipsync.data.speech_stretches import SpeechStretches
from lipsync.experts.sync_expert import WINDOW, pair_windows
from lipsync.experts.syncx import SyncX, SyncXConfig
from lipsync.experts.training.sync_stage import SyncConfig, SyncStage, accuracy, spread, window_shapes
from lipsync.training.pretrained_speech import load_speech


@dataclass(frozen=True)
class SyncXTraining(SyncConfig):
    """As for the sync expert; ``speech`` goes into figure 3's encoder."""

    model: SyncXConfig = field(default_factory=SyncXConfig)  # type: ignore[assignment]
    objective: str = "contrastive"
    encoder_weights: str = ""  # local folder of a pre-trained encoder's weights; "" fetches them


class SyncXStage(SyncStage):
    """The sync expert's stage with syncXnet and its speech input."""

    settings = SyncXTraining

    def __init__(self, config: SyncXTraining, train: list[Clip], dev: list[Clip]):
        self.speech_stretches = SpeechStretches(config.model.audio, config.encoder_weights)
        super().__init__(config, train, dev)
        self.sampler: Sampler = Sampler(train, WINDOW + config.apart * config.windows)

    def network(self) -> SyncX:
        net = SyncX(self.config.model)  # type: ignore[arg-type]
        if self.config.speech:
            load_speech(net.audio_encoder[0], self.config.speech)
        return net

    @property
    def embedded(self) -> int:
        return self.config.model.dimension  # type: ignore[attr-defined]

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        faces, speech, shapes = [], [], []
        vary = rng if self.config.augment else None
        for clip in self.sampler.draw(self.config.clips, rng):
            starts = spread(len(clip) - WINDOW + 1, self.config.windows, self.config.apart, rng)
            matrix, _ = framing(STORED, SIZE, MARGIN, vary)
            table = light(rng) if self.config.augment else None
            shapes.append(window_shapes(clip, starts))
            for start in starts:
                pictures = clip.pictures(np.arange(start, start + WINDOW))
                faces.append(cut(pictures, matrix, SIZE, table))
                speech.append(self.speech_stretches.around(clip, start + WINDOW // 2, vary))
        return {
            "faces": torch.from_numpy(np.stack(faces)).permute(0, 1, 4, 2, 3),  # (B, 5, 3, S, S) uint8
            "speech": torch.from_numpy(np.stack(speech)),  # (B, F, ...)
            "shape": torch.from_numpy(np.concatenate(shapes)),  # (B, 10)
        }

    def check(self, folder: Path, step: int) -> dict[str, float]:
        device = next(self.net.parameters()).device
        net: Any = self.net
        rows = (syncx_distances(net, self.speech_stretches, clip, device, MAX_OFFSET) for clip in self.dev)
        return accuracy(rows, MAX_OFFSET)

    def export(self, folder: Path) -> None:
        self.net.save_pretrained(folder / "syncx")  # type: ignore[operator]


@torch.no_grad()
def syncx_distances(
    net: SyncX, speech_stretches: SpeechStretches, clip: Clip, device: torch.device, max_offset: int
) -> np.ndarray:
    """(T, 2 * max_offset + 1), like ``preparation.offsets.shift_distances`` for the sync expert."""
    matrix, _ = framing(STORED, SIZE, MARGIN, None)
    frames = torch.from_numpy(cut(clip.faces, matrix, SIZE)).permute(0, 3, 1, 2).float().to(device) / 255
    face = torch.cat([net.embed_faces(part) for part in pair_windows(frames).split(64)])
    speech = np.stack([speech_stretches.around(clip, frame + WINDOW // 2) for frame in range(len(face))])
    audio = torch.cat([net.embed_audio(part.to(device)) for part in torch.from_numpy(speech).split(64)])
    return compare(face, audio, max_offset)
