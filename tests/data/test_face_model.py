"""Learning a 3D face from landmarks: planted shapes are found again."""

import csv

import numpy as np
import pytest

from lipsync.__main__ import main
from lipsync.assets import asset
from lipsync.data.clips import MARGIN, STORED
from lipsync.data.face_mesh import EYES_APART, mirror_of, tessellation, upright
from lipsync.data.face_model import SCORES, FaceModelConfig, GatheredFrames, first_face, refine
from lipsync.faces.model3d.camera import FOCAL
from lipsync.faces.model3d.embedded import read_embedded
from lipsync.faces.model3d.fitting import fit_clip
from lipsync.faces.model3d.heads import AXES, rotations
from lipsync.faces.model3d.load import load_morphable
from lipsync.faces.tracking.crop import crop_face, crop_matrix, pose_from_points
from lipsync.faces.tracking.landmarks import Landmarker, five_points
from lipsync.media import VideoWriter, read_frames

EXAMPLES = asset("examples")
PEOPLE, EACH = 10, 24
MOVED = ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "browInnerUp")


@pytest.fixture(scope="module")
def planted():
    """People who move four of the face's expressions, seen from many sides; their depth is told too small."""
    truth = read_embedded()
    mean, rng = truth.mean[:468].astype(float), np.random.default_rng(0)
    modes = np.zeros((len(SCORES), 468, 3))
    for name in MOVED:
        modes[SCORES.index(name)] = truth.expression[SCORES.index(name), :468]
    people = mean + np.tensordot(rng.normal(0, 1, (PEOPLE, 4)), truth.identity[:4, :468], 1)
    person = np.repeat(np.arange(PEOPLE), EACH)
    scores = np.zeros((len(person), len(SCORES)))
    moved = [SCORES.index(name) for name in MOVED]
    scores[:, moved] = rng.uniform(0, 0.8, (len(person), 4)) * (rng.random((len(person), 4)) < 0.7)
    shapes = people[person] + np.tensordot(scores, modes, 1)
    turn = rotations(rng.normal(0, 1, (len(person), 3)) * (0.1, 0.35, 0.05))
    placed = (shapes @ turn.transpose(0, 2, 1)) * AXES + (0, 0, 1050)
    focal = FOCAL * STORED / MARGIN
    points = placed[..., :2] / placed[..., 2:] * focal + (STORED - 1) / 2
    points = np.concatenate([points, np.zeros((len(points), 10, 2))], 1)
    solid = shapes * (1, 1, 0.8) @ turn.transpose(0, 2, 1)
    points += rng.normal(0, 0.2, points.shape)
    count = np.arange(len(person))
    frames = GatheredFrames(
        person, count % EACH, person, np.ones(len(person)), points.astype(np.float32), scores
    )
    return mean, modes, solid, frames


def off(found, true):
    return float(np.linalg.norm(found - true, axis=-1).mean())


def test_planted_shapes_come_back_and_rounds_mend_their_depth(planted):
    mean, modes, solid, frames = planted
    config = FaceModelConfig(identity=6)
    first = first_face(solid, frames, config)
    assert off(first.mean[:, :2], mean[:, :2]) < 1  # mm
    for name in MOVED:
        mode, true = first.expression[SCORES.index(name)], modes[SCORES.index(name)]
        assert off(mode, true) < 0.5 * off(0, true), name
    shapes, before = refine(first, frames, config)
    shapes, after = refine(shapes, frames, config)
    assert after < 0.8 * before
    assert after < 0.45  # pixels; the noise is 0.25
    told, found = (off(x.mean, mean) for x in (first, shapes))
    assert found < 0.75 * told  # the poses tell the depth
    jaw = SCORES.index("jawOpen")
    assert off(shapes.expression[jaw], modes[jaw]) < 0.3 * off(0, modes[jaw])
    for name in MOVED:
        mode, true = shapes.expression[SCORES.index(name)], modes[SCORES.index(name)]
        assert np.corrcoef(mode.ravel(), true.ravel())[0, 1] > 0.75, name
    assert off(0, shapes.expression[SCORES.index("cheekPuff")]) < 0.1  # nobody did that
    # Its lips meet, and both sides are alike.
    assert abs(shapes.mean[13, 1] - shapes.mean[14, 1]) < 0.01
    mirror = mirror_of(shapes.mean)
    np.testing.assert_allclose(shapes.mean[mirror] * (-1, 1, 1), shapes.mean, atol=0.5)


def test_upright_takes_away_pose_and_size(planted):
    mean = planted[0]
    turned = (mean @ rotations(np.array([[0.2, 0.3, -0.4]]))[0].T) * 3 + (10, 20, 30)
    found = upright(turned)
    np.testing.assert_allclose(found, mean, atol=0.5)
    eyes = found[[33, 133]].mean(0) - found[[362, 263]].mean(0)
    assert np.linalg.norm(eyes) == pytest.approx(EYES_APART)


def test_the_mesh_is_one_sheet_with_a_mouth():
    triangles = tessellation()
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    assert len(np.unique(edges, axis=0)) == len(edges)  # neighbours run the same way around
    _, uses = np.unique(np.sort(edges, 1), axis=0, return_counts=True)
    assert uses.max() == 2
    # Euler: a sheet with one hole has as many vertices and triangles together as edges.
    assert 468 + len(triangles) - len(uses) == 0
    assert (uses == 1).sum() == 36 + 20  # the outline of the face and the inner lips


@pytest.fixture
def folder(tmp_path, landmarker):
    """The portrait that ships, prepared as clips of three people."""
    find = Landmarker(landmarker)
    crops, marks = [], []
    for frame in read_frames(EXAMPLES / "portrait.mp4", max_frames=30):
        pose = pose_from_points(five_points(find(frame.image).points))
        crops.append(crop_face(frame.image, crop_matrix(pose, STORED, MARGIN), STORED))
        marks.append(find(crops[-1]).points)
    find.close()
    rows = [("clip", "identity", "split", "frames")]
    for name in "abc":
        np.save(tmp_path / f"{name}.npy", np.stack(marks))
        with VideoWriter(tmp_path / f"{name}.mp4", STORED, STORED, 25.0) as writer:
            for crop in crops:
                writer.write(crop)
        rows.append((name, name, "train", str(len(crops))))
    with (tmp_path / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return tmp_path


def test_the_command_learns_a_face_that_fits(folder, landmarker, monkeypatch, capsys):
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(landmarker.parent))
    out = folder / "face"
    assert main(["fit-face-model", "--data", str(folder), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "3 clips, 3 people, 18 frames" in said
    assert "round 3: landmarks were off by" in said
    model = load_morphable(out)
    fit = fit_clip(model, np.load(folder / "a.npy"), STORED, None, MARGIN)
    assert fit.valid.all()
    assert fit.error.mean() < 0.6
    # Two people are too few.
    manifest = (folder / "manifest.csv").read_text().splitlines()[:3]
    (folder / "manifest.csv").write_text("\n".join(manifest))
    assert main(["fit-face-model", "--data", str(folder), "--out", str(out)]) == 2
    assert "at least 3 people" in capsys.readouterr().err
