"""The mel spectrogram against a second implementation and against the original project's formula."""

import librosa
import numpy as np
import pytest
import scipy.signal

from lipsync.audio.mel import mel_spectrogram
from tests.reference.mel import mel as reference_mel


def original_formula(wav: np.ndarray) -> np.ndarray:
    """What the published networks were trained on: librosa of that time, which padded with ``reflect``."""
    emphasised = scipy.signal.lfilter([1, -0.97], [1], wav)
    stft = librosa.stft(emphasised, n_fft=800, hop_length=200, win_length=800, pad_mode="reflect")
    basis = librosa.filters.mel(sr=16000, n_fft=800, n_mels=80, fmin=55, fmax=7600)
    level = 20 * np.log10(np.maximum(np.exp(-5 * np.log(10)), basis @ np.abs(stft))) - 20
    return np.clip(8 * (level + 100) / 100 - 4, -4, 4)


def test_equals_plain_numpy_from_the_definition(chirp):
    found = mel_spectrogram(chirp)
    assert found.dtype == np.float32
    assert found.shape == (80, 121)
    np.testing.assert_allclose(found, reference_mel(chirp), atol=1e-4)


def test_equals_the_original_formula_on_real_speech(speech):
    found, wanted = mel_spectrogram(speech), original_formula(speech)
    assert found.std() > 0.5
    np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_edges_are_reflected_not_zeroed(chirp):
    zeroed = reference_mel(chirp, padding="zeros")
    found = mel_spectrogram(chirp)
    # The default of newer librosa would shift just these frames.
    assert np.abs(found[:, :2] - zeroed[:, :2]).max() > 0.1
    np.testing.assert_allclose(found[:, 2:-2], zeroed[:, 2:-2], atol=1e-4)


@pytest.mark.parametrize("length", [1, 199, 400, 401, 800, 3200])
def test_short_sounds_have_their_columns(length):
    found = mel_spectrogram(np.full(length, 0.1, np.float32))
    assert found.shape == (80, 1 + length // 200)
    assert np.isfinite(found).all()


def test_blocks_join_without_a_seam():
    noise = np.random.default_rng(1).standard_normal(200 * 4200).astype(np.float32) * 0.1
    whole = mel_spectrogram(noise)
    part = mel_spectrogram(noise[200 * 4050 :])
    np.testing.assert_allclose(whole[:, 4060:-4], part[:, 10:-4], atol=1e-4)


def test_silence_is_the_floor_and_loud_is_higher():
    assert (mel_spectrogram(np.zeros(1600, np.float32)) == -4).all()
    tone = np.sin(2 * np.pi * 1000 * np.arange(3200) / 16000)
    quiet, loud = (mel_spectrogram((gain * tone).astype(np.float32)) for gain in (0.01, 0.1))
    # Ten times the amplitude is 20 dB, and 100 dB are 8 units.
    np.testing.assert_allclose((loud - quiet)[:, 8][quiet[:, 8] > -3], 1.6, atol=1e-2)


@pytest.mark.parametrize("bad", [np.zeros(0), np.zeros((2, 100))])
def test_refuses_what_is_not_a_sound(bad):
    with pytest.raises(ValueError, match="samples"):
        mel_spectrogram(bad)
