from dataclasses import replace

import numpy as np
import pytest
import torch

from lipsync.errors import ConfigError
from lipsync.faces.model3d.blendshapes import BlendshapeNetwork
from lipsync.faces.model3d.camera import Camera, place
from lipsync.faces.model3d.fit import Fit
from lipsync.faces.model3d.fitting import Fitter, FittingConfig, fit_clip
from lipsync.faces.tracking.landmarks import Landmarker, mouth_opening
from lipsync.media import read_frames

FRAMES = 60


def landmarks_of(model, identity, expression, pose, size=160, margin=1.25):
    """(T, 478, 2) with the model's own points where it has them, and the middle of the picture elsewhere."""
    camera = Camera.of_crop(size, margin)
    given = (identity, expression, pose)
    tensors = [torch.tensor(np.atleast_2d(values), dtype=torch.float32) for values in given]
    projected = camera.project(place(model.landmarks(*tensors[:2]), tensors[2]))[..., :2].numpy()
    points = np.full((len(projected), 478, 2), (size - 1) / 2, np.float32)
    points[:, model.mediapipe_indices] = projected
    return points


@pytest.fixture(scope="module")
def planted(ict):
    """A person who talks, blinks and looks about, and half a pixel of noise on what is measured."""
    rng = np.random.default_rng(0)
    time = np.arange(FRAMES)[:, None] / 25
    identity = rng.normal(0, 1, 100) * (np.arange(100) < 30)
    expression = np.zeros((FRAMES, 53))
    for name, rate, size in (
        ("jawOpen", 3.0, 0.3), ("mouthSmile_L", 0.7, 0.5), ("mouthSmile_R", 0.7, 0.5),
        ("mouthPucker", 1.3, 0.4), ("eyeBlink_L", 0.9, 0.8), ("eyeBlink_R", 0.9, 0.8),
    ):  # fmt: skip
        wave = 0.5 - 0.5 * np.cos(2 * np.pi * rate * time[:, 0] + len(name))
        expression[:, ict.expression_names.index(name)] = size * wave
    turn = np.sin(2 * np.pi * time * [0.3, 0.4, 0.2]) * [0.12, 0.4, 0.1]
    pose = np.concatenate([turn, [[5, -4, 1080]] + 10 * np.sin(time)], 1)
    points = landmarks_of(ict, identity, expression, pose)
    points += rng.normal(0, 0.5, points.shape).astype(np.float32)
    return identity, expression, pose, points


def test_planted_pose_identity_and_expressions_come_back(ict, planted):
    identity, expression, pose, points = planted
    fit = fit_clip(ict, points, 160, margin=1.25)
    assert fit.valid.all()
    assert fit.error.mean() < 0.75  # half a pixel of noise in x and y is 0.63 pixels of distance
    assert np.degrees(np.abs(fit.pose[:, :3] - pose[:, :3])).mean() < 2.0
    assert np.abs(fit.pose[:, 5] - pose[:, 5]).mean() / 1080 < 0.05  # size and distance look alike
    # The face itself: vertices without pose, against how far the person is from the mean face.
    with torch.no_grad():
        found, true = (
            ict.shape(torch.tensor(np.float32(i))[None], torch.tensor(np.float32(e)))
            for i, e in ((fit.identity, fit.expression[:1]), (identity, expression[:1]))
        )
    found, true, mean = (shape - shape.mean(1, True) for shape in (found, true, ict.mean.reshape(1, -1, 3)))
    off = (found * (true.norm() / found.norm()) - true).norm(dim=-1).mean()
    print(f"identity off by {off:.2f} mm of {(mean - true).norm(dim=-1).mean():.2f}")
    assert float(off) < 0.75 * float((mean - true).norm(dim=-1).mean())
    jaw = ict.expression_names.index("jawOpen")
    assert np.corrcoef(fit.expression[:, jaw], expression[:, jaw])[0, 1] > 0.97
    assert np.abs(fit.expression[:, jaw] - expression[:, jaw]).mean() < 0.04
    assert np.abs(fit.expression - expression).mean() < 0.05
    assert fit.expression.min() >= 0
    assert fit.expression.max() <= 1


def test_scores_settle_what_landmarks_leave_open(ict, planted):
    """A puffed cheek hardly moves a landmark: with its score it is found, without it is not."""
    identity, expression, pose, _ = planted
    puffed = expression.copy()
    cheeks = [ict.expression_names.index(f"cheekPuff_{side}") for side in "LR"]
    puffed[:, cheeks] = 0.6
    points = landmarks_of(ict, identity, puffed, pose)
    scores = np.zeros((FRAMES, 52), np.float32)
    scores[:, 6] = 0.6
    with_, without = (fit_clip(ict, points, 160, s, 1.25).expression[:, cheeks] for s in (scores, None))
    assert np.abs(with_ - 0.6).mean() < 0.5 * np.abs(without - 0.6).mean()


def test_batches_in_order_give_what_the_clip_gives(ict, planted):
    *_, points = planted
    whole = fit_clip(ict, points, 160, margin=1.25)
    fitter = Fitter(ict, 160, 1.25, identity=whole.identity)
    parts = [fitter.fit(points[first : first + 16]) for first in range(0, FRAMES, 16)]
    pose = np.concatenate([part.pose for part in parts])
    expression = np.concatenate([part.expression for part in parts])
    assert all((part.identity == whole.identity).all() for part in parts)
    assert np.degrees(np.abs(pose - whole.pose)[:, :3]).max() < 1.0  # smoothing knows no next batch
    assert np.abs(expression - whole.expression).mean() < 0.01
    np.testing.assert_allclose(pose[2:10], whole.pose[2:10], atol=2e-3)


def test_the_identity_of_the_first_batch_stays(ict, planted):
    *_, points = planted
    fitter = Fitter(ict, 160, 1.25)
    assert fitter.identity is None
    first, second = fitter.fit(points[:8]), fitter.fit(points[30:38])
    np.testing.assert_array_equal(first.identity, second.identity)
    assert second.error.mean() < 1.2


def test_frames_that_cannot_be_fitted_are_flagged(ict, planted):
    identity, expression, pose, points = planted
    points = points.copy()
    points[10:14] = np.nan  # no face
    points[20] = np.random.default_rng(0).uniform(0, 160, (478, 2))  # landmarks of something else
    profile = pose.copy()
    profile[40:50, 1] = np.radians(70)
    points[40:50] = landmarks_of(ict, identity, expression, profile)[40:50]
    fit = fit_clip(ict, points, 160, margin=1.25)
    bad = np.zeros(FRAMES, bool)
    bad[[*range(10, 14), 20, *range(40, 50)]] = True
    np.testing.assert_array_equal(fit.valid, ~bad)
    assert np.isnan(fit.error[10:14]).all()
    assert np.isfinite(fit.pose).all()
    assert np.isfinite(fit.expression).all()
    np.testing.assert_array_equal(fit.pose[10:12], fit.pose[[9, 9]])


def test_a_cut_is_not_smoothed_over(ict, planted):
    """Two scenes in one batch are fitted like two clips."""
    *_, points = planted
    moved = points[30:40] + np.float32([30, 12])
    identity = fit_clip(ict, points, 160, margin=1.25).identity
    both = Fitter(ict, 160, 1.25, identity=identity).fit(np.concatenate([points[:10], moved]))
    alone = Fitter(ict, 160, 1.25, identity=identity).fit(moved)
    np.testing.assert_allclose(both.pose[10:], alone.pose, atol=1e-2)


def test_no_face_at_all_and_very_short_clips(ict, planted):
    *_, points = planted
    nothing = fit_clip(ict, np.full((5, 478, 2), np.nan, np.float32), 160)
    assert not nothing.valid.any()
    assert nothing.pose.shape == (5, 6)
    for count in (1, 5):
        assert fit_clip(ict, points[:count], 160, margin=1.25).valid.all()


def test_input_of_another_shape_is_refused(toy):
    with pytest.raises(ValueError, match=r"\(T, 478, 2\)"):
        fit_clip(toy, np.zeros((5, 68, 2)), 160)
    with pytest.raises(ValueError, match="blendshapes"):
        fit_clip(toy, np.zeros((5, 478, 2)), 160, np.zeros((4, 52)))


def test_a_model_without_bounds_is_fitted_too(toy):
    """Of a Basel-format file: the landmarks of a planted face are met."""
    rng = np.random.default_rng(3)
    identity, expression = rng.normal(0, 1, 80), rng.normal(0, 1, (12, 64))
    pose = np.tile([0.05, 0.2, 0, 0, 0, 1100], (12, 1))
    points = landmarks_of(toy, identity, expression, pose)
    fit = fit_clip(toy, points, 160, None, 1.25, FittingConfig(smooth=5))
    far = fit_clip(toy, points, 160, None, 1.25, FittingConfig(smooth=5, prior=1e-3, identity=1e6))
    assert fit.error.mean() < 0.5 * far.error.mean()
    assert np.degrees(np.abs(fit.pose[:, :3] - pose[:, :3])).max() < 8


def test_the_lips_of_a_real_clip_are_followed(ict, shared):
    """On a clip of a person who speaks: the drawn gap between the lips goes with the measured one."""
    landmarker = Landmarker(shared / "weights" / "face_landmarker.task", blendshapes=True)
    frames = [frame.image for frame in read_frames(shared / "data/train/id003_clip01.mp4", max_frames=30)]
    found = [landmarker(image) for image in frames]
    landmarker.close()
    points = np.stack([item.points for item in found])
    scores = np.stack([item.blendshapes for item in found])
    again = BlendshapeNetwork(shared / "weights" / "face_landmarker.task")(points)
    assert np.abs(again - scores).max() < 0.02  # the network alone gives the landmarker's own scores
    fit = fit_clip(ict, points, 256, again, 1.8 / 1.4)
    assert fit.valid.all()
    assert fit.error.mean() < 0.01 * 256
    assert mean_gap_correlation(ict, fit, points) > 0.97


def mean_gap_correlation(model, fit, points):
    tensors = (torch.tensor(fit.identity)[None], torch.tensor(fit.expression))
    projected = fit.camera.project(place(model.landmarks(*tensors), torch.tensor(fit.pose)))[..., :2].numpy()
    drawn = points.copy()
    drawn[:, model.mediapipe_indices] = projected
    return np.corrcoef(mouth_opening(drawn), mouth_opening(points))[0, 1]


def test_a_fit_is_kept_in_a_file(toy, tmp_path):
    fit = fit_clip(toy, landmarks_of(toy, np.zeros(80), np.zeros((3, 64)), np.tile(AHEAD, (3, 1))), 160)
    fit.save(tmp_path / "a.fit.npz")
    again = Fit.load(tmp_path / "a.fit.npz")
    np.testing.assert_array_equal(again.pose, fit.pose)
    assert (again.size, again.focal, again.model) == (160, fit.focal, fit.model)
    assert replace(again, pose=fit.pose, identity=fit.identity).camera.size == 160
    (tmp_path / "b.fit.npz").write_text("no")
    for name in ("b.fit.npz", "none.fit.npz"):
        with pytest.raises(ConfigError, match="python -m lipsync fit"):
            Fit.load(tmp_path / name)


AHEAD = np.array([0.0, 0, 0, 0, 0, 900])
