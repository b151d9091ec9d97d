"""Frames between two looks: interpolated while the face moves steadily, looked at when it does not."""

from dataclasses import replace

import numpy as np
import pytest

from lipsync.faces import FaceTracker
from lipsync.faces.tracking.between import filled
from lipsync.faces.tracking.detection import Detection, FacePoints
from lipsync.faces.tracking.landmarks import Landmarker, five_points
from lipsync.media import Frame, read_frames

RATE = 25.0
IMAGE = np.zeros((8, 8, 3), np.uint8)
FACE = np.random.default_rng(0).uniform(100, 300, (478, 2)).astype(np.float32)
FACE[[33, 133, 362, 263, 1, 61, 291]] = [
    [150, 180],
    [170, 180],
    [230, 180],
    [250, 180],
    [200, 215],
    [170, 260],
    [230, 260],
]


def at(place: float, number: int) -> Detection:
    """A look at a frame on which the face has moved to the right by ``place`` pixels."""
    points = FACE + np.float32([place, 0])
    shapes = np.full(52, number / 100, np.float32)
    return Detection(Frame(IMAGE, number / RATE, number), five_points(points), points, blendshapes=shapes)


def passed(number: int) -> Detection:
    return Detection(Frame(IMAGE, number / RATE, number), passed=True)


def follow(*items: Detection) -> tuple[list[Detection], int]:
    """What comes out, and how many frames were looked at once more; such a look finds the face at 1000."""
    looks = []

    def look(image: np.ndarray, pose: object) -> FacePoints:
        looks.append(pose)
        found = at(1000, 0)
        return FacePoints(found.points, found.landmarks, found.blendshapes)

    return list(filled(items, look)), len(looks)


def test_a_face_that_moves_steadily_is_interpolated():
    out, looks = follow(at(0, 0), at(2, 1), passed(2), at(6, 3), passed(4), at(10, 5))
    assert looks == 0
    for number, item in enumerate(out):
        expected = at(2 * number, number)
        np.testing.assert_allclose(item.landmarks, expected.landmarks, atol=1e-4)
        np.testing.assert_allclose(item.points, expected.points, atol=1e-4)
        np.testing.assert_allclose(item.blendshapes, expected.blendshapes, atol=1e-6)
        assert item.frame.index == number


@pytest.mark.parametrize(
    "after",
    [at(14, 3), Detection(Frame(IMAGE, 3 / RATE, 3)), replace(at(6, 3), new=True)],
    ids=["jerks", "lost", "someone else"],
)
def test_else_the_frame_is_looked_at(after):
    out, looks = follow(at(0, 0), at(2, 1), passed(2), after)
    assert looks == 1
    np.testing.assert_allclose(out[2].landmarks, FACE + np.float32([1000, 0]))
    assert out[3] is after


def test_the_first_frame_that_is_passed_over_is_looked_at():
    """Two looks say nothing about a change of speed."""
    assert follow(at(0, 0), passed(1), at(4, 2))[1] == 1


def test_a_frame_on_which_nothing_was_found_is_not_looked_at_again():
    nothing = Detection(Frame(IMAGE, 2 / RATE, 2))
    out, looks = follow(at(0, 0), at(2, 1), nothing, at(6, 3))
    assert (out[2], looks) == (nothing, 0)


@pytest.fixture(scope="module")
def landmarker(shared):
    return shared / "weights/face_landmarker.task"


def test_on_a_real_clip_it_is_as_exact_as_the_landmarker(shared, landmarker, monkeypatch):
    looks = []
    call = Landmarker.__call__
    monkeypatch.setattr(Landmarker, "__call__", lambda self, image: looks.append(1) or call(self, image))
    frames = list(read_frames(shared / "data/train/id001_clip01.mp4", RATE, 60))
    each, half = (list(FaceTracker(landmarker, RATE, every=n).track(iter(frames))) for n in (1, 2))
    assert len(looks) - 60 < 55, "fewer looks"
    off = [
        np.linalg.norm(a.landmarks - b.landmarks, axis=1).mean() / a.pose.side
        for a, b in zip(each, half, strict=True)
    ]
    assert np.mean(off) < 0.003
    moved = [
        np.linalg.norm(a.pose.centre - b.pose.centre) / a.pose.side for a, b in zip(each, half, strict=True)
    ]
    assert np.max(moved) < 0.01
