"""Speech activity: labels, made sounds, windows whose labels are known, and a stage that learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lipsync.audio.activity import COLUMN_RATE, ActivityConfig
from lipsync.audio.mel import RATE
from lipsync.data.backgrounds import BACKGROUNDS
from lipsync.data.clips import load_clips
from lipsync.experts.training.activity_stage import (
    COLUMN,
    ActivityStage,
    ActivityTraining,
    LabelledSpeech,
    delays,
    leveled,
    window,
)
from lipsync.experts.training.silero import PIECE, Silero, loudness, trim
from lipsync.media import read_audio
from lipsync.training.loop import RunConfig, fit
from lipsync.weights import hub
from tests.training.toy import toy_folder


def test_soft_pieces_are_taken_off_the_end_and_nowhere_else():
    spoken = np.array([0, 1, 1, 1, 1, 1, 1, 1, 1, 0], bool)
    level = np.array([-80, -60, -20, -20, -60, -20, -20, -55, -60, -80.0])
    assert trim(spoken, level).tolist() == [False, True, True, True, True, True, True, False, False, False]
    assert trim(spoken, np.full(10, -20.0)).tolist() == spoken.tolist()
    long = np.ones(12, bool)
    assert trim(long, np.array([-20.0, -20, -20] + 9 * [-60])).sum() == 8, "four pieces at most"


def test_loudness_in_decibels():
    samples = np.concatenate([np.full(PIECE, 1.0), np.full(PIECE, 0.1), np.zeros(10)])
    assert np.allclose(loudness(samples), [0, -20, -120], atol=0.01)


def test_silero_hears_speech_and_not_the_pause_or_the_noise():
    if hub.locate("silero_vad") is None:
        pytest.skip("needs Silero VAD (python -m lipsync weights --fetch silero_vad)")
    pytest.importorskip("onnxruntime")
    from lipsync.ui.uploads import EXAMPLES

    speech = read_audio(EXAMPLES / "english.wav")[:32_000]
    rng = np.random.default_rng(0)
    sound = np.concatenate([speech, np.zeros(16_000), rng.normal(0, 0.05, 16_000)]).astype(np.float32)
    label = Silero().label(sound, COLUMN_RATE)
    assert len(label) == 1 + len(sound) // COLUMN
    assert label[:80].mean() > 0.6
    assert label[84:].mean() < 0.05


@pytest.mark.parametrize("make", BACKGROUNDS, ids=lambda make: make.__name__)
def test_backgrounds_repeat_by_their_seed_and_are_as_loud_as_each_other(make):
    first, again, other = (make(RATE, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    for sound in (first, other):
        assert sound.shape == (RATE,)
        assert sound.dtype == np.float32
        assert np.sqrt((sound.astype(float) ** 2).mean()) == pytest.approx(1, abs=1e-3)


def test_labels_follow_the_sound_through_every_cut():
    """ "Speech" is 1 and everything else 0: then each label can be read off the samples."""
    speaks = np.repeat(np.random.default_rng(0).random(60) > 0.4, 8)
    recording = LabelledSpeech(np.repeat(speaks, COLUMN).astype(np.float32)[: 479 * COLUMN], speaks)
    pauses = 0
    for seed in range(40):
        samples, labels = window(recording, 160 * COLUMN, np.random.default_rng(seed))
        assert samples.shape == (160 * COLUMN,)
        assert labels.shape == (161,)
        middle = samples.reshape(160, COLUMN)[:, COLUMN // 2]
        assert np.array_equal(middle > 0.5, labels[:160])
        pauses += labels.mean() < 0.5
    assert pauses > 10


def test_a_recording_shorter_than_a_window_ends_in_silence():
    samples, labels = window(
        LabelledSpeech(np.ones(8000, np.float32), np.ones(21, bool)), 16_000, np.random.default_rng(3)
    )
    assert samples.shape == (16_000,)
    assert labels.shape == (41,)
    assert labels.sum() <= 21


def test_levels_lie_between_the_bounds():
    made = [leveled(np.array([0.5, -0.9]), (-40.0, -6.0), np.random.default_rng(k)) for k in range(50)]
    tops = [20 * np.log10(np.abs(x).max()) for x in made]
    assert -40.1 < min(tops) < -30
    assert -12 < max(tops) <= -5.9
    assert not leveled(np.zeros(3), (-40.0, 0.0), np.random.default_rng(0)).any()


def test_delays_of_the_edges_that_were_found():
    truth = [np.array([[1.0, 2.0], [4.0, 5.0]]), np.array([[1.0, 2.0]])]
    found = [np.array([[1.05, 1.9], [4.5, 5.0]]), np.zeros((0, 2))]
    assert np.allclose(delays(found, truth, 0), [0.05])  # 4.5 is another begin
    assert np.allclose(delays(found, truth, 1), [-0.1, 0.0])


class Loud:
    """A stand-in for Silero: who is loud speaks."""

    def label(self, samples: np.ndarray, rate: float) -> np.ndarray:
        cut = np.pad(samples, (COLUMN // 2, COLUMN)).astype(float)
        count = 1 + len(samples) // COLUMN
        return (cut[: count * COLUMN].reshape(count, COLUMN) ** 2).mean(1) > 1e-4


def test_learns_to_tell_toy_speech_from_backgrounds(tmp_path):
    (tmp_path / "data").mkdir()
    folder = toy_folder(tmp_path / "data", ("train", "train", "dev"))
    config = ActivityTraining(
        ActivityConfig(channels=16, back=(4,)), windows=6, seconds=2.0, backgrounds=2, background_seconds=2.0
    )
    torch.manual_seed(0)
    stage = ActivityStage(config, load_clips(folder), load_clips(folder, ("dev",)), teacher=Loud())
    run = RunConfig(steps=200, device="cpu", threads=1, check_every=0, log_every=80)
    fit(stage, run, tmp_path / "run", quiet=True)
    stage.net.eval()
    with torch.inference_mode():
        found = stage.check(tmp_path, 80)
    # Not hum: the toy's voice is a steady tone itself.
    assert max(found[f"alarms_{kind}"] for kind in ("noise", "clicks", "breath", "music")) < 0.2
    assert found["dev_accuracy"] > 0.6
    assert (tmp_path / "run" / "speech-activity" / "model.safetensors").is_file()
    one, again = (stage.batch(np.random.default_rng(5)) for _ in range(2))
    assert all(torch.equal(one[name], again[name]) for name in one)
    silent = ActivityStage(replace(config, speech_share=0.0), load_clips(folder), [], teacher=Loud())
    assert not silent.batch(np.random.default_rng(0))["active"].any()
