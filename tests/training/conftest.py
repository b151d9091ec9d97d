"""What tests of several files need."""

from pathlib import Path

import pytest

from lipsync import hub


@pytest.fixture(scope="session")
def landmarker() -> Path:
    """The face landmarker's file; tests that need it skip without it."""
    found = hub.locate("face_landmarker")
    if found is None:
        beside = Path(__file__).resolve().parents[3] / "shared" / "weights" / "face_landmarker.task"
        found = beside if beside.is_file() else None
    if found is None:
        pytest.skip("needs the face_landmarker artefact (make weights)")
    return found
