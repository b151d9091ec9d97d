import json

import numpy as np
import pytest

from lipsync.faces.tracking import landmarks68
from lipsync.faces.tracking.landmarks68 import MESH_TO_68, to_68

MIRROR = [*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31]
MIRROR += [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
MIRROR += [54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65]


def contour(connections) -> list[int]:
    """The points of one of MediaPipe's contours; it lists them as edges."""
    return [index for edge in connections for index in (edge.start, edge.end)]


def test_every_point_lies_on_its_contour():
    from mediapipe.tasks.python.vision import FaceLandmarksConnections as Mesh

    assert set(landmarks68.JAW) <= set(contour(Mesh.FACE_LANDMARKS_FACE_OVAL))
    assert set(landmarks68.BROW_RIGHT) <= set(contour(Mesh.FACE_LANDMARKS_RIGHT_EYEBROW))
    assert set(landmarks68.BROW_LEFT) <= set(contour(Mesh.FACE_LANDMARKS_LEFT_EYEBROW))
    assert set(landmarks68.NOSE) - {240, 460} <= set(
        contour(Mesh.FACE_LANDMARKS_NOSE)
    )  # the nostrils have none
    assert set(landmarks68.EYE_RIGHT) <= set(contour(Mesh.FACE_LANDMARKS_RIGHT_EYE))
    assert set(landmarks68.EYE_LEFT) <= set(contour(Mesh.FACE_LANDMARKS_LEFT_EYE))
    assert {*landmarks68.LIPS_OUTER, *landmarks68.LIPS_INNER} <= set(contour(Mesh.FACE_LANDMARKS_LIPS))


def test_no_point_serves_twice():
    assert len(set(MESH_TO_68)) == len(MESH_TO_68) == 68


@pytest.fixture(scope="module")
def mesh(shared) -> np.ndarray:
    """(478, 2) landmarks of the astronaut, pixels."""
    import mediapipe as mp
    import skimage.data
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(shared / "weights/face_landmarker.task"))
    )
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        picture = np.ascontiguousarray(skimage.data.astronaut()[:300, 100:400])
        found = landmarker.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=picture)).face_landmarks[0]
    return np.array([(p.x * 300, p.y * 300) for p in found])


def test_order_of_the_scheme_on_a_real_face(mesh):
    points = to_68(mesh)
    x, y = points.T
    assert (np.diff(y[0:9]) > 0).all()  # the jaw runs down the left of the picture to the chin
    assert (np.diff(y[8:17]) < 0).all()  # and up the right
    assert (np.diff(x[2:15]) > 0).all()
    assert (np.diff(x[17:27]) > 0).all()  # brows
    assert (np.diff(y[27:31]) > 0).all()  # down the nose
    assert (np.diff(x[31:36]) > 0).all()
    for start in (36, 42):  # an eye: corner, over the top, corner, back below
        assert x[start] == x[start : start + 6].min()
        assert x[start + 3] == x[start : start + 6].max()
        assert max(y[start + 1 : start + 3]) < min(y[start + 4 : start + 6])
    assert (np.diff(x[48:55]) > 0).all()  # upper lip outside, then back along the lower lip
    assert (np.diff(x[[54, 55, 56, 57, 58, 59, 48]]) < 0).all()
    assert (np.diff(x[60:65]) > 0).all()
    assert (np.diff(x[[64, 65, 66, 67, 60]]) < 0).all()
    assert (y[[50, 51, 52]] < y[[61, 62, 63]]).all()  # outer above inner above inner above outer
    assert (y[[61, 62, 63]] < y[[67, 66, 65]]).all()
    assert (y[[67, 66, 65]] < y[[58, 57, 56]]).all()


def test_left_is_the_mirror_of_right(mesh):
    """Swapping the sides of the table gives the mirrored face: no point is off on one side only."""
    points = to_68(mesh)
    flipped = points[MIRROR] * (-1, 1)
    residual = np.linalg.norm(_fit(flipped, points) - points, axis=1) / np.linalg.norm(
        points[45] - points[36]
    )
    assert residual.max() < 0.03  # the head is turned a little


def test_agrees_with_the_marked_vertices_of_another_face_model(mesh, shared):
    """ICT-FaceKit says which of its vertices are the 68 points; seen from the front they must fit."""
    marked = json.loads((shared / "weights/ict_facekit_vertex_indices.json").read_text())[
        "idx_to_landmark_verts"
    ]
    with np.load(shared / "weights/ict_facekit.npz") as model:
        vertices = model["neutral"][marked][:, :2] * (1, -1)
    fitted = _fit(to_68(mesh), vertices)
    residual = np.linalg.norm(fitted - vertices, axis=1) / np.linalg.norm(vertices[45] - vertices[36])
    assert residual[17:].mean() < 0.07
    assert residual[48:].mean() < 0.09


def test_takes_any_number_of_frames_and_says_what_it_cannot_read(mesh):
    many = np.stack([mesh, mesh + 1])
    np.testing.assert_array_equal(to_68(many)[1], to_68(mesh + 1))
    with pytest.raises(ValueError, match="478"):
        to_68(np.zeros((68, 2)))


def _fit(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """``points`` after the affine map that brings them closest to ``target``."""
    homogeneous = np.column_stack([points, np.ones(len(points))])
    return homogeneous @ np.linalg.lstsq(homogeneous, target, rcond=None)[0]
