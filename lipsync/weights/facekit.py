"""ICT-FaceKit's own release, a folder of Wavefront meshes, to the one array file that the portal reads."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from lipsync.weights.download import SourceError

_FOLDER, _NEUTRAL = "FaceXModel/", "generic_neutral_mesh"
_LARGEST = 16e6  # bytes of one mesh as text; theirs have 2.6 million


def build_facekit(archive: Path, target: Path) -> None:
    """Write the array file; the same meshes give the same bytes, so its checksum can be stated.

    It holds ``neutral`` (V, 3) float32 centimetres, ``faces`` (F, 4) int32 with -1 in the last place of
    a triangle, ``identity`` (100, V, 3) and ``expression`` (57, V, 3) float16 differences from the neutral
    face, and ``expression_names`` in alphabetical order.

    Args:
        archive: a zip of the repository ICT-VGL/ICT-FaceKit.
        target: the file to write.

    Raises:
        SourceError: it is not such an archive.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            meshes = {
                Path(member.filename).stem: member
                for member in packed.infolist()
                if member.filename.endswith(".obj") and _FOLDER in member.filename
            }
            if max((member.file_size for member in meshes.values()), default=0) > _LARGEST:
                raise SourceError("facekit.mesh_too_large")
            neutral = packed.read(meshes.pop(_NEUTRAL))
            base = _vertices(neutral)
            shapes = {
                name: (_vertices(packed.read(member)) - base).astype(np.float16)
                for name, member in sorted(meshes.items())
            }
    except (KeyError, ValueError, zipfile.BadZipFile) as problem:
        raise SourceError("facekit.unreadable", problem=str(problem)[:80]) from problem
    identities = [name for name in shapes if name.startswith("identity")]
    expressions = [name for name in shapes if name not in set(identities)]
    if not identities or not expressions:
        raise SourceError("facekit.lacks")
    with target.open("wb") as file:
        np.savez_compressed(
            file,
            neutral=base,
            faces=_faces(neutral),
            identity=np.stack([shapes[name] for name in identities]),
            expression=np.stack([shapes[name] for name in expressions]),
            expression_names=np.array(expressions),
        )


def _vertices(mesh: bytes) -> np.ndarray:
    """(V, 3) float32 of a Wavefront file."""
    lines = [line[2:] for line in mesh.splitlines() if line.startswith(b"v ")]
    return np.array(b" ".join(lines).split(), np.float64).astype(np.float32).reshape(-1, 3)


def _faces(mesh: bytes) -> np.ndarray:
    """(F, 4) int32 vertex numbers from 0; triangles end with -1."""
    corners = [
        [int(corner.split(b"/")[0]) - 1 for corner in line.split()[1:]]
        for line in mesh.splitlines()
        if line.startswith(b"f ")
    ]
    return np.array([row + [-1] * (4 - len(row)) for row in corners], np.int32)
