"""Speech activity: its timing, sounds whose answer is known, and what a probability depends on."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from lipsync.assets import asset
from lipsync.audio.activity import (
    AFTER,
    BEFORE,
    COLUMN_RATE,
    LEVEL,
    LIVE_PAUSE,
    PAUSE,
    ActivityConfig,
    Speech,
    SpeechActivity,
    find_speech,
    load_activity,
    needed_context,
    recent_level,
    speech_probability,
    stretches,
)
from lipsync.audio.mel import RATE, mel_spectrogram
from lipsync.media import read_audio

EXAMPLES = asset("examples")


@pytest.fixture(scope="module", params=["english", "chinese"])
def spoken(request) -> np.ndarray:
    """(64000,) 4 s of clean speech."""
    return read_audio(EXAMPLES / f"{request.param}.wav")[:64_000]


def loud(samples: np.ndarray, below: float) -> np.ndarray:
    """(K,) bool for each probability: the 25 ms around it are within ``below`` dB of the loudest."""
    column = round(RATE / COLUMN_RATE)
    padded = np.pad(samples, column // 2)
    power = (padded[: len(padded) // column * column].reshape(-1, column) ** 2).mean(1)
    return 10 * np.log10(power + 1e-12) > 10 * np.log10(power.max()) - below


# --- timing ---


def test_the_mouth_opens_in_a_tenth_of_a_second_before_and_rests_a_fifth_after():
    speech = Speech(np.array([[1.0, 2.0]]))
    times = np.array([0.0, 0.9, 0.95, 1.0, 1.5, 2.0, 2.08, 2.14, 2.2, 3.0])
    assert np.allclose(speech.activity(times), [0, 0, 0.5, 1, 1, 1, 1, 0.5, 0, 0], atol=1e-6)
    assert (BEFORE, AFTER) == (0.1, 0.2)


def test_no_jump_at_any_frame_rate():
    speech = Speech(np.array([[1.003, 2.017], [2.3, 2.4]]))
    fine = speech.activity(np.arange(0, 3, 0.001))
    assert (
        np.abs(np.diff(fine)).max() < 0.001 * 1.5 / 0.1 + 1e-4
    )  # the steepest slope of a smooth step of 0.1 s
    assert fine.min() >= 0
    assert fine.max() <= 1
    # A pause of 0.283 s: closed at 0.2 s, opening again from 0.183 s on.
    assert 0 < fine[2017 + 190] < 0.1


def test_nobody_speaks():
    assert Speech(np.zeros((0, 2))).activity(np.arange(5.0)).tolist() == [0] * 5


def test_short_gaps_belong_to_the_sentence():
    probability = np.zeros(100)
    probability[11:20] = probability[29:40] = probability[50:60] = 0.9  # gaps of 9 and 10 columns
    probability[80:83] = 0.9  # a click
    found = stretches(probability, LIVE_PAUSE) * COLUMN_RATE + 0.5
    assert LIVE_PAUSE * COLUMN_RATE == 10
    assert np.allclose(found, [[11, 40], [50, 60]])
    assert stretches(np.zeros(40)).shape == (0, 2)


def test_a_breath_is_no_rest_and_a_longer_pause_is():
    assert PAUSE * COLUMN_RATE == 32
    probability = np.zeros(300)
    probability[40:60] = probability[91:100] = probability[132:150] = 0.9  # gaps of 31 and 32 columns
    assert np.allclose(stretches(probability) * COLUMN_RATE + 0.5, [[40, 100], [132, 150]])


def test_a_short_pause_at_either_end_is_no_rest():
    probability = np.zeros(100)
    probability[20:80] = 0.9
    assert np.allclose(stretches(probability) * COLUMN_RATE, [[0, 100]])
    assert Speech(stretches(probability)).activity(np.arange(100) / COLUMN_RATE).min() == 1
    assert np.allclose(stretches(probability, LIVE_PAUSE) * COLUMN_RATE + 0.5, [[20, 80]])


# --- what is speech and what is not ---


def test_loud_columns_of_clean_speech_are_speech(spoken):
    probability = speech_probability(spoken)
    assert len(probability) == 161
    here = loud(spoken, 20)[: len(probability)]
    assert here.mean() > 0.4
    assert (probability[: len(here)][here] > 0.5).mean() > 0.95


def test_a_pause_is_found_where_it_was_cut_in(spoken):
    rising = np.flatnonzero(loud(spoken, 12))
    cut = int(rising[len(rising) // 2] / COLUMN_RATE * RATE)
    sound = np.concatenate([spoken[:cut], np.zeros(24_000, np.float32), spoken[cut:]])
    ends = find_speech(sound).stretches
    begin, end = cut / RATE, cut / RATE + 1.5
    assert np.abs(ends[:, 1] - begin).min() < 0.1
    assert np.abs(ends[:, 0] - end).min() < 0.1
    pause = find_speech(sound).activity(np.arange(begin + 0.3, end - 0.2, 0.01))
    assert pause.max() == 0


def tones(rng: np.random.Generator) -> np.ndarray:
    """(64000,) chords of plucked strings, half a second each."""
    time = np.arange(8000) / RATE
    chords = []
    for root in (220.0, 174.6, 261.6, 196.0) * 2:
        notes = [root * f * k for f in (1, 1.26, 1.5) for k in (1, 2, 3, 4)]
        chords.append(sum(np.sin(2 * np.pi * f * time) / f for f in notes) * np.exp(-4 * time))
    return np.concatenate(chords)


SILENT = {
    "nothing": lambda rng: np.zeros(64_000),
    "white noise": lambda rng: rng.standard_normal(64_000),
    "brown noise": lambda rng: np.cumsum(rng.standard_normal(64_000)) - np.linspace(0, 1, 64_000),
    "mains": lambda rng: sum(np.sin(2 * np.pi * 50 * k * np.arange(64_000) / RATE) / k for k in range(1, 8)),
    "clicks": lambda rng: (np.arange(64_000) % 8000 == 0) * 1.0,
    "chords": tones,
}


@pytest.mark.parametrize("name", SILENT)
def test_nobody_speaks_in_other_sounds(name):
    sound = SILENT[name](np.random.default_rng(0))
    sound = 0.1 * sound / max(1e-9, np.abs(sound).max())
    assert find_speech(sound.astype(np.float32)).activity(np.arange(100) / 25).mean() < 0.05


@pytest.mark.parametrize("decibels", [-30, -12, 6])
def test_louder_and_softer_are_the_same(spoken, decibels):
    whole = speech_probability(0.4 * spoken)
    other = speech_probability(0.4 * spoken * 10 ** (decibels / 20))
    assert ((whole > 0.5) == (other > 0.5)).mean() > 0.97  # what falls below the spectrogram's floor changes


# --- the network ---


def test_a_column_is_heard_against_the_mean_of_the_second_before_it():
    mel = torch.randn(2, 80, 200)
    level = recent_level(mel)
    for column in (0, 5, 150):
        expected = mel[:, :, max(0, column - LEVEL + 1) : column + 1].mean((1, 2))
        assert torch.allclose(level[:, column], expected, atol=1e-5)
    torch.manual_seed(0)
    net = SpeechActivity(ActivityConfig(channels=8)).eval()
    assert torch.allclose(net(mel), net(mel + 1.7), atol=1e-4)


def test_a_probability_depends_on_no_sound_beyond_what_the_network_says(spoken):
    """Other sound before and after, then the same a little nearer."""
    config, at = load_activity().config, 3.2

    def logit(begin: float, end: float) -> float:
        sound = np.concatenate([np.zeros(16_000), spoken, np.zeros(16_000)]).astype(np.float32)
        time = np.arange(len(sound)) / RATE
        outside = (time < begin) | (time > end)
        sound[outside] = np.random.default_rng(1).normal(0, 0.3, int(outside.sum()))
        mel = torch.from_numpy(mel_spectrogram(sound))[None]
        return float(load_activity()(mel)[0, round(at * COLUMN_RATE)])

    whole = logit(-1, 99)
    assert logit(at - config.past, at + config.future) == pytest.approx(whole, abs=1e-4)
    assert abs(logit(-1, at + config.future - 0.04) - whole) > 1e-3
    assert abs(logit(at - config.past + 0.2, 99) - whole) > 1e-3


def test_a_piece_of_the_sound_gives_the_activity_of_the_whole(spoken):
    """What live mode counts on: nothing beyond ``needed_context`` matters."""
    before, after = needed_context(LIVE_PAUSE)
    sound = np.concatenate([spoken[:40_000], np.zeros(4800), spoken[8000:20_000], np.zeros(9600), spoken])
    sound = sound.astype(np.float32)
    times = np.arange(3, 5.5, 0.04)
    whole = find_speech(sound, LIVE_PAUSE).activity(times)
    assert 0.1 < whole.mean() < 0.95
    for time, expected in zip(times, whole, strict=True):
        begin = int((time - before) * COLUMN_RATE) / COLUMN_RATE
        piece = sound[round(begin * RATE) : round((time + after) * RATE) + 1]
        activity = find_speech(piece, LIVE_PAUSE).activity(np.array([time - begin]))[0]
        assert activity == pytest.approx(expected, abs=1e-5)
    assert load_activity().config.future < 0.3
    assert after < 0.45


def test_the_shipped_network_is_small_and_needs_no_connection():
    program = (
        "import socket\n"
        "def refuse(*a, **k): raise AssertionError('a connection')\n"
        "socket.socket.connect = refuse\n"
        "from lipsync.audio.activity import load_activity\n"
        "print(sum(p.numel() for p in load_activity().parameters()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert 20_000 < int(done.stdout) < 60_000


@pytest.mark.parametrize("block", [2, 70, 160])
def test_long_sound_is_worked_on_in_blocks_that_do_not_show(spoken, block, monkeypatch):
    whole = load_activity()(torch.from_numpy(mel_spectrogram(spoken))[None])[0].sigmoid().numpy()
    monkeypatch.setattr("lipsync.audio.activity.BLOCK", block)
    np.testing.assert_allclose(speech_probability(spoken), whole, atol=1e-5)
