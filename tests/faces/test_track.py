"""One face through a video: smooth, steady, faithful."""

import cv2
import numpy as np
import pytest

from lipsync.errors import FaceError
from lipsync.faces import Choice, FaceTracker
from lipsync.faces.tracking.between import bridge
from lipsync.faces.tracking.crop import Pose, pose_from_points, smooth_pose
from lipsync.faces.tracking.detection import Detection
from lipsync.media import Frame, read_frames

RATE = 25.0
FRONTAL = np.array([(-50, 0), (50, 0), (0, 55), (-40, 115), (40, 115)], float)


def seen(count: int, holes=(), new=(), size: int = 8, seed: int = 0) -> list[Detection]:
    """A face that drifts, with noise, as a follower would report it."""
    rng = np.random.default_rng(seed)
    image = np.zeros((size, size, 3), np.uint8)
    items = []
    for i in range(count):
        points = FRONTAL * (1 + 0.002 * i) + (300 + 3 * i, 200) + rng.normal(0, 2, (5, 2))
        frame = Frame(image, i / RATE, i)
        items.append(Detection(frame) if i in holes else Detection(frame, points, new=i in new or i == 0))
    return items


def tracker(**options) -> FaceTracker:
    return FaceTracker(None, RATE, **options)


def whole(items: list[Detection]) -> Pose:
    """The definition: all poses of an unbroken track smoothed at once."""
    return smooth_pose(pose_from_points(np.stack([item.points for item in items])), RATE)


def assert_poses(tracked, expected: Pose) -> None:
    assert len(tracked) == len(expected)
    np.testing.assert_allclose([t.pose.centre for t in tracked], expected.centre, atol=1e-9)
    np.testing.assert_allclose([t.pose.side for t in tracked], expected.side, atol=1e-9)
    np.testing.assert_allclose([t.pose.angle for t in tracked], expected.angle, atol=1e-9)


@pytest.mark.parametrize("count", [1, 2, 10, 16, 31, 80])
def test_streaming_equals_smoothing_the_whole_track(count):
    items = seen(count)
    assert_poses(list(tracker().smooth(iter(items))), whole(items))


def test_nothing_is_smoothed_across_a_cut_or_a_long_gap():
    items = seen(90, holes=range(50, 60), new={20})
    tracked = list(tracker().smooth(iter(items)))
    assert [t.frame.index for t in tracked] == list(range(90))
    assert [t.frame.index for t in tracked if t.pose is None] == list(range(50, 60))
    for start, stop in ((0, 20), (20, 50), (60, 90)):
        assert_poses(tracked[start:stop], whole(items[start:stop]))


def test_short_gaps_are_filled_on_a_straight_line():
    items = seen(40, holes=range(20, 25))
    filled = list(bridge(iter(items), 5))
    assert all(item.points is not None for item in filled)
    for i, index in enumerate(range(20, 25), 1):
        expected = items[19].points * (1 - i / 6) + items[25].points * (i / 6)
        np.testing.assert_allclose(filled[index].points, expected)


def test_gaps_stay_open_when_longer_at_the_ends_or_before_someone_else():
    assert sum(item.points is None for item in bridge(iter(seen(40, holes=range(20, 26))), 5)) == 6
    assert sum(item.points is None for item in bridge(iter(seen(20, holes={0, 1, 18, 19})), 5)) == 4
    assert sum(item.points is None for item in bridge(iter(seen(20, holes={9, 10}, new={11})), 5)) == 2


def test_look_ahead_is_bounded():
    taken = 0

    def count(items):
        nonlocal taken
        for item in items:
            taken += 1
            yield item

    ahead = []
    for given, _ in enumerate(tracker().smooth(count(seen(200))), 1):
        ahead.append(taken - given)
    assert max(ahead) <= 0.6 * RATE + 1
    taken, ahead = 0, []
    for given, _ in enumerate(tracker().smooth(count(seen(60, size=6000))), 1):  # 108 MB a frame
        ahead.append(taken - given)
    assert max(ahead) <= 2


@pytest.fixture(scope="module")
def landmarker(shared):
    return shared / "weights/face_landmarker.task"


def follow(path, landmarker, start=0, count=50, **options):
    track = FaceTracker(landmarker, RATE, **options)
    frames = (frame for frame in read_frames(path, max_frames=start + count) if frame.index >= start)
    tracked = list(track.track(frames))
    track.close()
    return tracked, track


def test_agrees_with_the_landmarker_on_every_frame_alone(shared, landmarker):
    """Independent of all following: a full search of each frame finds the same square."""
    from lipsync.faces import FaceDetector

    tracked, track = follow(shared / "data/originals/orig04.mp4", landmarker, count=40)
    assert not track.coarse
    detect = FaceDetector()
    for item in tracked[::13]:
        (face,) = detect(item.frame.image)
        alone = pose_from_points(face.points)
        assert np.linalg.norm(item.pose.centre - alone.centre) < 0.08 * alone.side
        assert 0.85 < item.pose.side / alone.side < 1.18
        assert item.landmarks.shape == (478, 2)


def test_coarse_tracking_is_close_to_the_fine_one(shared, landmarker):
    path = shared / "data/originals/orig03.mp4"
    fine, _ = follow(path, landmarker)
    coarse, track = follow(path, None)
    assert track.coarse
    assert len(coarse) == len(fine) == 50
    for a, b in zip(fine, coarse, strict=True):
        assert b.landmarks is None
        assert np.linalg.norm(a.pose.centre - b.pose.centre) < 0.12 * a.pose.side
        assert 0.8 < a.pose.side / b.pose.side < 1.25


@pytest.mark.parametrize(("index", "left"), [(0, True), (1, False)])
def test_the_chosen_one_of_two_people_is_followed(shared, landmarker, index, left):
    tracked, track = follow(shared / "data/originals/orig02.mp4", landmarker, choose=Choice(index=index))
    assert track.faces_seen == 2
    assert all((item.pose.centre[0] < 640) == left for item in tracked if item.pose is not None)
    assert sum(item.pose is None for item in tracked) <= 2


def test_nobody_takes_the_place_of_who_leaves(shared, landmarker):
    """The chosen person is painted over for two seconds; the other one stays in the picture."""
    track = FaceTracker(landmarker, RATE, Choice(index=0))

    def hidden():
        for frame in read_frames(shared / "data/originals/orig02.mp4", max_frames=110):
            if 30 <= frame.index < 95:
                frame.image[:, 230:640] = 90
            yield frame

    tracked = list(track.track(hidden()))
    track.close()
    assert all(item.pose is None for item in tracked[30:95])
    assert all(item.pose.centre[0] < 640 for item in tracked[:30] + tracked[95:])


def test_index_out_of_range(shared, landmarker):
    with pytest.raises(FaceError, match="shows 2 faces; choose 0…1"):
        follow(shared / "data/originals/orig02.mp4", landmarker, choose=Choice(index=2), count=3)


def test_a_cut_begins_anew(shared, landmarker):
    """Two videos in one: the second face has its own size from its first frame on."""
    one = list(read_frames(shared / "data/originals/orig04.mp4", max_frames=20))
    two = [
        cv2.resize(f.image, (1920, 1080))
        for f in read_frames(shared / "data/originals/orig03.mp4", max_frames=20)
    ]
    film = one + [Frame(image, (20 + i) / RATE, 20 + i) for i, image in enumerate(two)]
    track = FaceTracker(landmarker, RATE)
    tracked = list(track.track(iter(film)))
    track.close()
    assert all(item.pose is not None for item in tracked)
    assert_poses(
        tracked[:20], smooth_pose(pose_from_points(np.stack([t.points for t in tracked[:20]])), RATE)
    )
    assert_poses(
        tracked[20:], smooth_pose(pose_from_points(np.stack([t.points for t in tracked[20:]])), RATE)
    )


def test_a_face_that_appears_is_filled_in_backwards(shared, landmarker):
    def late():
        for frame in read_frames(shared / "data/originals/orig07.mpg", max_frames=40):
            yield Frame(
                np.full_like(frame.image, 30) if frame.index < 9 else frame.image, frame.time, frame.index
            )

    track = FaceTracker(landmarker, RATE)
    tracked = list(track.track(late()))
    track.close()
    assert [item.pose is None for item in tracked] == [True] * 9 + [False] * 31


def test_every_source_frame_is_looked_at_once(shared, landmarker, monkeypatch):
    """Back and forth: the second pass over a frame takes what the first one found."""
    frames = list(read_frames(shared / "data/originals/orig07.mpg", max_frames=20))
    track = FaceTracker(landmarker, RATE)
    once = list(track.track(iter(frames)))

    def refuse(*_):
        raise AssertionError("looked again")

    for name in ("_nearby", "_anywhere"):
        monkeypatch.setattr(track._follower, name, refuse)
    played = frames + frames[-2:0:-1] + frames
    again = list(track.track(iter(played)))
    track.close()
    assert len(again) == len(played)
    for item in again:
        np.testing.assert_array_equal(item.landmarks, once[item.frame.index].landmarks)


def test_still_picture_has_a_still_pose(shared, landmarker):
    image = next(read_frames(shared / "data/originals/orig12.mp4")).image
    track = FaceTracker(landmarker, RATE)
    tracked = list(track.track(Frame(image, 0.0, 0) for _ in range(40)))
    track.close()
    assert len({(float(t.pose.side.round(6)), *t.pose.centre.round(6)) for t in tracked}) == 1


def sliding(shared):
    """A face that slides out over the left border and in again; frames, and how far it is moved, pixels."""
    for k, frame in enumerate(read_frames(shared / "data/originals/orig11.mp4", RATE, 45)):
        picture = cv2.resize(frame.image, (480, 480), interpolation=cv2.INTER_AREA)
        moved = round(420 * np.sin(2 * np.pi * k / 90))
        image = np.full_like(picture, 0x77)
        image[:, : 480 - moved] = picture[:, moved:]
        yield Frame(image, k / RATE, k), moved


def test_a_face_that_slides_in_passes_through_until_it_is_inside(shared, landmarker):
    """The same face without moving says where it is; what is half outside is not drawn."""
    pairs = list(sliding(shared))
    still = read_frames(shared / "data/originals/orig11.mp4", RATE, 45)
    alone = FaceTracker(landmarker, RATE)
    truth = [
        item.pose
        for item in alone.track(
            f._replace(image=cv2.resize(f.image, (480, 480), interpolation=cv2.INTER_AREA)) for f in still
        )
    ]
    alone.close()
    track = FaceTracker(landmarker, RATE)
    tracked = list(track.track(frame for frame, _ in pairs))
    track.close()
    found = [item.pose is not None for item in tracked]
    assert found[0]
    assert found[-1]
    assert not any(found[12:36])
    for item, (_, moved), there in zip(tracked, pairs, truth, strict=True):
        x = float(there.centre[0]) - moved
        if x < 0.1 * there.side:
            assert item.pose is None, "a part of the mouth is outside"
        elif item.pose is not None and item.frame.index > 22:  # coming in
            assert abs(item.pose.centre[0] - x) < 0.1 * there.side
            assert 0.9 < item.pose.side / there.side < 1.1


def test_a_face_that_fills_the_picture_is_drawn_all_the_same(shared, landmarker):
    def close():
        for frame in read_frames(shared / "data/originals/orig11.mp4", RATE, 30):
            height, width = frame.image.shape[:2]
            picture = frame.image[round(0.27 * height) : round(0.72 * height), width // 4 : width * 3 // 4]
            yield frame._replace(image=np.ascontiguousarray(picture))

    track = FaceTracker(landmarker, RATE)
    tracked = list(track.track(close()))
    track.close()
    assert all(item.pose is not None for item in tracked[round(0.4 * RATE) + 1 :])


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_face_that_lies_on_its_side_is_tracked_upright(shared, landmarker, quarters):
    path = shared / "data/originals/orig11.mp4"
    upright, _ = follow(path, landmarker, count=6)
    track = FaceTracker(landmarker, RATE)
    turned = [
        f._replace(image=np.ascontiguousarray(np.rot90(f.image, quarters)))
        for f in read_frames(path, max_frames=6)
    ]
    tracked = list(track.track(turned))
    track.close()
    for item, alone in zip(tracked, upright, strict=True):
        assert item.pose is not None
        angle = float(item.pose.angle - alone.pose.angle) + quarters * np.pi / 2
        assert abs((angle + np.pi) % (2 * np.pi) - np.pi) < 0.1
        assert 0.93 < item.pose.side / alone.pose.side < 1.07
