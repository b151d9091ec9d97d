"""Fits beside the clips of a prepared folder, by function and by command."""

from pathlib import Path

import numpy as np
import pytest

from lipsync.__main__ import main
from lipsync.data.clips import load_clips
from lipsync.data.face_fitting import fit_file, fit_folder
from lipsync.faces.model3d.fit import Fit
from lipsync.faces.model3d.load import load_morphable
from tests.faces.test_fitting import landmarks_of
from tests.faces.toy_morphable import write_toy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Landmarks of two people with a made-up face model; the second one turns to profile for two frames."""
    model = load_morphable(write_toy(tmp_path / "toy.npz"))
    rng = np.random.default_rng(0)
    rows = ["clip,identity,split,frames"]
    for name, split in (("a", "train"), ("b", "val")):
        pose = np.tile([0.0, 0.1, 0, 0, 0, 1100], (8, 1))
        if name == "b":
            pose[3:5, 1] = 1.2
        points = landmarks_of(model, rng.normal(0, 1, 80), rng.normal(0, 0.5, (8, 64)), pose)
        np.save(tmp_path / f"{name}.npy", points.astype(np.float16))
        rows.append(f"{name},{name},{split},8")
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    return tmp_path


def test_every_clip_gets_a_fit_and_a_second_call_goes_on(folder, landmarker):
    model, told = folder / "toy.npz", []
    summary = fit_folder(folder, model=model, landmarker=landmarker, report=told.append)
    assert (summary.clips, summary.frames) == (2, 16)
    assert len(told) == 2
    clips = load_clips(folder, ("train", "val"))
    fits = [Fit.load(fit_file(clip)) for clip in clips]
    assert fits[0].valid.all()
    assert not fits[1].valid[3:5].any()
    assert fits[1].valid[[0, 1, 6, 7]].all()  # next to a jump, a smoothed pose may miss its frame
    assert summary.failed == sum(int((~fit.valid).sum()) for fit in fits)
    expected = np.concatenate([fit.error[fit.valid] for fit in fits]).mean()
    assert summary.error == pytest.approx(float(expected))
    assert f"{summary.error:.2f} pixels" in str(summary)
    # Nothing is done twice; a lost or broken file is made again.
    assert str(fit_folder(folder, model=model, landmarker=landmarker, report=told.append)) == str(summary)
    assert len(told) == 2
    fit_file(clips[0]).write_text("half")
    fit_folder(folder, model=model, landmarker=landmarker, report=told.append)
    assert len(told) == 3
    # Another face model's fits do not count.
    other = write_toy(folder / "other.npz", meantex=np.full((1, 24 * 24 * 3), 90.0))
    fit_folder(folder, ("val",), model=other, landmarker=landmarker, report=told.append)
    assert len(told) == 4


def test_the_command_says_how_well_it_went_or_what_is_missing(folder, landmarker, capsys, monkeypatch):
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(landmarker.parent))
    toy = str(folder / "toy.npz")
    assert main(["fit", "--data", str(folder), "--splits", "val", "--model", toy]) == 0
    assert "1 clips, 8 frames: landmarks off by" in capsys.readouterr().out
    assert main(["fit", "--data", str(folder / "none"), "--model", toy]) == 2
    assert "python -m lipsync prepare" in capsys.readouterr().err
    assert main(["fit", "--data", str(folder), "--model", str(folder / "BFM.mat")]) == 2
    assert "Ask for the Basel Face Model" in capsys.readouterr().err
