"""Covers: drawn where they are said to be, and a stage that learns to find them."""

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from lipsync.data.clips import STORED, load_clips
from lipsync.data.drawn_covers import COVERS, JAW, MASK_TOP, CoveredFace, changed, laid
from lipsync.experts.training.cover_stage import CoverStage, CoverTraining
from lipsync.faces.covers import CoverConfig
from lipsync.training.loop import RunConfig, fit
from tests.training.toy import toy_clip, toy_folder


@pytest.fixture(scope="module")
def scene() -> CoveredFace:
    clip = toy_clip("one", frames=6)
    # The outline of a face: the toy's lie in its middle.
    turn = np.linspace(np.pi, 3 * np.pi, len(MASK_TOP) + len(JAW), endpoint=False)
    clip.landmarks[0][[*MASK_TOP, *JAW]] = 80 + np.stack([45 * np.cos(turn), 55 * np.sin(turn)], 1)
    other = np.random.default_rng(1).integers(0, 256, (STORED, STORED, 3)).astype(np.uint8)
    return CoveredFace(clip.faces[0], clip.landmarks[0], other, np.array([80.0, 115.0]))


@pytest.mark.parametrize("make", COVERS, ids=lambda make: make.__name__)
def test_covers_repeat_by_their_seed_and_change_what_they_hide_alone(make, scene) -> None:  # type: ignore[no-untyped-def]
    shares = []
    for seed in range(12):
        colour, alpha = make(scene, np.random.default_rng(seed))
        again = make(scene, np.random.default_rng(seed))
        assert np.array_equal(colour, again[0])
        assert np.array_equal(alpha, again[1])
        assert colour.shape == (STORED, STORED, 3)
        assert 0 <= alpha.min() <= alpha.max() <= 1
        picture = laid(scene, (colour, alpha), np.random.default_rng(99 + seed))
        assert picture.min() > -1e-6
        assert picture.max() < 255.001
        hidden = cv2.erode((alpha > 0.999).astype(np.uint8), np.ones((11, 11))) > 0
        behind = CoveredFace(scene.face[::-1], scene.points, scene.other, scene.at)
        same = laid(behind, (colour, alpha), np.random.default_rng(99 + seed))
        assert np.abs(same - picture)[hidden].max(initial=0) < 1, "what is behind it does not show"
        shares.append(hidden.mean())
    assert 0.003 < np.mean(shares) < 0.7


def test_changes_that_cover_nothing_change_something(scene) -> None:  # type: ignore[no-untyped-def]
    made = [changed(scene, np.random.default_rng(seed)) for seed in range(20)]
    assert sum(np.abs(x - scene.face).max() > 20 for x in made) > 5


def test_a_stage_learns_from_covers(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "data").mkdir()
    folder = toy_folder(tmp_path / "data", ("train", "train", "dev"), frames=12)
    config = CoverTraining(CoverConfig((6, 8, 8)), pictures=8, frames=4)
    torch.manual_seed(0)
    stage = CoverStage(config, load_clips(folder), load_clips(folder, ("dev",)))
    one, again = (stage.batch(np.random.default_rng(5)) for _ in range(2))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert one["picture"].shape == (8, 72, 96, 3)
    assert set(one["label"].unique().tolist()) == {0.0, 1.0}
    run = RunConfig(steps=40, device="cpu", threads=1, check_every=40, log_every=10)
    fit(stage, run, tmp_path / "run", quiet=True)
    entropy = pd.read_csv(tmp_path / "run" / "log.csv").entropy
    assert entropy.iloc[-1] < 0.85 * entropy.iloc[0]
    found = pd.read_csv(tmp_path / "run" / "checks.csv").iloc[-1]
    assert 0 <= found.false_pixels < 0.5
    assert (tmp_path / "run" / "covers" / "model.safetensors").is_file()
