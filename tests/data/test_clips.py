"""Prepared clips: alignment of sound and frames, the manifest, balanced draws, bounded memory."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lipsync.audio.features import AudioFeatures, features, frame_windows
from lipsync.audio.mel import mel_spectrogram
from lipsync.data.clips import FRAME_BYTES, Clip, Sampler, load_clips, mel_file
from lipsync.errors import ConfigError
from tests.training.toy import toy_clip, toy_folder


@pytest.mark.parametrize("kind", ["mel", "mfcc", "mel+mfcc"])
@pytest.mark.parametrize("start", [0, -4])
def test_speech_of_a_stretch_equals_that_of_the_whole_sound(chirp_clip, kind, start):
    samples, clip = chirp_clip
    spec = AudioFeatures(kind=kind, start=start)
    frames = np.arange(30, 36)
    whole = frame_windows(features(samples, spec), frames / 25, spec)
    np.testing.assert_allclose(clip.speech(frames, spec), whole, atol=1e-4)
    edge = np.array([0, 1])
    np.testing.assert_allclose(
        clip.speech(edge, spec), frame_windows(features(samples, spec), edge / 25, spec), atol=1e-4
    )


def test_sound_shorter_than_the_picture_repeats_its_end():
    clip = Clip("x", "x", "train", Path("nowhere"), 100)
    clip.__dict__["mel"] = mel_spectrogram(np.ones(3200, np.float32))
    found = clip.speech(np.array([95]), AudioFeatures(kind="mel+mfcc"))
    assert found.shape == (1, 1, 119, 16)
    assert np.isfinite(found).all()


@pytest.fixture
def chirp_clip():
    t = np.arange(16000 * 3) / 16000
    samples = (0.3 * np.sin(2 * np.pi * (200 * t + 600 * t**2))).astype(np.float32)
    clip = Clip("x", "x", "train", Path("nowhere"), 75)
    clip.__dict__["mel"] = mel_spectrogram(samples)
    return samples, clip


def test_manifest_selects_the_split(tmp_path):
    rows = [("a", "p1", "train", 50), ("b", "p1", "train", 40), ("c", "p2", "val", 60)]
    frame = pd.DataFrame(rows, columns=["clip", "identity", "split", "frames"])
    frame.to_csv(tmp_path / "manifest.csv", index=False)
    clips = load_clips(tmp_path)
    assert [(clip.name, clip.identity, len(clip)) for clip in clips] == [("a", "p1", 50), ("b", "p1", 40)]
    assert [clip.name for clip in load_clips(tmp_path, ("val",))] == ["c"]
    with pytest.raises(ConfigError, match="test"):
        load_clips(tmp_path, ("test",))
    frame.drop(columns="identity").to_csv(tmp_path / "manifest.csv", index=False)
    with pytest.raises(ConfigError, match="identity"):
        load_clips(tmp_path)
    with pytest.raises(ConfigError, match="prepare"):
        load_clips(tmp_path / "none")


def bare(name: str, identity: str, frames: int) -> Clip:
    return Clip(name, identity, "train", Path("nowhere"), frames)


def test_a_persons_share_grows_with_the_root_of_the_footage():
    clips = [bare(f"a{i}", "much", 400) for i in range(4)] + [bare("b", "little", 100)]
    drawn = Sampler(clips, 5).draw(20_000, np.random.default_rng(0))
    share = Counter(clip.identity for clip in drawn)
    assert share["much"] / share["little"] == pytest.approx(4.0, rel=0.1)  # 16 times the footage


def test_short_clips_are_left_out_and_none_left_is_said():
    clips = [bare("a", "a", 10), bare("b", "b", 100)]
    assert {clip.name for clip in Sampler(clips, 50).draw(50, np.random.default_rng(0))} == {"b"}
    with pytest.raises(ConfigError, match="500"):
        Sampler(clips, 500)


def test_decoded_clips_stay_within_the_memory_given():
    clips = [toy_clip(str(i), frames=25, seed=i) for i in range(6)]
    for clip in clips:
        clip.forget()
    sampler, rng = Sampler(clips, 5, memory=3.5 * 25 * FRAME_BYTES), np.random.default_rng(0)
    for _ in range(20):
        drawn = sampler.draw(1, rng)
        drawn[0].__dict__["faces"] = "decoded"
        held = {clip.name for clip in clips if "faces" in clip.__dict__}
        assert drawn[0].name in held
        assert len(held) <= 4  # three that are kept, and the one just drawn
    kept = {clip.name for clip in clips if "cached" in clip.__dict__}
    assert len(kept) == 3
    assert kept <= held


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> Clip:
    """A clip on disk, as ``prepare`` leaves it."""
    folder = toy_folder(tmp_path_factory.mktemp("stored"), ("train",), frames=60)
    return load_clips(folder)[0]


def fresh(clip: Clip, keep: bool = False) -> Clip:
    again = Clip(clip.name, clip.identity, clip.split, clip.folder, clip.frames)
    if keep:
        again.keep()
    return again


@pytest.mark.parametrize("first", [0, 3, 27, 55])
def test_parts_read_from_disk_equal_those_of_the_whole(stored, first):
    at, spec = np.arange(first, first + 5), AudioFeatures()
    part, whole = fresh(stored), fresh(stored, keep=True)
    for read in (lambda c: c.pictures(at), lambda c: c.points(at), lambda c: c.speech(at, spec)):
        np.testing.assert_array_equal(read(part), read(whole))
    assert {"faces", "landmarks", "mel"}.isdisjoint(part.__dict__)
    assert {"faces", "landmarks", "mel"} <= set(whole.__dict__)
    assert len(whole.faces) == 60


def test_mel_on_disk_takes_the_place_of_the_sound(stored):
    at, spec = np.arange(20, 25), AudioFeatures()
    before, file = stored.speech(at, spec), mel_file(stored.folder / f"{stored.name}.mp4")
    try:
        np.save(file, stored.mel)
        np.testing.assert_array_equal(fresh(stored).speech(at, spec), before)
        np.save(file, stored.mel + 1)
        assert not np.allclose(fresh(stored).speech(at, spec), before)  # it is what was read
    finally:
        file.unlink()


def test_a_clip_that_is_not_kept_is_freed_with_the_next_draw(stored):
    clips = [fresh(stored)]
    sampler = Sampler(clips, 5, memory=0)
    drawn = sampler.draw(2, np.random.default_rng(0))
    assert drawn[0].faces is drawn[1].faces
    sampler.draw(1, np.random.default_rng(0))
    assert "faces" not in clips[0].__dict__
