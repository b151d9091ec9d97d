"""AED of the fitted 3D face on real clips."""

import numpy as np
import pytest

from eval.scoring.networks import load_networks
from eval.scoring.score import score

REAL = "train/id003_clip04.mp4"


def test_the_protocol_names_the_3d_face_and_its_hash(cut, networks):
    """A video against itself, and against another one of the same person."""
    same = score(cut(REAL, 20), cut(REAL, 20), networks=networks, metrics=["aed"])
    assert same["aed"] == 0
    drawn = cut("generated/DiffDub_id003_clip09.mp4", 20)
    other = score(drawn, cut(REAL, 20), networks=networks, metrics=["aed"])
    entry = other.scores["aed"]
    assert "3D face ICT-FaceKit, 53 coefficients; weights f3161a738721; frames 20" in entry.protocol
    assert 0.003 < other["aed"] < 0.2
    assert np.mean([row["aed"] for row in other.frames]) == pytest.approx(other["aed"])


def test_without_its_file_the_landmarkers_scores_are_compared_and_named(cut, weights, tmp_path, monkeypatch):
    (tmp_path / "face_landmarker.task").symlink_to(weights / "face_landmarker.task")
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(tmp_path))
    found = load_networks(["aed"])
    assert found.face is None
    entry = score(cut(REAL, 6), cut(REAL, 6), networks=found, metrics=["aed"]).scores["aed"]
    assert "52 scores, as ict_facekit.npz is not here; weights 64184e229b26" in entry.protocol
