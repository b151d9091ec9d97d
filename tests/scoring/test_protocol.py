from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from eval.scoring.protocol import (
    FPS,
    PairedFrames,
    Protocol,
    cut_face,
    cut_region,
    part_of_face,
    points_in_region,
    require_frames,
    require_size,
    resize,
    whole_square,
)
from lipsync.errors import ConfigError, FaceError
from lipsync.media import read_frames


def clock(path: Path, fps: int, seconds: float) -> Path:
    """A video whose brightness is 50 grey levels per second: every frame says when it is shown."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "1"})
        stream.width = stream.height = 64
        for index in range(round(seconds * fps)):
            grey = np.full((64, 64, 3), round(20 + 50 * index / fps), np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(("fps", "other"), [(25, 25), (30, 25), (50, 25), (25, 15), (60, 24)])
def test_frames_are_paired_by_time_whatever_the_rates(tmp_path, fps, other):
    generated, reference = clock(tmp_path / "g.mp4", fps, 4), clock(tmp_path / "r.mp4", other, 4)
    pairs = PairedFrames(read_frames(generated, fps=FPS), read_frames(reference, fps=FPS))
    shown = np.array([(g.image.mean(), r.image.mean()) for g, r in pairs])
    assert (pairs.paired, pairs.left_over_generated, pairs.left_over_reference) == (100, 0, 0)
    seconds = (shown - 20) / 50
    # Half a frame of the slower video apart at most, and no drift; 0.03 s is one grey level and rounding.
    assert np.abs(seconds[:, 0] - seconds[:, 1]).max() <= 0.5 / min(fps, other) + 0.03
    assert abs((seconds[:, 0] - seconds[:, 1]).mean()) < 0.02


def test_the_common_part_is_compared_and_the_rest_counted(tmp_path):
    long, short = clock(tmp_path / "long.mp4", 30, 4), clock(tmp_path / "short.mp4", 25, 3)
    pairs = PairedFrames(read_frames(long, fps=FPS), read_frames(short, fps=FPS))
    assert sum(1 for _ in pairs) == 75
    assert (pairs.paired, pairs.left_over_generated, pairs.left_over_reference) == (75, 25, 0)


@pytest.mark.parametrize(("ours", "theirs"), [(0, 0), (3, 0), (0, 3), (2, 5), (5, 2), (4, 4)])
def test_no_frame_is_lost_from_the_count(ours, theirs):
    pairs = PairedFrames(iter(range(ours)), iter(range(theirs)))
    assert list(pairs) == [(i, i) for i in range(min(ours, theirs))]
    assert pairs.paired + pairs.left_over_generated == ours
    assert pairs.paired + pairs.left_over_reference == theirs


@pytest.fixture
def frame() -> np.ndarray:
    """(300, 400, 3) with no two neighbouring pixels alike."""
    y, x = np.mgrid[:300, :400]
    return np.stack([x % 256, y % 256, (3 * x + 7 * y) % 256], -1).astype(np.uint8)


def test_a_box_of_256_pixels_is_cut_without_resampling(frame):
    np.testing.assert_array_equal(
        cut_face(frame, np.array([30.2, 19.8, 286.2, 275.8])), frame[20:276, 30:286]
    )


def test_other_sizes_become_256(frame):
    face = cut_face(frame, np.array([50, 60, 178, 188]))
    assert face.shape == (256, 256, 3)
    np.testing.assert_allclose(
        face[8:-8, 8:-8].reshape(120, 2, 120, 2, 3).mean((1, 3))[..., 1], frame[64:184, 54:174, 1], atol=1
    )
    large = np.repeat(np.repeat(frame, 2, 0), 2, 1)
    np.testing.assert_array_equal(cut_face(large, np.array([60, 40, 572, 552])), frame[20:276, 30:286])


def test_a_box_beyond_the_picture_repeats_its_edge(frame):
    face = cut_face(frame, np.array([-40, 100, 216, 356]))
    np.testing.assert_array_equal(face[:200, 40:], frame[100:300, :216])
    np.testing.assert_array_equal(face[:200, 10], frame[100:300, 0])
    np.testing.assert_array_equal(face[230, 40:], frame[299, :216])
    with pytest.raises(ValueError, match="outside the frame"):
        cut_face(frame, np.array([500, 0, 700, 200]))


def test_boxes_without_a_square_are_refused():
    assert whole_square(np.array([0.4, 0.6, 10.9, 11.1])) == (0, 1, 10)
    for box in ([0, 0, 0, 0], [5, 5, 1, 1], [0, 0, 10, 20], [0, 0, np.nan, 10]):
        with pytest.raises(ValueError, match="not a square"):
            whole_square(np.array(box, float))


def test_regions_are_parts_of_one_cut(frame):
    box = np.array([30, 20, 158, 148])
    face = cut_face(frame, box)
    np.testing.assert_array_equal(cut_region(frame, box, "face"), face)
    np.testing.assert_array_equal(cut_region(frame, box, "full"), frame)
    mouth = cut_region(frame, box, "mouth")
    np.testing.assert_array_equal(mouth, face[112:240, 64:192])
    np.testing.assert_array_equal(part_of_face(np.stack([face, face]), "mouth")[1], mouth)
    with pytest.raises(ValueError, match="not part of the face"):
        part_of_face(face, "full")


@pytest.mark.parametrize("box", [[40, 30, 296, 286], [40.4, 30.3, 168.4, 158.3], [-20, -10, 340, 350]])
def test_points_go_where_their_pixels_go(box):
    """A white dot in the frame is found in the region where its coordinates say."""
    picture = np.zeros((360, 400, 3), np.uint8)
    point = np.array([120.0, 90.0])  # the corner shared by four pixels
    picture[88:92, 118:122] = 255
    region = cut_face(picture, np.array(box))[..., 0].astype(float)
    y, x = np.mgrid[:256, :256] + 0.5
    centre = np.array([(x * region).sum(), (y * region).sum()]) / region.sum()
    np.testing.assert_allclose(points_in_region(point[None], np.array(box))[0], centre, atol=0.1)


def test_the_mouth_region_holds_the_mouth(shared):
    """Boxes as the face track makes them: all lip points of real faces fall into the mouth region."""
    from lipsync.faces.tracking.crop import pose_from_points
    from lipsync.faces.tracking.landmarks import Landmarker, five_points
    from lipsync.faces.tracking.landmarks68 import to_68

    landmarker = Landmarker(shared / "weights/face_landmarker.task")
    inside = []
    for clip in ("id003_clip04", "id077_clip01", "id012_clip01", "id008_clip01"):
        for shown in read_frames(shared / f"data/train/{clip}.mp4", max_frames=40):
            found = landmarker(shown.image) if shown.index % 10 == 0 else None
            if found is None:
                continue
            pose = pose_from_points(five_points(found.points))
            box = np.concatenate([pose.centre - pose.side / 2, pose.centre + pose.side / 2])
            x, y = points_in_region(to_68(found.points)[48:], box).T
            inside.append((x > 64).all() and (x < 192).all() and (y > 112).all() and (y < 240).all())
    landmarker.close()
    assert len(inside) >= 12
    assert all(inside)


def test_resize_averages_when_it_shrinks(frame):
    small = resize(frame, (150, 200))
    np.testing.assert_allclose(small, frame.reshape(150, 2, 200, 2, 3).astype(float).mean((1, 3)), atol=0.51)
    assert resize(frame, (300, 400)) is frame
    assert resize(frame, (600, 800)).shape == (600, 800, 3)


def test_string_says_how_the_score_was_made():
    protocol = Protocol(
        "lpips",
        frames=243,
        region="face",
        network="AlexNet, LPIPS 0.1",
        weights="443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
        skipped={"no face in generated": 4, "no face in reference": 0, "left over": 3},
    )
    assert str(protocol) == (
        "protocol 1; lpips; 25 fps; face 256 px; alignment: box of the reference's face track; "
        "AlexNet, LPIPS 0.1; weights 443c5bc35326; frames 243; "
        "skipped 7 (no face in generated: 4, left over: 3)"
    )


def test_string_leaves_out_what_does_not_apply():
    assert (
        str(Protocol("psnr", 100, region="full"))
        == "protocol 1; psnr; 25 fps; full frame; frames 100; skipped 0"
    )
    assert "alignment" not in str(Protocol("lipcorr", 100))


def test_too_few_frames_get_a_reason_not_a_score():
    require_frames(5, "clip.mp4")
    with pytest.raises(FaceError, match=r"clip\.mp4 gets no score: 4 of its frames can be used \(no face"):
        require_frames(4, "clip.mp4")


def test_sizes_that_differ_need_leave():
    require_size((720, 1280), (720, 1280), False, "a.mp4")
    require_size((720, 1280), (360, 640), True, "a.mp4")
    with pytest.raises(ConfigError, match=r"a\.mp4 is 1280×720, its reference 640×360.*--resize"):
        require_size((720, 1280), (360, 640), False, "a.mp4")
