"""Spectra and mel filters beside librosa's."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from lipsync.audio.spectrum import mel_bank, stft


@pytest.mark.parametrize(("size", "hop"), [(800, 200), (400, 160), (64, 64)])
def test_the_spectrum_is_that_of_librosa(size: int, hop: int) -> None:
    samples = np.random.default_rng(size).normal(size=3000)
    own = stft(samples, size, hop)
    assert own.shape == (size // 2 + 1, 1 + (len(samples) - size) // hop)
    theirs = librosa.stft(samples, n_fft=size, hop_length=hop, center=False)
    np.testing.assert_allclose(own, theirs, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("low", "high"), [(55, 7600), (0, None), (300, 3000)])
def test_the_filters_are_those_of_librosa(low: float, high: float | None) -> None:
    theirs = librosa.filters.mel(sr=16_000, n_fft=800, n_mels=20, fmin=low, fmax=high)
    np.testing.assert_allclose(mel_bank(16_000, 800, 20, low, high), theirs, rtol=1e-5, atol=1e-8)


def test_fewer_samples_than_a_window_are_refused() -> None:
    with pytest.raises(ValueError, match="window"):
        stft(np.zeros(10), 64, 16)
