"""The 3D face models of the tests."""

from pathlib import Path

import pytest

from lipsync.faces.model3d.load import load_morphable
from lipsync.faces.model3d.morphable import MorphableModel
from tests.faces.toy_morphable import write_toy


@pytest.fixture(scope="session")
def ict(shared: Path) -> MorphableModel:
    """ICT-FaceKit."""
    return load_morphable(shared / "weights" / "ict_facekit.npz")


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> MorphableModel:
    return load_morphable(write_toy(tmp_path_factory.mktemp("bfm") / "toy.npz"))
