"""The lines on the still are those of what a run cuts out and draws."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipsync.assets import asset
from lipsync.faces import FaceTracker, faces_in, paste
from lipsync.faces.outline import outlined, outlines
from lipsync.faces.tracking.choose import Choice
from lipsync.media import Frame
from lipsync.media.photo import read_photo
from lipsync.weights import hub

PORTRAIT = asset("examples") / "portrait.jpg"


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    photo = read_photo(PORTRAIT)
    assert photo is not None
    return photo


@pytest.mark.parametrize("dense", [True, False])
def test_the_curve_is_where_a_run_draws(picture: np.ndarray, dense: bool) -> None:
    landmarker = hub.locate("face_landmarker") if dense else None
    if dense and landmarker is None:
        pytest.skip("needs the face_landmarker artefact (make weights)")
    square, curve = outlines(picture, landmarker, Choice())
    tracker = FaceTracker(landmarker, 25.0)
    item = next(tracker.track([Frame(picture, 0.0, 0)]))
    tracker.close()
    assert item.pose is not None
    other = np.full((256, 256, 3), (0, 255, 0), np.uint8)  # nothing like a face, so that all of it shows
    drawn = paste(picture, other, item.pose, item.landmarks)
    changed = np.abs(drawn.astype(int) - picture).max(-1) > 4
    inside = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(inside, [curve.round().astype(np.int32)], 1)
    assert changed[inside > 0].mean() > 0.8
    frame = np.zeros_like(inside)
    cv2.fillPoly(frame, [square.round().astype(np.int32)], 1)
    assert not changed[frame == 0].any()
    # By the face's own points, as the detector gives them.
    points = faces_in(PORTRAIT)[0].points
    mouth = points[3:].mean(0).tolist()
    assert cv2.pointPolygonTest(curve.astype(np.float32), mouth, False) > 0
    for eye in points[:2]:
        assert cv2.pointPolygonTest(curve.astype(np.float32), eye.tolist(), False) < 0
        assert cv2.pointPolygonTest(square.astype(np.float32), eye.tolist(), False) > 0
    sides = np.linalg.norm(np.roll(square, 1, 0) - square, axis=1)
    assert sides == pytest.approx(np.full(4, sides[0]), rel=1e-3)
    assert 2.3 < sides[0] / np.linalg.norm(points[1] - points[0]) < 3.3


def test_a_picture_without_the_face_stays_as_it_is(picture: np.ndarray) -> None:
    grey = np.full_like(picture, 128)
    assert (outlined(grey, None, Choice()) == grey).all()
    assert (outlined(picture, None, Choice(point=(2.0, 2.0))) == picture).all()
    assert (outlined(picture, None, Choice()) != picture).any()
