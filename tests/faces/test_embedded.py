"""The 3D face that ships."""

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from lipsync.errors import ConfigError
from lipsync.faces.model3d.blendshapes import NAMES, BlendshapeNetwork, scores_by_name
from lipsync.faces.model3d.camera import Camera, place
from lipsync.faces.model3d.embedded import EMBEDDED, read_embedded, write_embedded
from lipsync.faces.model3d.fitting import fit_clip
from lipsync.faces.model3d.load import load_morphable
from lipsync.faces.model3d.rasteriser import NOTHING, rasterise
from lipsync.faces.model3d.render import render
from lipsync.faces.tracking.landmarks import Landmarker
from lipsync.media import read_frames
from lipsync.methods.visual_dubbing.renderer_input import Scene
from tests.faces.test_fitting import mean_gap_correlation


@pytest.fixture(scope="module")
def face():
    return load_morphable("embedded")


def shape_of(face, **scores):
    expression = torch.zeros(1, face.expression_size)
    for name, score in scores.items():
        expression[0, face.expression_names.index(name)] = score
    return face.shape(torch.zeros(1, face.identity_size), expression)[0]


def test_its_expressions_are_the_landmarkers_scores_and_it_is_small(face):
    assert face.expression_names == NAMES[1:]
    scores = scores_by_name(face.expression_names)
    assert scores.tolist() == list(range(1, 52))
    assert face.identity_size == 32
    assert (EMBEDDED / "model.safetensors").stat().st_size < 1e6
    assert face.mediapipe_indices.tolist() == face.landmark_vertices.tolist()


def test_it_is_a_symmetric_adult_with_closed_lips(face):
    rest = shape_of(face)
    eyes = rest[[33, 133]].mean(0) - rest[[362, 263]].mean(0)
    assert float(eyes.norm()) == pytest.approx(63, abs=0.5)  # mm
    mirrored = rest[:468] * torch.tensor([-1.0, 1, 1])
    assert float(torch.cdist(mirrored, rest[:468]).min(1).values.max()) < 0.1
    assert abs(float(rest[13, 1] - rest[14, 1])) < 1
    assert float(rest[4, 2]) > float(rest[2, 2]) > float(rest[13, 2]) > float(rest[61, 2])  # nose to cheek


def test_an_open_jaw_drops_the_chin_and_shows_teeth(face):
    rest, opened = shape_of(face), shape_of(face, jawOpen=0.5)
    assert float(opened[152, 1] - rest[152, 1]) < -6
    assert float(opened[13, 1] - opened[14, 1]) > 10
    assert float((opened[105] - rest[105]).norm()) < 1
    camera, pose = Camera.of_crop(192), torch.tensor([[0.0, 0, 0, 0, -6, 890]])

    def teeth(shape):
        projected = camera.project(place(shape[None], pose))
        ids, _, _ = rasterise(projected.numpy(), face.triangles.numpy(), 192)
        behind = (face.triangles >= 468).all(1).numpy()
        return int(behind[ids[ids != NOTHING]].sum())

    assert teeth(rest) < 10
    assert teeth(opened) > 200


def test_each_side_has_its_own_smile(face):
    rest, smile = shape_of(face), shape_of(face, mouthSmileLeft=0.5)
    assert float((smile - rest)[291].norm()) > 2 * float((smile - rest)[61].norm())  # their left: +x


def test_the_hole_hides_a_mouth_whatever_it_does_and_leaves_the_nose(face):
    scene = Scene(face)
    assert [face.expression_names[i] for i in scene.jaw] == ["jawOpen"]
    identity, pose = torch.zeros(1, 32), torch.tensor([[0.0, 0, 0, 0, -6, 890]])
    camera = Camera.of_crop(192)
    hole = scene.hole(identity, pose, camera, 192)[0, 0]
    assert float((hole != hole.flip(1)).float().mean()) < 0.001  # the same on both sides
    for shape in (shape_of(face), shape_of(face, jawOpen=0.8)):
        points = camera.project(place(shape[None], pose))[0, :, :2].round().long()
        inside = [bool(hole[y, x]) for x, y in points[[0, 17, 61, 291, 13, 14, 152]].clamp(0, 191)]
        assert all(inside)
        assert not hole[points[4, 1], points[4, 0]]
    drawn = render(face, identity, torch.zeros(1, 51), pose, 192)
    assert 0.1 < float(hole.sum() / drawn.mask.sum()) < 0.5


def test_what_is_written_is_read(face, tmp_path):
    arrays = read_embedded()
    write_embedded(arrays, tmp_path / "face")
    again = load_morphable(tmp_path / "face")
    for name in ("mean", "identity_basis", "expression_basis", "triangles", "colour"):
        torch.testing.assert_close(getattr(again, name), getattr(face, name))
    assert again.expression_names == face.expression_names


def test_a_file_that_is_no_face_says_how_to_make_one(tmp_path):
    (tmp_path / "a.safetensors").write_text("no")
    save_file({"mean": np.zeros((3, 3), np.float32)}, tmp_path / "b.safetensors")
    for name in ("a.safetensors", "b.safetensors", "missing.safetensors"):
        with pytest.raises(ConfigError, match=f"{name} holds no 3D face.*fit-face-model"):
            load_morphable(tmp_path / name)


def test_it_fits_a_real_clip_closer_than_ict_facekit(face, ict, shared):
    landmarker = Landmarker(shared / "weights" / "face_landmarker.task")
    frames = read_frames(shared / "data/train/id003_clip01.mp4", max_frames=30)
    points = np.stack([landmarker(frame.image).points for frame in frames])
    landmarker.close()
    scores = BlendshapeNetwork(shared / "weights" / "face_landmarker.task")(points)
    ours, theirs = (fit_clip(model, points, 256, scores, 1.8 / 1.4) for model in (face, ict))
    assert ours.valid.all()
    assert ours.error.mean() < 0.7 * theirs.error.mean()
    assert mean_gap_correlation(face, ours, points) > 0.99
