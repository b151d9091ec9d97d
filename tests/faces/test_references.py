"""Reference frames: the rules by hand, then real clips with frames that were blurred on purpose."""

import cv2
import numpy as np
import pytest

from lipsync.faces.references import (
    BLURRED,
    PROFILE,
    Look,
    choose_for_training,
    choose_for_use,
    laplacian_variance,
    scan,
    turn,
    usable,
)
from lipsync.faces.tracking.choose import Choice
from lipsync.faces.tracking.landmarks import Landmarker, mouth_opening
from lipsync.media import VideoWriter, read_frames


def looks(openings, sharp=None, turns=None) -> list[Look]:
    sharp = [1.0] * len(openings) if sharp is None else sharp
    turns = [0.0] * len(openings) if turns is None else turns
    return [Look(*values) for values in zip(openings, sharp, turns, strict=True)]


def test_the_sharpest_of_each_third_from_closed_to_open():
    #             closed            half              open
    openings = [0.01, 0.02, 0.00, 0.12, 0.10, 0.11, 0.31, 0.29, 0.30]
    sharp = [1.0, 3.0, 2.0, 2.0, 1.0, 3.0, 3.0, 2.0, 1.0]
    # Of the closed ones only the most closed third, here one frame, however sharp the others are.
    assert choose_for_use(looks(openings, sharp), 3) == [2, 5, 6]
    assert choose_for_use(looks(openings, sharp), 1) == [5]


def test_blurred_and_profile_frames_are_out_even_where_they_are_the_only_open_ones():
    openings = [0.0, 0.1, 0.2, 0.9, 0.8]
    sharp = [1.0, 1.0, 1.0, BLURRED - 0.01, 9.0]
    turns = [0.0, 0.0, 0.0, 0.0, -PROFILE - 0.01]
    assert usable(looks(openings, sharp, turns)).tolist() == [0, 1, 2]
    assert choose_for_use(looks(openings, sharp, turns), 3) == [0, 1, 2]


def test_of_a_clip_all_in_profile_the_least_turned_serve():
    assert usable(looks([0.0, 0.1, 0.2], turns=[0.9, -0.6, 0.8])).tolist() == [1]


def test_fewer_frames_than_references():
    assert choose_for_use(looks([0.2, 0.1]), 3) == [1, 1, 0]
    assert choose_for_use(looks([0.2]), 3) == [0, 0, 0]


def test_training_keeps_away_and_spans_the_openings():
    openings = np.tile([0.0, 0.1, 0.2, 0.3, 0.4, 0.5], 10)
    frames = np.arange(20, 25)
    rng = np.random.default_rng(0)
    drawn = np.stack([choose_for_training(openings, frames, 3, 8, rng) for _ in range(200)])
    assert np.abs(drawn[..., None] - frames).min() >= 8
    found = openings[drawn]
    assert found[:, 0].max() <= found[:, 1].min() <= found[:, 1].max() <= found[:, 2].min()
    assert set(np.unique(drawn)) == {*range(13), *range(32, 60)}, "every frame far enough comes up"


def test_training_in_a_short_clip_takes_the_farthest_and_only_allowed_frames():
    openings = np.arange(6) / 10
    rng = np.random.default_rng(0)
    assert choose_for_training(openings, np.array([0]), 2, 5, rng).tolist() == [4, 5]
    found = choose_for_training(openings, np.array([0]), 2, 1, rng, allowed=np.array([2, 3]))
    assert found.tolist() == [2, 3]


def face(nose: float, angle: float = 0.0) -> np.ndarray:
    """(478, 2) landmarks with outlines 100 pixels apart, the tip of the nose at ``nose`` of the way."""
    points = np.zeros((478, 2), np.float32)
    points[[33, 133]], points[[362, 263]] = (30, 0), (70, 0)
    points[234], points[454], points[1] = (0, 20), (100, 20), (100 * nose, 30)
    c, s = np.cos(angle), np.sin(angle)
    return points @ np.array([[c, s], [-s, c]], np.float32)


@pytest.mark.parametrize("angle", [0.0, 0.5])
def test_turn_is_the_nose_between_the_outlines_however_the_head_tilts(angle):
    assert turn(face(0.5, angle)) == pytest.approx(0, abs=1e-5)
    assert turn(face(0.75, angle)) == pytest.approx(0.5, abs=1e-5)
    assert turn(face(0.1, angle)) == pytest.approx(-0.8, abs=1e-5)
    # In full profile the nose lies outside: (110 + 10) / (110 + 10).
    assert turn(face(1.1, angle)) == pytest.approx(1.0, abs=1e-5)


def test_sharpness_falls_with_blur_and_does_not_care_for_the_crop_size():
    from skimage.data import astronaut

    crop = np.ascontiguousarray(astronaut()[60:252, 130:322])  # (192, 192, 3)
    blurred = cv2.GaussianBlur(crop, (0, 0), 4)
    assert laplacian_variance(blurred) < 0.2 * laplacian_variance(crop)
    half = cv2.resize(crop, (96, 96), interpolation=cv2.INTER_AREA)
    assert laplacian_variance(half) == pytest.approx(laplacian_variance(crop), rel=0.05)


@pytest.fixture(scope="module")
def landmarker(shared):
    return shared / "weights" / "face_landmarker.task"


def looked_at(path, landmarker):
    """Times, openings and turns at five frames a second, each frame by itself."""
    find = Landmarker(landmarker)
    points = [find(frame.image) for frame in read_frames(path, 5.0)]
    find.close()
    known = np.stack([p.points for p in points if p is not None])
    times = np.array([k / 5 for k, p in enumerate(points) if p is not None])
    return times, mouth_opening(known), turn(known)


def test_real_clip_spans_the_openings_and_avoids_frames_that_were_blurred(shared, landmarker, tmp_path):
    source = shared / "data" / "train" / "id001_clip01.mp4"
    times, openings, _ = looked_at(source, landmarker)
    sharp = scan(source, 128, 3, landmarker, Choice())
    # Blur a third of the clip, the very frames that were chosen among them.
    lost = np.sort([frame.time for frame in sharp])
    clip = tmp_path / "blurred.mp4"
    with VideoWriter(clip, 256, 256, 25) as writer:
        for frame in read_frames(source):
            if np.abs(frame.time - lost).min() < 0.4:
                writer.write(cv2.GaussianBlur(frame.image, (0, 0), 5))
            else:
                writer.write(frame.image)
    found = scan(clip, 128, 3, landmarker, Choice())
    assert len(found) == 3
    assert np.abs(np.array([frame.time for frame in found])[:, None] - lost).min() >= 0.4
    for frames in (sharp, found):
        shown = np.array([openings[np.argmin(np.abs(times - frame.time))] for frame in frames])
        share = (openings[None] < shown[:, None]).mean(1)  # of all frames that are more closed
        assert share[0] < 0.4 < 0.6 < share[2]
        assert share[0] < share[1] < share[2]
        assert shown[2] - shown[0] > openings.std()


def test_real_clip_in_which_a_head_turns_gives_frontal_references(shared, landmarker):
    source = shared / "data" / "train" / "id054_clip01.mp4"
    times, _, turns = looked_at(source, landmarker)
    assert (np.abs(turns) > PROFILE).any(), "the clip has frames to avoid"
    for frame in scan(source, 128, 3, landmarker, Choice()):
        assert abs(turns[np.argmin(np.abs(times - frame.time))]) < PROFILE
        x0, _, x1, _ = frame.box
        assert 100 < x1 - x0 < 200
        assert frame.view.crop.shape == (128, 128, 3)


def test_a_clip_is_scanned_once(shared, landmarker):
    source = shared / "data" / "train" / "id054_clip01.mp4"
    first = scan(source, 128, 3, landmarker, Choice())
    assert scan(source, 128, 3, landmarker, Choice()) is first


def test_references_come_from_all_of_a_long_video(shared, landmarker, tmp_path):
    """Twelve blurred seconds, then sharp ones: only these serve."""
    source = list(read_frames(shared / "data" / "train" / "id054_clip01.mp4", 25.0, 100))
    clip = tmp_path / "long.mp4"
    with VideoWriter(clip, 256, 256, 25) as writer:
        for k in range(25 * 30):
            image = source[k % len(source)].image
            writer.write(cv2.GaussianBlur(image, (0, 0), 5) if k < 25 * 13 else image)
    for count in (1, 3):
        found = scan(clip, 128, count, landmarker, Choice())
        assert [frame.time >= 12 for frame in found] == [True] * count
