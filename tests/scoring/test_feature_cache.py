"""What was embedded or tracked once is not done again, and nobody can tell from the rows."""

import numpy as np
import pytest

from eval.scoring.feature_cache import FeatureCache, TrackFeatureCache
from lipsync.faces.tracking.crop import Pose
from lipsync.faces.tracking.track import Tracked
from lipsync.media import Frame


class Counted:
    """Mean colour of each picture, turned by the points beside it; counts what it is shown."""

    def __init__(self) -> None:
        self.shown: list[int] = []

    def __call__(self, pictures: np.ndarray, points: np.ndarray) -> np.ndarray:
        self.shown.append(len(pictures))
        return pictures.mean((1, 2)).astype(np.float64) + points.sum(1, keepdims=True)


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (10, 4, 4, 3), dtype=np.uint8)


def test_rows_are_those_of_the_network_in_the_order_asked_for(pictures):
    network, points = Counted(), np.zeros((10, 2))
    recall = FeatureCache(network)
    expected = Counted()(pictures, points)
    first = recall(pictures[[3, 1, 3, 3]], points[:4])
    assert first.tolist() == expected[[3, 1, 3, 3]].tolist()
    assert network.shown == [2], "a picture that comes twice in one batch was embedded twice"
    assert recall(pictures, points).tolist() == expected.tolist()
    assert network.shown == [2, 8]
    assert recall(pictures[::-1], points).tolist() == expected[::-1].tolist()
    assert network.shown == [2, 8]


def test_the_same_picture_with_other_points_is_another_input(pictures):
    recall = FeatureCache(Counted())
    a, b = (recall(pictures[:1], np.full((1, 2), value)) for value in (0.0, 1.0))
    assert (b - a).tolist() == [[2, 2, 2]]


def test_a_caller_that_writes_into_its_rows_spoils_nothing(pictures):
    recall, points = FeatureCache(Counted()), np.zeros((10, 2))
    once = recall(pictures, points)
    kept = once.copy()
    once[:] = -1
    assert recall(pictures, points).tolist() == kept.tolist()


def test_the_oldest_rows_are_let_go_and_a_batch_may_be_larger_than_the_memory(pictures):
    network, points = Counted(), np.zeros((10, 2))
    recall = FeatureCache(network, most=4)
    assert recall(pictures, points).tolist() == Counted()(pictures, points).tolist()
    recall(pictures[6:], points[:4])  # the last four
    assert network.shown == [10]
    recall(pictures[6:7], points[:1])  # used again, so it is not the oldest
    recall(pictures[:1], points[:1])
    recall(pictures[6:7], points[:1])
    assert network.shown == [10, 1]
    recall(pictures[7:8], points[:1])
    assert network.shown == [10, 1, 1]


def test_no_pictures_are_no_rows(pictures):
    assert FeatureCache(Counted())(pictures[:0], np.zeros((0, 2))).shape == (0, 3)


def frames_of(count: int, level: int = 0) -> list[Frame]:
    return [Frame(np.full((2, 2, 3), level, np.uint8), index / 25, index) for index in range(count)]


class Watching:
    """A tracker that finds a face on every second frame; counts the videos it is asked to watch."""

    def __init__(self) -> None:
        self.videos = 0

    def __call__(self, frames):
        self.videos += 1
        for frame in frames:
            pose = Pose(np.array([frame.index, 1.0]), np.array(8.0), np.array(0.0))
            yield Tracked(frame, pose if frame.index % 2 else None, new=frame.index == 1)


def test_a_video_is_tracked_once_and_its_frames_are_those_of_this_pass():
    recall, tracker = TrackFeatureCache(), Watching()
    first = list(recall("a", iter(frames_of(6, level=1)), tracker))
    again = list(recall("a", iter(frames_of(6, level=2)), tracker))
    assert tracker.videos == 1
    assert [item.pose for item in again] == [item.pose for item in first]
    assert [item.new for item in again] == [item.new for item in first]
    assert [int(item.frame.image.max()) for item in again] == [2] * 6
    list(recall("b", iter(frames_of(6)), tracker))
    assert tracker.videos == 2


def test_half_a_pass_is_not_remembered_and_the_oldest_video_goes_first():
    recall, tracker = TrackFeatureCache(most=10), Watching()
    half = recall("a", iter(frames_of(6)), tracker)
    next(half)
    half.close()
    for key, frames, watched in (("a", 6, 2), ("b", 4, 3), ("a", 6, 3), ("c", 3, 4), ("a", 6, 4), ("b", 4, 5),
                                 ("d", 11, 6), ("d", 11, 7)):  # fmt: skip
        list(recall(key, iter(frames_of(frames)), tracker))
        assert tracker.videos == watched, key
