"""MFCC against the sums of their definition, and against scipy and librosa."""

import librosa
import numpy as np
import pytest
import scipy.fft

from lipsync.audio.mel import mel_spectrogram
from lipsync.audio.mfcc import mfcc
from tests.reference.mel import cepstrum, slope


def test_equals_the_definition(chirp):
    log_mel = mel_spectrogram(chirp)
    found = mfcc(log_mel)
    assert found.shape == (39, log_mel.shape[1])
    wanted = cepstrum(log_mel)
    np.testing.assert_allclose(found[:13], wanted, atol=1e-4)
    np.testing.assert_allclose(found[13:26, 4:-4], slope(wanted)[:, 4:-4], atol=1e-4)


def test_equals_scipy_and_librosa_up_to_the_stated_scale(chirp):
    log_mel = mel_spectrogram(chirp)
    lifted = librosa.feature.mfcc(S=log_mel, n_mfcc=13, dct_type=2, norm="ortho", lifter=22)
    # librosa begins its lifter at sin(pi / 22); HTK, as used here, numbers coefficients from 0.
    sine = 1 + 11 * np.sin(np.pi * np.arange(1, 14) / 22)
    plain = scipy.fft.dct(log_mel, type=2, axis=0, norm="ortho")[:13]
    np.testing.assert_allclose(lifted, plain * sine[:, None], atol=1e-3)
    htk = 1 + 11 * np.sin(np.pi * np.arange(13) / 22)
    np.testing.assert_allclose(mfcc(log_mel)[:13], plain * htk[:, None] / np.sqrt(80), atol=1e-4)
    np.testing.assert_allclose(
        mfcc(log_mel)[26:], librosa.feature.delta(mfcc(log_mel)[:13], order=2), atol=1e-4
    )


@pytest.mark.parametrize("frames", [1, 5, 8, 9, 20])
@pytest.mark.parametrize("coefficients", [12, 13])
def test_short_sounds_keep_their_length(frames, coefficients):
    log_mel = np.random.default_rng(0).uniform(-4, 4, (80, frames)).astype(np.float32)
    found = mfcc(log_mel, coefficients)
    assert found.shape == (3 * coefficients, frames)
    assert np.isfinite(found).all()


def test_steady_sound_has_no_differences():
    found = mfcc(np.repeat(np.linspace(-3, 2, 80)[:, None], 30, axis=1).astype(np.float32))
    assert np.abs(found[13:]).max() < 1e-5
    assert np.abs(found[:13]).max() > 0.1


def test_of_speech_no_row_outweighs_the_mel_values_it_is_made_of(speech):
    log_mel = mel_spectrogram(speech)
    spread = mfcc(log_mel)[:13].std(axis=1)  # (13,) of each coefficient over time
    np.testing.assert_allclose(spread, cepstrum(log_mel).std(axis=1), rtol=1e-3)
    assert spread.max() / spread.min() < 4, "the lifter brings the rows to one range"
    assert spread.max() < 2 * log_mel.std()
