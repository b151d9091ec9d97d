import numpy as np
import pytest

from lipsync.faces.model3d.rasteriser import NOTHING, rasterise

# Counter-clockwise as seen: down the left side, then along the bottom.
RIGHT_ANGLE = np.array([[0, 0, 1], [0, 4, 1], [4, 4, 1]], np.float32)
ONE = np.array([[0, 1, 2]])


def test_a_right_angle_covers_its_pixels_and_weighs_them():
    ids, weights, depth = rasterise(RIGHT_ANGLE[None], ONE, 6)
    covered = np.zeros((6, 6), bool)
    for y in range(5):
        covered[y, : y + 1] = True  # the centres on the edges belong to it
    np.testing.assert_array_equal(ids[0] == 0, covered)
    np.testing.assert_array_equal(depth[0], covered)
    assert (ids[0][~covered] == NOTHING).all()
    np.testing.assert_allclose(weights[0, 3, 1], [0.25, 0.5, 0.25], atol=1e-6)  # x = 1, y = 3
    np.testing.assert_allclose(weights[0][covered].sum(-1), 1, atol=1e-6)
    # The weights give back the place itself.
    ys, xs = np.nonzero(covered)
    np.testing.assert_allclose(weights[0][covered] @ RIGHT_ANGLE[:, :2], np.stack([xs, ys], 1), atol=1e-5)


def test_backs_are_not_drawn():
    ids, _, _ = rasterise(RIGHT_ANGLE[None], ONE[:, ::-1], 6)
    assert (ids == NOTHING).all()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_nearer_triangle_hides_the_other(order):
    behind = RIGHT_ANGLE * [1, 1, 2]
    points = np.concatenate([RIGHT_ANGLE, behind]).astype(np.float32)
    triangles = np.array([[0, 1, 2], [3, 4, 5]])[list(order)]
    ids, _, depth = rasterise(points[None], triangles, 6)
    assert (ids[ids != NOTHING] == order.index(0)).all()
    assert (depth[depth > 0] == 1).all()


def test_weights_are_right_in_space():
    """Half-way in the picture between a near and a far corner lies nearer to the near one in space."""
    points = np.array([[[0, 0, 1], [0, 8, 1], [8, 8, 3]]], np.float32)
    _, weights, depth = rasterise(points, ONE, 9)
    # At (4, 8), between (0, 8) at depth 1 and (8, 8) at depth 3: 1 / depth = (1 + 1/3) / 2.
    np.testing.assert_allclose(weights[0, 8, 4], [0, 0.75, 0.25], atol=1e-6)
    assert depth[0, 8, 4] == pytest.approx(1.5)


def test_what_is_behind_the_camera_or_not_a_number_is_not_drawn():
    for value in (0.0, -1.0, np.nan):
        points = RIGHT_ANGLE.copy()
        points[1, 2 if value == value else 0] = value
        ids, _, _ = rasterise(points[None], ONE, 6)
        assert (ids == NOTHING).all()


def test_a_mesh_has_no_holes_and_each_picture_is_its_own():
    """A grid of triangles that fills the picture, moved by half a pixel in the second one."""
    x, y = np.meshgrid(np.linspace(-1, 12, 8), np.linspace(-1, 12, 8))
    grid = np.stack([x, y, np.ones_like(x)], -1).reshape(-1, 3).astype(np.float32)
    at = np.arange(64).reshape(8, 8)
    a, b, c, d = (part.ravel() for part in (at[:-1, :-1], at[1:, :-1], at[1:, 1:], at[:-1, 1:]))
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    pair = np.stack([grid, grid + np.float32([0.5, 0, 0])])
    ids, weights, _ = rasterise(pair, triangles, 12)
    assert (ids != NOTHING).all()
    places = (pair[np.arange(2)[:, None, None, None], triangles[ids]] * weights[..., None]).sum(-2)
    np.testing.assert_allclose(places[..., 0], np.broadcast_to(np.arange(12), (2, 12, 12)), atol=1e-4)
