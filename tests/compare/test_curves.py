"""Curves, mouth region and difference map of real clips; once computed they are read, not computed again."""

import json

import numpy as np
import pytest

import eval.compare.curves
from eval.compare.curves import envelope, item_curves
from eval.compare.difference import FULL, difference_video, heat
from eval.compare.mouth_region import AT_ONCE, STILL, smooth
from eval.compare.mouth_region import mouth_track as track_of
from eval.compare.sets import Entry, Sets
from eval.scoring.networks import load_networks
from eval.scoring.score import score
from lipsync.errors import Cancelled, FaceError
from lipsync.media import probe, read_frames
from tests.media.clips import write_clip

REAL, A, B = (
    "train/id003_clip04.mp4",
    "generated/Wav2Lip_id003_clip05.mp4",
    "generated/DiffDub_id003_clip09.mp4",
)


@pytest.fixture(scope="module")
def real(cut, weights, tmp_path_factory):
    """A real set: one item with two methods, one longer than the reference."""
    sets = Sets(tmp_path_factory.mktemp("real"))
    id = sets.create("real", [
        Entry("one", "reference", cut(REAL, 8)), Entry("one", "A", cut(A, 6)),
        Entry("one", "B", cut(B, 10)),
        Entry("alone", "A", cut(A, 6)),
    ])  # fmt: skip
    return sets.open(id)


@pytest.fixture(scope="module")
def networks(weights):
    return load_networks(eval.compare.curves.METRICS)


def test_curves_are_what_scoring_says_of_every_frame(real, networks, cut):
    curves = item_curves(real, real.items[0], networks)
    scores = score(cut(A, 6), cut(REAL, 8), metrics=["psnr", "ssim", "lpips", "lipcorr"], networks=networks)
    values = curves.methods["A"].values
    for name in ("psnr", "ssim", "lpips"):
        assert len(values[name]) == 6
        assert np.mean(values[name]) == pytest.approx(scores[name], abs=1e-4)
        assert values[name][5] == pytest.approx(scores.frames[5][name], abs=1e-4)
    assert values["opening"][3] == pytest.approx(scores.frames[3]["opening_generated"], abs=1e-4)
    # Beyond the end of the reference there is nothing to compare with.
    assert [value is None for value in curves.methods["B"].values["psnr"]] == [False] * 8 + [True] * 2
    assert "no partner" in " ".join(curves.methods["B"].notes)
    assert len(curves.reference.values["opening"]) == 8
    opening = curves.reference.values["opening"]
    assert values["opening_reference"] == pytest.approx(opening[:6], abs=0.02)
    json.dumps(curves.to_dict(), allow_nan=False)


def test_curves_are_computed_once_and_belong_to_the_content(real, networks, monkeypatch):
    before = item_curves(real, real.items[0], networks)
    monkeypatch.setattr(eval.compare.curves, "score", None)
    assert item_curves(real, real.items[0], networks) == before
    swapped = real.items[0].__class__(
        "one", "key", real.items[0].reference, {"renamed": real.items[0].clips["A"]}, {}
    )
    assert item_curves(real, swapped, networks).methods["renamed"] == before.methods["A"]
    assert all(len(path.stem) == 24 for path in (real.folder / "cache").iterdir())


def test_without_a_reference_there_is_the_mouth_alone(real, networks):
    curves = item_curves(real, real.items[1], networks)
    assert curves.reference is None
    assert set(curves.methods["A"].values) == {"opening"}
    with_reference = item_curves(real, real.items[0], networks).methods["A"].values["opening"]
    assert curves.methods["A"].values["opening"] == pytest.approx(with_reference, abs=0.02)


def test_a_video_without_a_face_is_compared_whole_and_says_so(real, networks, tmp_path, video):
    sets = Sets(tmp_path)
    id = sets.create("cards", [
        Entry("one", "reference", video("r", 100)), Entry("one", "same", video("r", 100)),
        Entry("one", "other", video("r", 101)),
    ])  # fmt: skip
    set_ = sets.open(id)
    curves = item_curves(set_, set_.items[0], networks)
    assert set(curves.methods["same"].values["psnr"]) == {100.0}
    assert max(curves.methods["other"].values["psnr"]) < 40
    assert "opening" not in curves.methods["same"].values
    assert curves.methods["same"].reasons["opening"].startswith("No face was found in the video;")
    assert "the whole frames" in " ".join(curves.methods["same"].notes)
    with pytest.raises(FaceError, match="No face was found in the videos of one"):
        track_of(set_, set_.items[0])


def test_stopped_curves_keep_what_is_done(real, networks, tmp_path, cut):
    sets = Sets(tmp_path)
    id = sets.create("x", [Entry("one", "reference", cut(REAL, 8)), Entry("one", "A", cut(A, 6)),
                           Entry("one", "B", cut(B, 10))])  # fmt: skip
    set_ = sets.open(id)
    seen = []

    def report(done, total):
        seen.append((done, total))
        if done > 8:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        item_curves(set_, set_.items[0], networks, report)
    assert seen[0] == (1, 16)
    assert len(list((set_.folder / "cache").glob("*.json"))) == 1


def test_the_envelope_holds_every_sample(real, tmp_path):
    path = tmp_path / "x.mp4"
    samples = np.zeros((1, 16000), np.float32)
    samples[0, 4000:8000] = np.sin(np.arange(4000) / 5) * 0.5
    write_clip(path, [np.zeros((64, 80, 3), np.uint8)] * 25, sound=samples, rate=16000)
    sets = Sets(tmp_path / "data")
    set_ = sets.open(sets.create("x", [Entry("one", "A", path)]))
    found = envelope(set_, set_.items[0].clips["A"])
    assert found.step == 0.02
    assert len(found.low) == len(found.high) == 50
    assert max(found.high[:12]) < 0.1
    assert all(0.4 < value < 0.6 for value in found.high[14:23])
    assert all(-0.6 < value < -0.4 for value in found.low[14:23])
    assert max(found.high[28:]) < 0.1


def test_a_video_without_sound_has_no_envelope(video, tmp_path):
    sets = Sets(tmp_path)
    set_ = sets.open(sets.create("x", [Entry("one", "A", video("a"))]))
    assert envelope(set_, set_.items[0].clips["A"]).high == ()


def test_the_mouth_region_holds_the_lips_and_does_not_jitter(real, weights):
    from lipsync.faces.tracking.landmarks68 import to_68
    from lipsync.faces.tracking.track import FaceTracker

    item = real.items[0]
    track = track_of(real, item)
    assert len(track.boxes) == 8
    tracker = FaceTracker(weights / "face_landmarker.task", 25.0)
    for number, seen in enumerate(tracker.track(read_frames(item.reference.path, fps=25))):
        lips = to_68(seen.landmarks.astype(float))[48:68] / 256
        x0, y0, x1, y1 = track.boxes[number]
        assert (lips > (x0, y0)).all()
        assert (lips < (x1, y1)).all()
        assert (x1 - x0) / (y1 - y0) == pytest.approx(4 / 3, rel=0.01)
    tracker.close()
    assert track.at(-1) == track.boxes[0]
    assert track.at(0.2) == track.boxes[5]
    assert track.at(99) == track.boxes[-1]


def test_smoothing_takes_the_jitter_and_keeps_a_cut():
    rng = np.random.default_rng(0)
    squares = [np.array([100, 100, 200, 200]) + rng.normal(0, 2, 1).repeat(4) for _ in range(40)]
    squares += [None] * 3 + [square + np.array([300, 50, 300, 50]) for square in squares[:40]]
    boxes = smooth(squares, [0, 43], (640, 480)) * [640, 480, 640, 480]
    centre = (boxes[:, 0] + boxes[:, 2]) / 2
    assert np.abs(np.diff(centre[:40])).max() < 0.6
    assert np.abs(np.diff([square[0] for square in squares[:40]])).max() > 4
    assert centre[39] == pytest.approx(150, abs=2.5)
    assert centre[43] == pytest.approx(450, abs=2.5)


def test_single_pictures_have_the_mouth_of_a_head_that_nods_in_the_middle():
    """Twice a second, by a third of the face; REGION is 96 of 256 pixels high."""
    squares = [np.array([100, up, 356, up + 256]) for up in 100 + 40 * np.sin(np.arange(50) / 25 * 4 * np.pi)]
    calm, quick = (
        (smooth(squares, [0], (640, 480), still)[:, 1::2] * 480).mean(1) for still in (STILL, AT_ONCE)
    )
    mouth = np.array([square[1] for square in squares]) + 170
    assert np.abs(calm - mouth).max() > 96 / 4
    assert np.abs(quick - mouth).max() < 96 / 10


def test_a_region_at_the_edge_stays_inside_the_picture():
    boxes = smooth([np.array([-150.0, 300, 250, 700])] * 10, [0], (640, 480))
    assert (boxes >= 0).all()
    assert (boxes <= 1).all()
    assert boxes[0, 2] - boxes[0, 0] == pytest.approx(200 / 640, abs=1e-6)


def test_the_difference_map_is_as_long_and_large_as_its_video(real):
    item = real.items[0]
    path = difference_video(real, item.clips["B"], item.reference)
    info, clip = probe(path), item.clips["B"]
    assert (info.width, info.height, info.fps, info.frames) == (clip.width, clip.height, clip.fps, 10)
    frames = [frame.image for frame in read_frames(path)]
    pair = [next(iter(read_frames(each.path))).image for each in (clip, item.reference)]
    wanted = heat(*pair).astype(int)
    assert np.abs(frames[0] - wanted).mean() < 10
    assert np.abs(frames[0] - wanted[::-1]).mean() > 20
    assert np.abs(frames[9].astype(int) - 96).max() < 12  # the reference is over
    before = path.stat().st_mtime_ns
    assert difference_video(real, clip, item.reference) == path
    assert path.stat().st_mtime_ns == before


def test_more_difference_is_lighter_and_none_is_black():
    grey = np.full((1, FULL + 40, 3), 100, np.uint8)
    other = grey.copy()
    other[0, :, 1] = 100 + np.arange(FULL + 40)
    shown = heat(grey, other)[0].astype(float) @ [0.299, 0.587, 0.114]
    assert shown[0] < 3
    assert (np.diff(shown[:FULL]) >= -0.5).all()
    assert shown[FULL - 1] > 200
    assert (shown[FULL:] == shown[FULL]).all()
