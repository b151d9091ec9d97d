import csv
import json
import weakref
from dataclasses import replace

import numpy as np
import pytest

import eval.scoring.scoring_pass
from eval.__main__ import main
from eval.functional.picture.psnr import psnr
from eval.scoring.controls import CONTROLS
from eval.scoring.feature_cache import FeatureCache, TrackFeatureCache
from eval.scoring.networks import Networks, load_networks
from eval.scoring.score import score, wanted
from lipsync.errors import ConfigError, FaceError, LipSyncError, MediaError
from lipsync.media import VideoWriter, WriterOptions, read_frames
from tests.media.clips import write_clip

REAL = "train/id003_clip04.mp4"
METHOD = "generated/DiffDub_id003_clip09.mp4"


@pytest.fixture(scope="module")
def pair(cut, networks):
    """A published method against its ground truth, 50 frames, all that needs no LSE."""
    return score(cut(METHOD, 50), cut(REAL, 60), networks=networks, metrics=names(networks))


def names(networks: Networks) -> list[str]:
    return ["psnr", "psnr_pooled", "ssim", "lpips", "lmd", "lmd_vico", "csim", "aed", "lipcorr"]


def test_numbers_are_those_of_the_functions_on_the_frames(pair, cut):
    """Decoded, tracked and cut once more by hand."""
    import cv2

    from lipsync.faces.tracking.landmarks68 import to_68
    from lipsync.faces.tracking.track import FaceTracker
    from lipsync.weights import hub

    sides = []
    for path in (cut(METHOD, 50), cut(REAL, 60)):
        tracker = FaceTracker(hub.fetch("face_landmarker"), 25)
        sides.append(list(tracker.track(read_frames(path, fps=25)))[:50])
        tracker.close()
    values, distances = [], []
    for ours, theirs in zip(*sides, strict=True):
        x, y = (theirs.pose.centre - theirs.pose.side / 2).round().astype(int)
        side = round(float(theirs.pose.side))
        pad = 100
        faces = [
            cv2.copyMakeBorder(t.frame.image, *[pad] * 4, cv2.BORDER_REPLICATE)[
                y + pad : y + pad + side, x + pad : x + pad + side
            ]
            for t in (ours, theirs)
        ]
        how = cv2.INTER_AREA if side > 256 else cv2.INTER_CUBIC
        faces = [cv2.resize(face, (256, 256), interpolation=how) for face in faces]
        values.append(psnr(faces[0][None], faces[1][None]))
        points = [(to_68(t.landmarks) - [x, y]) * (256 / side) for t in (ours, theirs)]
        distances.append(np.linalg.norm(points[0][48:] - points[1][48:], axis=1).mean())
    assert pair["psnr"] == pytest.approx(np.mean(values), abs=0.02)
    assert pair["lmd"] == pytest.approx(np.mean(distances), rel=1e-3)
    assert pair["lmd_vico"] is not None
    assert pair["lmd_vico"] < pair["lmd"]


def test_what_runs_side_by_side_changes_no_number(cut, networks, monkeypatch):
    """Against one metric after the other, with nothing decoded or tracked ahead."""

    def scored():
        loaded = {
            group: network.fresh() if isinstance(network, FeatureCache) else network
            for group, network in networks.loaded.items()
        }
        unseen = replace(networks, loaded=loaded, tracks=TrackFeatureCache())
        return score(cut(METHOD, 20), cut(REAL, 20), networks=unseen, metrics=names(networks))

    found = scored()
    monkeypatch.setattr(eval.scoring.scoring_pass, "AHEAD", 0)
    monkeypatch.setattr(eval.scoring.scoring_pass, "AT_ONCE", 1)
    plain = scored()
    assert found.scores == plain.scores
    assert found.frames == plain.frames


def test_every_score_states_its_protocol(pair):
    for entry in pair.scores.values():
        assert entry.frames == 50
        assert "protocol 1" in entry.protocol
        assert "skipped 10 (beyond the common part: 10)" in entry.protocol
    assert "SFace; weights fb143eea0783" in pair.scores["csim"].protocol
    assert "face 256 px" in pair.scores["psnr"].protocol


def test_rows_per_frame_average_to_the_score(pair):
    assert len(pair.frames) == 50
    for name in ("psnr", "ssim", "lpips", "lmd", "csim", "aed"):
        assert np.mean([row[name] for row in pair.frames]) == pytest.approx(pair[name])


def test_identical_videos(cut, networks):
    scores = score(cut(REAL, 30), cut(REAL, 30), networks=networks, metrics=names(networks))
    for name, best in (
        ("psnr", 100),
        ("ssim", 1),
        ("lpips", 0),
        ("lmd", 0),
        ("csim", 1),
        ("aed", 0),
        ("lipcorr", 1),
    ):
        assert scores[name] == pytest.approx(best, abs=1e-5)
    assert scores.scores["psnr"].detail["identical_frames"] == 30


def test_same_person_above_half_and_another_below_a_third(cut, networks):
    same = score(
        cut("train/id003_clip01.mp4", 12),
        cut("train/id003_clip02.mp4", 12),
        networks=networks,
        metrics=["csim"],
    )
    image = cut("train/id018_clip01.mp4", 1)
    other = score(
        cut("train/id003_clip01.mp4", 12), reference_image=image, networks=networks, metrics=["csim"]
    )
    assert same["csim"] > 0.5
    assert other["csim"] < 0.3
    assert "against one reference picture" in other.scores["csim"].protocol


@pytest.mark.slow
def test_a_copy_at_30_fps_scores_as_itself(cut, networks, tmp_path):
    """The same moments at another rate: each frame of the copy is the one shown at its time."""
    source, copy = cut(REAL, 100), tmp_path / "copy30.mp4"
    images = [frame.image for frame in read_frames(source, fps=30)]
    with VideoWriter(
        copy, images[0].shape[1], images[0].shape[0], 30, options=WriterOptions(crf=1)
    ) as writer:
        for image in images:
            writer.write(image)
    generated = cut(METHOD, 100)
    plain = score(generated, source, networks=networks, metrics=["psnr", "ssim", "lmd", "csim"])
    resampled = score(generated, copy, networks=networks, metrics=["psnr", "ssim", "lmd", "csim"])
    for name in plain.scores:
        assert resampled[name] == pytest.approx(plain[name], rel=0.01), name


def test_lipcorr_orders_the_controls(cut, networks):
    clip = cut(REAL, 60)
    r = {
        control.name: score(clip, clip, networks=networks, metrics=["lipcorr"], control=control)["lipcorr"]
        for control in CONTROLS
        if not control.other_audio
    }
    assert r["real"] > 0.99
    assert r["real"] > r["real, 0.2 s late"] + 0.2
    assert abs(r["still frame"]) < 0.3
    other = score(
        cut("train/id018_clip02.mp4", 60), clip, networks=networks, metrics=["lipcorr"], resize=True
    )
    assert other["lipcorr"] < r["real"] - 0.5


def test_frames_do_not_pile_up(shared, networks, monkeypatch):
    """Of a long video only as many frames are alive at once as the look ahead and one batch need."""
    alive: set[int] = set()
    most = [0]

    def watched(path, fps):
        for frame in read_frames(path, fps=fps, max_frames=110):
            number = id(frame.image)
            alive.add(number)
            weakref.finalize(frame.image, alive.discard, number)
            most[0] = max(most[0], len(alive))
            yield frame

    monkeypatch.setattr(eval.scoring.scoring_pass, "read_frames", watched)
    path = shared / "data" / REAL
    scores = score(path, path, networks=networks, metrics=["lipcorr"])
    assert scores.scores["lipcorr"].frames == 110
    assert most[0] < 55


# --- bad input ---------------------------------------------------------------------------------------


def blank(path, frames=12, size=(128, 128), sound=None):
    rng = np.random.default_rng(0)
    with VideoWriter(path, size[1], size[0], 25, audio=sound) as writer:
        for _ in range(frames):
            writer.write(rng.integers(0, 255, (*size, 3), dtype=np.uint8))
    return path


def test_sizes_that_differ_need_a_word(cut, networks):
    small, large = cut(METHOD, 12, size=200), cut(REAL, 12)
    with pytest.raises(ConfigError, match=r"200×200.*256×256.*--resize"):
        score(small, large, networks=networks, metrics=["psnr"])
    scores = score(small, large, networks=networks, metrics=["psnr"], resize=True)
    assert scores["psnr"] > 15
    assert "resized to the reference" in scores.scores["psnr"].protocol


def test_odd_footage_is_compared_with_the_even_copy_that_h264_makes_of_it(tmp_path):
    images = list(np.random.default_rng(0).integers(0, 255, (6, 63, 65, 3), np.uint8))
    even = [np.pad(image, ((0, 1), (0, 1), (0, 0)), "edge") for image in images]
    odd = write_clip(tmp_path / "odd.mkv", images, codec="ffv1", pix_fmt="bgr0")
    made = write_clip(tmp_path / "even.mkv", even, codec="ffv1", pix_fmt="bgr0")
    found = score(made, odd, metrics=["psnr"], region="full").scores["psnr"]
    assert (found.value, found.frames) == (100.0, 6)


@pytest.mark.parametrize("which", ["generated", "reference"])
def test_no_face_in_one_of_two_names_it(cut, networks, tmp_path, which):
    faceless, clip = blank(tmp_path / "noise.mp4", size=(256, 256)), cut(REAL, 12)
    files = (faceless, clip) if which == "generated" else (clip, faceless)
    with pytest.raises(FaceError, match=r"No face was found in noise\.mp4"):
        score(*files, networks=networks, metrics=["lmd"])
    assert score(*files, networks=networks, metrics=["psnr"], region="full")["psnr"] < 20


def test_three_frames_get_no_score(cut, networks):
    clip = cut(REAL, 3)
    with pytest.raises(FaceError, match="3 of its frames"):
        score(clip, clip, networks=networks, metrics=["psnr"])


def test_damaged_file_is_named(cut, networks, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(cut(REAL, 12).read_bytes()[:3000])
    for files in ((broken, cut(REAL, 12)), (cut(REAL, 12), broken)):
        with pytest.raises(MediaError, match=r"broken\.mp4"):
            score(*files, networks=networks, metrics=["psnr"])


def test_no_sound_takes_only_lse_away(cut, networks, linear_judge):
    from dataclasses import replace

    mute = cut(REAL, 30, sound=False)
    heard = replace(networks, loaded={**networks.loaded, "lse": linear_judge()})
    scores = score(mute, mute, networks=heard, metrics=["ssim", "lse_d"])
    assert scores["ssim"] == pytest.approx(1)
    assert scores["lse_d"] is None
    assert "no sound track" in scores.scores["lse_d"].reason
    with pytest.raises(LipSyncError, match="no sound track"):
        score(mute, networks=heard, metrics=["lse_d", "lse_c"])


def test_without_weights_each_metric_says_so_and_the_others_are_computed(cut, tmp_path, monkeypatch):
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("LIPSYNC_CACHE", str(tmp_path))
    monkeypatch.setenv("LIPSYNC_OFFLINE", "1")
    bare = load_networks(wanted(None, True, False), expert=tmp_path)
    scores = score(cut(METHOD, 8), cut(REAL, 8), networks=bare)
    have = {name for name, entry in scores.scores.items() if entry.value is not None}
    assert have == {"psnr", "psnr_pooled", "ssim"}
    for name, file in (("lpips", "lpips_alexnet.ckpt"), ("lmd", "face_landmarker.task"), ("csim", "sface"),
                       ("fid", "inception"), ("lse_d", "syncnet_v2.model")):  # fmt: skip
        assert file in scores.scores[name].reason


def test_a_reference_is_asked_for(cut, networks):
    with pytest.raises(ConfigError, match="PSNR needs a reference"):
        score(cut(REAL, 8), networks=networks, metrics=["psnr"])
    with pytest.raises(ConfigError, match="Did you mean 'psnr'"):
        score(cut(REAL, 8), networks=networks, metrics=["pnsr"])


# --- command line ------------------------------------------------------------------------------------


def test_command_writes_what_it_prints(cut, weights, tmp_path, capsys):
    out, table = tmp_path / "scores.json", tmp_path / "frames.csv"
    code = main(
        ["score", "--generated", str(cut(METHOD, 12)), "--reference", str(cut(REAL, 12)),
         "--metrics", "psnr,ssim", "--region", "mouth", "--json", str(out), "--frames-csv", str(table)]
    )  # fmt: skip
    assert code == 0
    data = json.loads(out.read_text())
    assert set(data["scores"]) == {"psnr", "ssim"}
    assert f"{data['scores']['psnr']['value']:.2f} dB" in capsys.readouterr().out
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    assert np.mean([float(row["psnr"]) for row in rows]) == pytest.approx(
        data["scores"]["psnr"]["value"], abs=1e-4
    )


def test_command_says_one_sentence_and_exits_with_2(tmp_path, capsys):
    code = main(["score", "--generated", str(tmp_path / "none.mp4"), "--json", str(tmp_path / "o.json"),
                 "--reference", str(tmp_path / "none2.mp4"), "--metrics", "psnr"])  # fmt: skip
    said = capsys.readouterr().err.strip().splitlines()
    assert code == 2
    assert len(said) == 1
    assert "none.mp4" in said[0]
    assert not (tmp_path / "o.json").exists()
