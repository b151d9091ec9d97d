"""The 3D face that ships: MediaPipe's own mesh with modes learnt from footage (``fit-face-model``).

Its vertices are the landmarker's points, and a row of teeth above and below behind the lips; its
expressions are the landmarker's scores. It needs no download.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from lipsync.assets import asset
from lipsync.errors import ConfigError
from lipsync.faces.model3d.morphable import MorphableArrays

EMBEDDED = asset("models", "face-model-embedded")
NAME = "embedded face"
_FILE = "model.safetensors"
_ARRAYS = (
    "mean", "identity", "identity_deviation", "expression", "expression_deviation", "colour", "triangles",
    "landmarks",
)  # fmt: skip
_HALF = ("identity", "expression", "colour")  # kept in half precision


def is_embedded(path: Path) -> bool:
    """Whether a path is a folder or a file that :func:`write_embedded` wrote."""
    return (path / _FILE).is_file() or path.suffix == ".safetensors"


def read_embedded(path: Path = EMBEDDED) -> MorphableArrays:
    """The arrays of a folder, or of its file.

    Raises:
        ConfigError: the file is missing, or something else.
    """
    from lipsync.weights.hub import checksum

    file = path / _FILE if path.is_dir() else path
    try:
        with safe_open(file, "np") as opened:
            arrays = {name: opened.get_tensor(name) for name in _ARRAYS}
            names = tuple(opened.metadata()["expressions"].split())
    except (OSError, SafetensorError, KeyError, TypeError) as problem:
        raise ConfigError("model3d.no_embedded", path=path.name) from problem
    real = {name: values.astype(np.float32) for name, values in arrays.items() if values.dtype.kind == "f"}
    return MorphableArrays(
        name=NAME,
        sha256=checksum(file),
        expression_names=names,
        expression_bounds=(0.0, 1.0),
        texture=np.zeros((0, len(arrays["mean"]), 3), np.float32),
        triangles=arrays["triangles"].astype(np.int64),
        landmarks=arrays["landmarks"].astype(np.int64),
        **real,
    )


def write_embedded(arrays: MorphableArrays, folder: Path) -> Path:
    """Keep a face for :func:`read_embedded`: modes and colours in half precision, about half a megabyte."""
    folder.mkdir(parents=True, exist_ok=True)
    stored = {}
    for name in _ARRAYS:
        values = getattr(arrays, name)
        kind = np.int32 if values.dtype.kind == "i" else np.float16 if name in _HALF else np.float32
        stored[name] = np.ascontiguousarray(values.astype(kind))
    partial = folder / f"{_FILE}.partial"
    save_file(stored, partial, metadata={"expressions": " ".join(arrays.expression_names)})
    partial.replace(folder / _FILE)
    return folder / _FILE
