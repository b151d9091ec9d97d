"""Recordings of speech with measured expression curves: a ``.flac`` and an ``.npz`` of the same name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lipsync.data.clips import FPS
from lipsync.errors import ConfigError
from lipsync.media import read_audio

SPEECH_DRIVEN = ("mouth", "jaw")  # how names of curves begin that speech drives


@dataclass(frozen=True)
class ExpressionCurves:
    name: str
    samples: np.ndarray  # (N,) float32 mono 16 kHz
    values: np.ndarray  # (T, C) float32 at 25 fps, in 0..1


def load_curves(folder: Path) -> list[ExpressionCurves]:
    """The recordings of a folder; each ``.npz`` holds ``weights`` (T, C), ``names`` (C,) and ``fps``.

    Raises:
        ConfigError: there is none, or a file is something else.
    """
    found = []
    for path in sorted(folder.glob("*.npz")):
        sound = path.with_suffix(".flac")
        try:
            with np.load(path, allow_pickle=False) as file:
                weights, names, fps = file["weights"], file["names"], float(file["fps"])
        except (OSError, ValueError, KeyError) as problem:
            raise ConfigError("curves.none_in_file", path=path) from problem
        driven = [i for i, name in enumerate(names) if str(name).startswith(SPEECH_DRIVEN)]
        curves = weights[:, driven].astype(np.float32)
        times = np.arange(int(len(curves) / fps * FPS)) / FPS
        at = np.arange(len(curves)) / fps
        values = np.stack([np.interp(times, at, curve) for curve in curves.T], 1).astype(np.float32)
        found.append(ExpressionCurves(path.stem, read_audio(sound), values))
    if not found:
        raise ConfigError("curves.none_in_folder", folder=folder)
    return found
