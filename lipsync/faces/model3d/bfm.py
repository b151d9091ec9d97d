"""The Basel Face Model as Deng et al. (2019) joined it with FaceWarehouse's expressions.

Its licence forbids passing it on, so a user who has it brings the file: ``BFM_model_front.mat`` of
Deng et al.'s reconstruction, or the same arrays as ``.npz``.
"""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from lipsync.errors import ConfigError
from lipsync.faces.model3d.morphable import MorphableArrays
from lipsync.faces.tracking.landmarks68 import MESH_TO_68
from lipsync.texts import Message

BFM_EXPECTED = Message("model3d.bfm_expected")

_MILLIMETRES = 100.0  # the file counts in decimetres
_WANTED = ("meanshape", "idBase", "exBase", "meantex", "texBase", "tri", "keypoints")


def read_bfm(path: Path) -> MorphableArrays:
    """The arrays of a file in the format of the Basel Face Model.

    Bases are scaled in the file so that a coefficient of 1 is one standard deviation.

    Raises:
        ConfigError: it cannot be read, lacks an array, or the arrays do not fit each other.
    """
    arrays = _arrays(path)
    lacking = [name for name in _WANTED if name not in arrays]
    if lacking:
        raise ConfigError("model3d.lacks_array", path=path.name, array=lacking[0], expected=BFM_EXPECTED)
    mean = arrays["meanshape"].reshape(-1, 3).astype(np.float32)
    bases = {name: arrays[name].astype(np.float32) for name in ("idBase", "exBase", "texBase")}
    triangles = arrays["tri"].astype(np.int64) - 1  # MATLAB counts from 1
    keypoints = arrays["keypoints"].reshape(-1).astype(np.int64) - 1
    fits = (
        all(base.ndim == 2 and len(base) == mean.size for base in bases.values())
        and arrays["meantex"].size == mean.size
        and triangles.ndim == 2
        and triangles.shape[1] == 3
        and len(keypoints) == 68
        and min(triangles.min(), keypoints.min()) >= 0
        and max(triangles.max(), keypoints.max()) < len(mean)
    )
    if not fits:
        raise ConfigError("model3d.arrays_differ", path=path.name, expected=BFM_EXPECTED)
    # The jaw's points mark the outline of the head in the picture, which is no fixed vertex.
    landmarks = [(mesh, keypoints[at]) for at, mesh in enumerate(MESH_TO_68) if at >= 17]
    centre = mean.mean(0)

    def directions(name: str) -> np.ndarray:
        return np.ascontiguousarray(bases[name].T).reshape(-1, len(mean), 3)

    from lipsync.weights.hub import checksum

    identity, expression = directions("idBase"), directions("exBase")
    return MorphableArrays(
        name="BFM",
        sha256=checksum(path),
        mean=(mean - centre) * _MILLIMETRES,
        identity=identity * _MILLIMETRES,
        identity_deviation=np.ones(len(identity), np.float32),
        expression=expression * _MILLIMETRES,
        expression_names=tuple(f"expression {number}" for number in range(1, len(expression) + 1)),
        expression_bounds=(-np.inf, np.inf),
        expression_deviation=np.ones(len(expression), np.float32),
        colour=arrays["meantex"].reshape(-1, 3).astype(np.float32) / 255,
        texture=directions("texBase") / 255,
        triangles=_facing(mean, triangles),
        landmarks=np.array(landmarks),
    )


def _arrays(path: Path) -> dict[str, np.ndarray]:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        if path.suffix.lower() == ".mat":
            return {name: value for name, value in loadmat(path).items() if not name.startswith("__")}
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, TypeError, NotImplementedError, MatReadError, BadZipFile) as problem:
        raise ConfigError("model3d.unreadable", path=path.name, expected=BFM_EXPECTED) from problem


def _facing(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """The triangles, all turned if most of a face (which looks along z) would show its back."""
    corners = points[triangles]
    along = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2]
    return triangles if along.sum() > 0 else triangles[:, ::-1].copy()
