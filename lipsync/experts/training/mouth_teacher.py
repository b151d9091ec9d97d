"""Reads mouth shapes off a pre-trained speech encoder's features, to teach a small encoder what mouths do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from lipsync.audio.encoders import load_encoder
from lipsync.audio.mel import RATE
from lipsync.data.clips import FPS
from lipsync.errors import ConfigError
from lipsync.faces.tracking.landmarks import MOUTH_SHAPE


class ShapeFromFeatures(nn.Module):
    """Features of frames in a row, (B, T, D), to mouth shapes (B, T, 4)."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, dimension: int, hidden: int, kernel: int, dropout: float = 0.0):
        super().__init__()
        self.register_buffer("mean", torch.zeros(dimension))
        self.register_buffer("deviation", torch.ones(dimension))
        self.inlet = nn.Linear(dimension, hidden)
        self.around = nn.ModuleList(nn.Conv1d(hidden, hidden, kernel, padding=kernel // 2) for _ in range(2))
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, len(MOUTH_SHAPE))

    def standardise(self, features: Tensor) -> None:
        """Centre and scale as these features (N, D) ask for."""
        self.mean.copy_(features.mean(0))
        self.deviation.copy_(features.std(0).clamp(min=1e-3))

    def forward(self, features: Tensor) -> Tensor:
        x = (features - self.mean) / self.deviation
        x = self.inlet(self.drop(x)).transpose(1, 2)  # (B, C, T)
        for around in self.around:
            x = x + around(self.drop(x)).relu()
        return self.head(self.drop(x.transpose(1, 2)))


class Teacher:
    """Mouth shapes that a trained teacher predicts for any speech.

    Args:
        path: ``teacher.safetensors`` of ``train teacher``.
        weights: local folder of the encoder's weights; "" fetches them.

    Raises:
        ConfigError: the file is missing or something else.
        ArtefactError: the encoder's weights are unavailable.
    """

    def __init__(self, path: str, weights: str = ""):
        try:
            with safe_open(path, "pt") as file:
                encoder = (file.metadata() or {}).get("encoder", "")
                state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except FileNotFoundError as problem:
            raise ConfigError("train.no_teacher", path=path) from problem
        except (OSError, SafetensorError) as problem:
            raise ConfigError("train.not_teacher", path=path) from problem
        if not encoder or "around.0.weight" not in state:
            raise ConfigError("train.not_teacher", path=path)
        hidden, _, kernel = state["around.0.weight"].shape
        self.encoder = load_encoder(encoder, Path(weights) if weights else None)
        self.net = ShapeFromFeatures(len(state["mean"]), hidden, kernel).eval()
        self.net.load_state_dict(state)

    @torch.inference_mode()
    def shapes(self, samples: np.ndarray, frames: int | None = None) -> np.ndarray:
        """(T, 4) float32 mouth shapes at 25 fps, in units of the teacher's own.

        Args:
            samples: (N,) float32 mono 16 kHz.
            frames: T; None: as many as the sound has.
        """
        vectors = self.encoder.encode(samples)
        frames = int(len(samples) / RATE * FPS) if frames is None else frames
        return self.net(torch.from_numpy(at_frames(vectors, self.encoder.rate, frames))[None])[0].numpy()


def at_frames(features: np.ndarray, rate: float, frames: int) -> np.ndarray:
    """(T, D) float32: of features (L, D) at ``rate`` Hz the nearest to frames at 25 fps; the last repeats."""
    at = np.floor(np.arange(frames) / FPS * rate + 0.5).astype(int)
    return features[np.minimum(at, len(features) - 1)].astype(np.float32)
