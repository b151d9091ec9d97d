"""The flicker benchmark: known flicker has the known size, steady motion has none, lips are not looked at."""

import cv2
import numpy as np
import pytest

from lipsync.faces.tracking.crop import crop_face, crop_matrix, pose_from_points, transform_points
from lipsync.faces.tracking.landmarks import Landmarker
from tests.benchmarks.flicker import LIPS, SIDE, Flicker, inside_lips, static_skin

EVERYWHERE = np.ones((SIDE, SIDE), bool)


def measured(crops, skin=EVERYWHERE) -> Flicker:
    flicker = Flicker()
    for crop in crops:
        flicker.update(np.asarray(crop, np.uint8), skin)
    return flicker


def grey(level: float) -> np.ndarray:
    return np.full((SIDE, SIDE, 3), level)


def test_pulsing_colour_counts_and_a_steady_change_does_not():
    # 100, 104, 100 ...: the middle one is 4 away from the mean of its neighbours.
    found = measured([grey(100 + 4 * (k % 2)) for k in range(9)])
    assert found.frames == 7
    assert found.fine == pytest.approx(4)
    assert found.broad == pytest.approx(4, rel=1e-3)
    assert measured([grey(100 + 4 * k) for k in range(9)]).fine == 0


def test_grain_is_fine_and_not_broad():
    rng = np.random.default_rng(0)
    found = measured(128 + rng.normal(0, 5, (30, SIDE, SIDE, 3)))
    assert found.fine == pytest.approx(5 * np.sqrt(1.5), rel=0.03)  # variance 1 + 1/4 + 1/4
    assert found.broad < 0.1 * found.fine


def test_what_is_not_looked_at_and_what_was_cut_off_does_not_count():
    left = EVERYWHERE.copy()
    left[:, SIDE // 2 :] = False
    crops = [grey(100) for _ in range(6)]
    for k in (1, 3, 5):
        crops[k][:, SIDE // 2 :] = 200
    assert measured(crops, left).fine == 0
    assert measured(crops).fine > 50
    flicker = Flicker()
    for k in range(6):
        if k == 3:
            flicker.cut()  # another shot
        flicker.update(grey(50 if k < 3 else 200).astype(np.uint8), EVERYWHERE)
    assert flicker.fine == 0
    assert flicker.frames == 2


def test_skin_is_beside_the_mouth_and_above_its_corners(shared):
    from skimage.data import astronaut

    image = astronaut()
    points = np.array([(204, 101), (246, 103), (226, 127), (204, 141), (246, 142)], float)
    matrix = crop_matrix(pose_from_points(points), 256, 1.6)
    landmarker = Landmarker(shared / "weights/face_landmarker.task")
    found = landmarker(crop_face(image, matrix, 256)).points
    landmarker.close()
    there = transform_points(found, cv2.invertAffineTransform(matrix))
    crop = crop_matrix(pose_from_points(points), SIDE)
    landmarks = transform_points(there, crop)
    skin = static_skin(landmarks)
    rows, columns = np.nonzero(skin)
    lips = landmarks[list(LIPS)]
    assert skin.sum() > 300
    assert rows.max() <= lips[:, 1].mean() + 1
    assert rows.min() > landmarks[[145, 374], 1].max()  # under the lower lids
    assert columns.min() < lips[:, 0].min() < lips[:, 0].max() < columns.max()  # on both cheeks
    distance = np.hypot(columns[:, None] - lips[:, 0], rows[:, None] - lips[:, 1]).min(1)
    assert distance.min() > 0.05 * SIDE
    inside = inside_lips(landmarks)
    rows, columns = np.nonzero(inside)
    assert not (skin & (inside > 0)).any()
    assert abs(columns.min() - lips[:, 0].min()) <= 1
    assert abs(rows.max() - lips[:, 1].max()) <= 1
