"""The detector's cascade, beside the package whose weights it reads."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.data import astronaut

from lipsync.assets import asset
from lipsync.compat import ensure_torchvision
from lipsync.faces.tracking.detect import FaceDetector
from lipsync.faces.tracking.mtcnn import load_mtcnn, nms
from lipsync.media import loop_frames
from tests.test_compat import greedy


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """One face, six, none, a face over the border, one of a video, and one that fills the picture."""
    portrait = next(iter(loop_frames(asset("examples", "portrait.mp4"), 25, 1))).image
    noise = np.random.default_rng(0).integers(0, 255, (150, 200, 3), np.uint8)
    return [
        astronaut(),
        np.tile(astronaut()[::2, ::2], (2, 3, 1)),
        noise,
        astronaut()[:170, 220:],
        portrait,
        portrait[90:240, 110:260],
    ]


@pytest.mark.parametrize("smallest", [24, 40])
def test_it_finds_what_the_package_finds(pictures: list[np.ndarray], smallest: int) -> None:
    ensure_torchvision()
    from facenet_pytorch import MTCNN

    package, faces = MTCNN(keep_all=True, min_face_size=smallest).eval(), 0
    for picture in pictures:
        boxes, scores, points = package.detect(picture, landmarks=True)
        found = load_mtcnn()(picture, smallest)
        faces += len(found.boxes)
        if boxes is None:
            assert not len(found.boxes)
            continue
        assert len(found.boxes) == len(boxes)
        own, other = np.lexsort(found.boxes.T), np.lexsort(np.asarray(boxes, np.float32).T)
        np.testing.assert_allclose(found.boxes[own], np.asarray(boxes, np.float32)[other], atol=1e-3)
        np.testing.assert_allclose(found.scores[own], np.asarray(scores, np.float32)[other], atol=1e-5)
        np.testing.assert_allclose(found.points[own], np.asarray(points, np.float32)[other], atol=1e-3)
    assert faces >= 8


def test_a_picture_too_small_for_a_face_shows_none() -> None:
    assert len(load_mtcnn()(np.zeros((20, 30, 3), np.uint8), 24).boxes) == 0
    assert FaceDetector()(np.zeros((24, 30, 3), np.uint8)) == []


@pytest.mark.parametrize("number", [0, 1, 120])
def test_boxes_are_suppressed_as_the_definition_says(number: int) -> None:
    rng = np.random.default_rng(number)
    low = rng.uniform(0, 60, (number, 2))
    boxes, scores = np.concatenate([low, low + rng.uniform(1, 40, (number, 2))], 1), rng.uniform(size=number)
    assert nms(boxes, scores, 0.3).tolist() == greedy(boxes, scores, 0.3)


def test_a_box_within_another_is_suppressed_by_the_share_of_the_smaller() -> None:
    boxes, scores = (
        np.array([[0, 0, 99, 99], [10, 10, 29, 29], [90, 90, 119, 119.0]]),
        np.array([0.9, 0.8, 0.7]),
    )
    assert nms(boxes, scores, 0.7).tolist() == [0, 1, 2]
    assert nms(boxes, scores, 0.7, of_smaller=True).tolist() == [0, 2]
    assert nms(boxes[[0, 2]], scores[[0, 2]], 100 / 900 - 1e-9, of_smaller=True).tolist() == [0]
    assert nms(boxes[[0, 2]], scores[[0, 2]], 100 / 900 + 1e-9, of_smaller=True).tolist() == [0, 1]
