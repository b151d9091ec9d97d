"""Windows: what a network hears for a frame is what sounds at that frame."""

import numpy as np
import pytest

from lipsync.audio.features import AudioFeatures, features, frame_windows, sync_windows
from lipsync.audio.mel import mel_spectrogram
from lipsync.audio.mfcc import mfcc


def click(at: float, seconds: float = 4.0) -> np.ndarray:
    samples = np.zeros(round(seconds * 16000), np.float32)
    samples[round(at * 16000)] = 1.0
    return samples


@pytest.mark.parametrize("at", [0.5, 1.0, 2.013, 3.3])
@pytest.mark.parametrize("start", [0, -4, 3])
def test_click_is_in_the_windows_around_its_time(at, start):
    spec = AudioFeatures(kind="mel", start=start)
    times = np.arange(100) / 25
    windows = frame_windows(features(click(at), spec), times, spec)
    assert windows.shape == (100, 1, 80, 16)
    heard = (windows[:, 0].max(axis=1) > -3.9).any(axis=1)
    begin, end = times + start / 80, times + (start + 15) / 80
    # A click reaches the columns whose 50 ms lie over it, 25 ms to each side.
    surely = (begin < at - 0.013) & (at + 0.013 < end)
    never = (end < at - 0.04) | (at + 0.04 < begin)
    assert surely.sum() >= 3
    assert heard[surely].all()
    assert not heard[never].any()


def test_column_of_the_window_tells_the_time():
    spec = AudioFeatures(kind="mel", start=-4)
    window = frame_windows(features(click(2.0), spec), np.array([2.0]), spec)[0, 0]
    assert int(window.sum(axis=0).argmax()) == 4  # frame time itself lies four columns in


def test_fused_features_are_mel_over_mfcc(chirp):
    spec = AudioFeatures()
    log_mel = mel_spectrogram(chirp)
    found = features(chirp, spec)
    assert spec.rows == 119
    np.testing.assert_array_equal(found[:80], log_mel)
    np.testing.assert_array_equal(found[80:], mfcc(log_mel))
    assert AudioFeatures(kind="mfcc", coefficients=20).rows == 60


def test_edges_repeat_and_windows_are_the_slices_they_claim(chirp):
    spec = AudioFeatures(kind="mel")
    log_mel = features(chirp, spec)
    windows = frame_windows(log_mel, np.array([0.4, 10.0]), spec)
    np.testing.assert_array_equal(windows[0, 0], log_mel[:, 32:48])
    np.testing.assert_array_equal(windows[1, 0], np.repeat(log_mel[:, -1:], 16, axis=1))
    early = frame_windows(log_mel, np.array([0.0]), AudioFeatures(kind="mel", start=-4))[0, 0]
    np.testing.assert_array_equal(early[:, :5], np.repeat(log_mel[:, :1], 5, axis=1))


def test_sync_windows_begin_with_their_frame(chirp):
    log_mel = mel_spectrogram(chirp)
    np.testing.assert_array_equal(sync_windows(log_mel, np.array([10]))[0, 0], log_mel[:, 32:48])


def test_window_starts_equal_the_original_rule():
    ramp = np.arange(400, dtype=np.float32)[None]
    times = np.arange(100) / 25
    found = frame_windows(ramp, times, AudioFeatures(kind="mel"))[:, 0, 0, 0]
    assert found.tolist() == [int(80.0 * (frame / 25.0)) for frame in range(100)]
