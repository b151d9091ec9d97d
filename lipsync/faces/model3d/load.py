"""Reading a 3D face model, whichever of the three formats it has."""

from __future__ import annotations

from pathlib import Path

from lipsync.errors import ConfigError
from lipsync.faces.model3d.bfm import BFM_EXPECTED, read_bfm
from lipsync.faces.model3d.embedded import EMBEDDED, is_embedded, read_embedded
from lipsync.faces.model3d.ict import is_ict, read_ict
from lipsync.faces.model3d.morphable import MorphableModel


def load_morphable(path: Path | str | None = None) -> MorphableModel:
    """ICT-FaceKit by the artefact table, the face that ships, or the model of a file that the user supplies.

    Args:
        path: ``.mat`` or ``.npz`` in the format of the Basel Face Model with 80 identity, 64 expression
            and 80 texture coefficients; another copy of ``ict_facekit.npz``; a folder that
            ``fit-face-model`` wrote, "embedded" for the one that ships. None is ICT-FaceKit.

    Raises:
        ArtefactError: ICT-FaceKit is unavailable.
        ConfigError: the file is missing or not in the format; the message states what is expected.
    """
    if path is None:
        from lipsync.weights import hub

        return MorphableModel(read_ict(hub.fetch("ict_facekit")))
    path = EMBEDDED if str(path) == "embedded" else Path(path)
    if is_embedded(path):
        return MorphableModel(read_embedded(path))
    if not path.is_file():
        raise ConfigError("model3d.missing", path=path, expected=BFM_EXPECTED)
    return MorphableModel(read_ict(path) if is_ict(path) else read_bfm(path))
