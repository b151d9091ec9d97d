"""Prepared clips: alignment of sound and frames, the manifest, balanced draws, bounded memory."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lipsync.audio.features import AudioFeatures, features, frame_windows
from lipsync.audio.mel import mel_spectrogram
from lipsync.errors import ConfigError
from lipsync.training.data import Clip, Sampler, load_clips

from .toy import toy_clip


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
    sampler, rng = Sampler(clips, 5, memory=3.5 * 25 * 128 * 128 * 3.3), np.random.default_rng(0)
    for _ in range(20):
        drawn = sampler.draw(1, rng)
        drawn[0].__dict__["faces"] = "decoded"
        held = [clip.name for clip in clips if "faces" in clip.__dict__]
        assert len(held) <= 3
        assert drawn[0].name in held
    assert len(held) == 3
