"""A 3D face fitted to the frames of a clip, and the file it is kept in."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch

from lipsync.errors import ConfigError
from lipsync.faces.model3d.camera import Camera


@dataclass(frozen=True)
class Fit:
    """Identity of a clip; pose and expression of each frame. Frames that are not valid hold the nearest fit.

    Pixels are those of the square picture in which the landmarks lay, ``size`` to a side.
    """

    identity: np.ndarray  # (I,) float32
    expression: np.ndarray  # (T, E) float32
    pose: np.ndarray  # (T, 6) float32 (lipsync.faces.model3d.camera.place)
    error: np.ndarray  # (T,) float32 mean distance of projected and measured landmarks, pixels; NaN: none
    valid: np.ndarray  # (T,) bool
    size: int
    focal: float  # pixels
    model: str  # name of the back end and the start of its file's hash

    def __len__(self) -> int:
        return len(self.pose)

    @property
    def camera(self) -> Camera:
        return Camera(torch.tensor(self.focal), torch.full((2,), (self.size - 1) / 2), self.size)

    def save(self, path: Path) -> None:
        """Write ``.npz``; it appears whole or not at all."""
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.savez(file, **{field.name: getattr(self, field.name) for field in fields(self)})
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> Fit:
        """Read what :meth:`save` wrote.

        Raises:
            ConfigError: the file is missing or something else.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                values = {field.name: file[field.name] for field in fields(cls)}
        except (OSError, ValueError, KeyError) as problem:
            raise ConfigError("model3d.not_fitted", path=path) from problem
        for name, kind in (("size", int), ("focal", float), ("model", str)):
            values[name] = kind(values[name])
        return cls(**values)
