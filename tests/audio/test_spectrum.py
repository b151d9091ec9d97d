"""Spectra and filter banks against librosa, bit for bit: networks were trained on what it gives."""

import librosa
import numpy as np
import pytest

from lipsync.audio.encoders.whisper import log_mel
from lipsync.audio.mfcc import mfcc
from lipsync.audio.spectrum import mel_filters, stft


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n_fft", "hop"), [(800, 200), (400, 160)])
def test_stft_is_that_of_librosa(n_fft, hop, dtype):
    noise = np.random.default_rng(0).standard_normal(20_000).astype(dtype)
    theirs = librosa.stft(noise, n_fft=n_fft, hop_length=hop, center=False)
    found = stft(noise, n_fft, hop)
    assert found.dtype == theirs.dtype
    np.testing.assert_array_equal(found, theirs)


@pytest.mark.parametrize(("n_fft", "low", "high"), [(800, 55.0, 7600.0), (400, 0.0, None)])
def test_filters_are_those_of_librosa(n_fft, low, high):
    theirs = librosa.filters.mel(sr=16_000, n_fft=n_fft, n_mels=80, fmin=low, fmax=high)
    found = mel_filters(16_000, n_fft, 80, low, high)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, theirs)


def test_log_mel_of_whisper_is_that_of_librosas_parts(chirp):
    power = np.abs(librosa.stft(chirp, n_fft=400, hop_length=160, pad_mode="reflect")[:, :-1]) ** 2
    level = np.log10(np.maximum(librosa.filters.mel(sr=16_000, n_fft=400, n_mels=80) @ power, 1e-10))
    np.testing.assert_array_equal(log_mel(chirp), (np.maximum(level, level.max() - 8) + 4) / 4)


def test_silence_has_no_differences():
    """Not even those of rounding, which networks were seen to make something of."""
    assert not mfcc(np.full((80, 40), -4, np.float32))[13:].any()
