import cv2
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lipsync.faces.model3d.camera import Camera, axis_angle, in_crop, place, rotation
from lipsync.faces.tracking.crop import Pose, crop_matrix, transform_points

CAMERA = Camera(torch.tensor(500.0), torch.tensor([95.5, 95.5]), 192)


def at(points: list[list[float]], pose: list[float]) -> np.ndarray:
    return CAMERA.project(place(torch.tensor([points]), torch.tensor([pose], dtype=torch.float32)))[0].numpy()


def test_points_land_where_they_do_by_hand():
    points = [[0.0, 0.0, 0.0], [100.0, 0.0, 0.0], [0.0, 100.0, 0.0], [0.0, 0.0, 100.0]]
    # 1 m away, half a pixel per millimetre: x to the right, y up, z towards the viewer.
    expected = [[95.5, 95.5, 1000], [145.5, 95.5, 1000], [95.5, 45.5, 1000], [95.5, 95.5, 900]]
    np.testing.assert_allclose(at(points, [0, 0, 0, 0, 0, 1000]), expected, rtol=1e-6)
    # A quarter turn about y brings x away from the viewer, and what faced the viewer to the right.
    turned = at(points, [0, np.pi / 2, 0, 0, 0, 1000])
    expected = [[95.5, 95.5, 1000], [95.5, 95.5, 1100], [95.5, 45.5, 1000], [145.5, 95.5, 1000]]
    np.testing.assert_allclose(turned, expected, rtol=1e-5)
    # A nod of 30 degrees about x: a nose of 100 mm drops by 50 and comes 86.6 closer.
    nose = at([[0.0, 0.0, 100.0]], [np.pi / 6, 0, 0, 0, 0, 1000])[0]
    np.testing.assert_allclose(nose, [95.5, 95.5 + 500 * 50 / 913.397, 913.397], rtol=1e-5)
    # A shift of 20 mm to the right and 10 down.
    np.testing.assert_allclose(at(points, [0, 0, 0, 20, 10, 1000])[0], [105.5, 100.5, 1000], rtol=1e-6)


def test_equals_opencv():
    rng = np.random.default_rng(0)
    points, turn, shift = rng.normal(0, 60, (30, 3)), rng.normal(0, 0.5, 3), np.array([10.0, -20.0, 900.0])
    flip = np.diag([1.0, -1.0, -1.0])
    rotated = flip @ Rotation.from_rotvec(turn).as_matrix()
    inside = np.array([[500, 0, 95.5], [0, 500, 95.5], [0, 0, 1]])
    expected, _ = cv2.projectPoints(points, cv2.Rodrigues(rotated)[0], shift, inside, None)
    found = at(points.astype(np.float32).tolist(), [*turn, *shift])
    np.testing.assert_allclose(found[:, :2], expected[:, 0], atol=2e-3)


def test_rotations_and_back_equal_scipy():
    turns = np.random.default_rng(1).normal(0, 1, (50, 3))
    turns *= np.minimum(1, 3.1 / np.linalg.norm(turns, axis=1, keepdims=True))
    turns[0], turns[1] = 0, [1e-6, 0, 0]
    turns[2] = np.array([0, np.pi - 1e-4, 0])
    matrices = rotation(torch.tensor(turns))
    np.testing.assert_allclose(matrices, Rotation.from_rotvec(turns).as_matrix(), atol=1e-9)
    np.testing.assert_allclose(axis_angle(matrices), turns, atol=1e-6)


def test_gradients_at_no_rotation_are_finite():
    turn = torch.zeros(1, 3, requires_grad=True)
    rotation(turn)[0, 1, 0].backward()
    np.testing.assert_allclose(turn.grad, [[0, 0, 1]], atol=1e-5)


def test_a_crop_shows_what_the_picture_shows():
    """Projecting into a turned, zoomed, shifted crop is projecting into the picture and moving the pixels."""
    matrix = crop_matrix(Pose(np.array([120.0, 80.0]), np.array(140.0), np.array(0.3)), 192)
    torch.manual_seed(0)
    points = torch.randn(2, 40, 3) * 60
    poses = torch.tensor([[0.1, 0.4, -0.2, 20, 5, 950], [0, 0, 0, 0, 0, 900]])
    direct = CAMERA.project(place(points, poses))[..., :2].numpy()
    camera, moved = in_crop(CAMERA, poses, torch.from_numpy(matrix), 192)
    found = camera.project(place(points, moved))[..., :2].numpy()
    np.testing.assert_allclose(found, transform_points(direct, matrix), atol=2e-3)


def test_a_mirrored_crop_has_no_pose():
    with pytest.raises(ValueError, match="mirrored"):
        in_crop(CAMERA, torch.zeros(1, 6), torch.tensor([[-1.0, 0, 191], [0, 1, 0]]), 192)
