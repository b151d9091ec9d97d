"""From a folder of videos to clips: what is kept, what is left out and why, and going on where it stopped."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import soundfile

from lipsync.assets import asset
from lipsync.data.clips import MARGIN, STORED, load_clips
from lipsync.data.preparation.limits import Limits
from lipsync.data.preparation.preparation_tables import assign_splits
from lipsync.data.preparation.prepare import prepare
from lipsync.data.preparation.sources import Video
from lipsync.errors import ConfigError
from lipsync.media import VideoWriter, read_audio, read_frames

EXAMPLES = asset("examples")


def write(path: Path, images, sound: np.ndarray | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    wav = path.with_suffix(".wav") if sound is not None else None
    if wav is not None:
        soundfile.write(wav, sound, 16_000)
    height, width = images[0].shape[:2]
    with VideoWriter(path, width, height, 25, audio=wav) as writer:
        for image in images:
            writer.write(image)
    if wav is not None:
        wav.unlink()


@pytest.fixture(scope="module")
def face() -> list[np.ndarray]:
    """36 frames of the bundled example face."""
    return [frame.image for frame in read_frames(EXAMPLES / "portrait.mp4", fps=25, max_frames=36)]


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    """Three seconds of bundled speech."""
    return read_audio(EXAMPLES / "english.wav")[: 16_000 * 3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, face, voice) -> Path:
    """Good videos of two people, and one video for each reason to leave it out."""
    root = tmp_path_factory.mktemp("videos")
    sound = voice[: 36 * 640]
    write(root / "anna" / "good.mp4", face, sound)
    write(root / "ben" / "good.mp4", face[::-1], sound)
    canvas = np.full((384, 384, 3), 90, np.uint8)
    tiny = []
    for image in face[:32]:
        small = canvas.copy()
        small[120:240, 120:240] = cv2.resize(image, (120, 120), interpolation=cv2.INTER_AREA)
        tiny.append(small)
    write(root / "tiny.mp4", tiny, sound)
    write(root / "blurred.mp4", [cv2.GaussianBlur(image, (0, 0), 5) for image in face[:32]], sound)
    write(root / "short.mp4", face[:20], sound)
    write(root / "silent.mp4", face[:32], sound * 0.0003)
    write(root / "mute.mp4", face[:4], None)
    rng = np.random.default_rng(0)
    write(root / "nobody.mp4", list(rng.integers(0, 255, (8, 128, 128, 3), np.uint8)), sound)
    (root / "broken.mp4").write_bytes(b"no video")
    return root


@pytest.fixture(scope="module")
def prepared(folder, landmarker, tmp_path_factory):
    out = tmp_path_factory.mktemp("prepared")
    lines: list[str] = []
    summary = prepare(folder, out, landmarker=landmarker, report=lines.append)
    return out, summary, lines


@pytest.mark.slow
def test_good_videos_are_kept_and_split_by_person(prepared, folder):
    out, summary, lines = prepared
    manifest = pd.read_csv(out / "manifest.csv")
    assert sorted(manifest["source"]) == ["anna/good.mp4", "ben/good.mp4"]
    assert sorted(manifest["identity"]) == ["anna", "ben"]
    assert sorted(manifest["split"]) == ["train", "val"]
    assert (manifest["frames"] == 36).all()
    assert (manifest["start_s"] == 0).all()
    assert manifest["face_px"].between(100, 384).all()
    assert summary.clips == 2
    assert len(lines) == 9


@pytest.mark.slow
def test_every_video_left_out_has_its_reason(prepared):
    out, summary, _ = prepared
    rejected = pd.read_csv(out / "rejected.csv").drop_duplicates("source").set_index("source")
    assert rejected["reason"].to_dict() == {
        "tiny.mp4": "face too small",
        "blurred.mp4": "blurred",
        "short.mp4": "too short",
        "silent.mp4": "no speech: silent",
        "mute.mp4": "no sound track",
        "nobody.mp4": "no face",
        "broken.mp4": "cannot be read",
    }
    for reason in rejected["reason"]:
        assert reason in str(summary)


@pytest.mark.slow
def test_clips_are_what_training_reads(prepared, face, voice):
    out, _, _ = prepared
    clip = next(c for c in load_clips(out, ("train", "val")) if c.identity == "anna")
    assert clip.faces.shape == (36, STORED, STORED, 3)
    assert clip.landmarks.shape == (36, 478, 2)
    eyes = clip.landmarks[:, [33, 133, 362, 263]].reshape(36, 2, 2, 2).mean(2)
    # Eyes level, and the crop MARGIN times the square whose side is 2.8 eye distances.
    assert np.abs(eyes[:, 0, 1] - eyes[:, 1, 1]).max() < 3
    distance = np.linalg.norm(eyes[:, 1] - eyes[:, 0], axis=1)
    assert np.median(distance) == pytest.approx(STORED / MARGIN / 2.8, rel=0.15)
    sound = read_audio(out / f"{clip.name}.mp4")
    wanted = voice[: 36 * 640]
    assert abs(len(sound) - len(wanted)) <= 1100
    shared_ = min(len(sound), len(wanted))
    lags = {lag: np.corrcoef(np.roll(sound, lag)[2000 : shared_ - 2000], wanted[2000 : shared_ - 2000])[0, 1]
            for lag in range(-400, 401, 8)}  # fmt: skip
    assert max(lags, key=lags.__getitem__) == 0
    assert lags[0] > 0.95


@pytest.mark.slow
def test_second_call_redoes_nothing_and_a_lost_clip_alone(prepared, folder, landmarker, tmp_path):
    out = tmp_path / "copy"
    shutil.copytree(prepared[0], out)
    before = (out / "manifest.csv").read_text(), (out / "rejected.csv").read_text()
    lines: list[str] = []
    summary = prepare(folder, out, landmarker=landmarker, report=lines.append)
    assert lines == []
    assert summary.done_before == summary.videos == 9
    assert ((out / "manifest.csv").read_text(), (out / "rejected.csv").read_text()) == before
    next(out.glob("anna*.mp4")).unlink()
    prepare(folder, out, landmarker=landmarker, report=lines.append)
    assert len(lines) == 1
    assert "anna/good.mp4" in lines[0]
    assert (out / "manifest.csv").read_text() == before[0]


@pytest.mark.slow
def test_cuts_and_long_tracks_become_clips(shared, landmarker, tmp_path):
    people = [
        [f.image for f in read_frames(shared / "data" / "train" / f"{name}.mp4", fps=25, max_frames=count)]
        for name, count in (("id001_clip01", 75), ("id021_clip01", 36))
    ]
    sound = read_audio(shared / "data" / "train" / "id001_clip01.mp4")[: 111 * 640]
    write(tmp_path / "in" / "interview.mp4", people[0] + people[1], sound)
    table = tmp_path / "list.csv"
    table.write_text("file,id,split\ninterview.mp4,guest,test\nlost.mp4,nobody,test\n")
    summary = prepare(
        tmp_path / "in",
        tmp_path / "out",
        manifest=table,
        landmarker=landmarker,
        limits=Limits(max_seconds=2.0),
    )
    manifest = pd.read_csv(tmp_path / "out" / "manifest.csv")
    assert manifest["start_s"].tolist() == [0, 38 / 25, 75 / 25]  # 75 frames halved, then the cut
    assert manifest["frames"].tolist() == [38, 37, 36]
    assert set(manifest["identity"] + manifest["split"]) == {"guesttest"}
    rejected = pd.read_csv(tmp_path / "out" / "rejected.csv")
    assert rejected["source"].tolist() == ["lost.mp4"]
    assert summary.splits == {"test": 3}
    # Each clip's picture and sound are those of its place in the source.
    clip = load_clips(tmp_path / "out", ("test",))[2]
    heard, wanted = read_audio(tmp_path / "out" / f"{clip.name}.mp4"), sound[75 * 640 :]
    assert np.corrcoef(heard[2000:20_000], wanted[2000:20_000])[0, 1] > 0.95


def test_splits_are_drawn_over_people_and_repeat():
    videos = [Video(Path("x"), f"{p}/{i}", f"p{p}") for p in range(20) for i in range(3)]
    drawn = assign_splits(videos, 0.2, seed=0)
    assert sorted(drawn.values()).count("val") == 4
    assert drawn == assign_splits(videos[::-1], 0.2, seed=0)
    assert drawn != assign_splits(videos, 0.2, seed=1)
    assert assign_splits(videos[:3], 0.2, 0) == {"p0": "train"}
    assert sorted(assign_splits(videos[:6], 0.01, 0).values()) == ["train", "val"]
    assert set(assign_splits(videos, 0.0, 0).values()) == {"train"}


def test_unusable_folders_and_manifests_are_said(tmp_path):
    with pytest.raises(ConfigError, match="no folder"):
        prepare(tmp_path / "none", tmp_path / "out", landmarker=tmp_path)
    with pytest.raises(ConfigError, match="no video"):
        prepare(tmp_path, tmp_path / "out", landmarker=tmp_path)
    (tmp_path / "m.csv").write_text("name,id\na,b\n")
    with pytest.raises(ConfigError, match="column file"):
        prepare(tmp_path, tmp_path / "out", manifest=tmp_path / "m.csv", landmarker=tmp_path)
    (tmp_path / "m.csv").write_text("file,id\na,b\na,c\n")
    with pytest.raises(ConfigError, match="twice"):
        prepare(tmp_path, tmp_path / "out", manifest=tmp_path / "m.csv", landmarker=tmp_path)


def test_only_the_splits_asked_for_are_taken(tmp_path, face, voice, landmarker):
    write(tmp_path / "a.mp4", face[:2], voice[:2000])
    write(tmp_path / "b.mp4", face[:2], voice[:2000])
    manifest = tmp_path / "m.csv"
    manifest.write_text("file,id,split\na.mp4,one,train\nb.mp4,two,generated\n")
    told: list[str] = []
    with pytest.raises(ConfigError, match="no video of the split val"):
        prepare(tmp_path, tmp_path / "out", manifest=manifest, landmarker=landmarker, splits=("val",))
    prepare(
        tmp_path,
        tmp_path / "out",
        manifest=manifest,
        landmarker=landmarker,
        report=told.append,
        splits=("train", "val"),
    )
    assert len(told) == 1
    assert "a.mp4" in told[0]
