import av
import numpy as np
import pytest
import python_speech_features

from lipsync.audio.psf_mfcc import psf_mfcc, syncnet_windows


@pytest.fixture(scope="module")
def speech(shared) -> np.ndarray:
    """(N,) int16, 16 kHz, from a clip with real speech."""
    with av.open(str(shared / "data/train/id003_clip04.mp4")) as container:
        resampler = av.AudioResampler("s16", "mono", 16_000)
        blocks = [
            out.to_ndarray()[0] for frame in container.decode(audio=0) for out in resampler.resample(frame)
        ]
    return np.concatenate(blocks)


def test_equals_python_speech_features(speech):
    expected = python_speech_features.mfcc(speech, 16_000)
    assert len(expected) > 900
    np.testing.assert_allclose(psf_mfcc(speech), expected, atol=1e-6)
    np.testing.assert_allclose(psf_mfcc(speech.astype(np.float32)), expected, atol=1e-6)


@pytest.mark.parametrize("length", [1, 399, 400, 401, 559, 560, 561, 16_000])
def test_equals_python_speech_features_at_any_length(length):
    samples = np.random.default_rng(length).integers(-3000, 3000, length).astype(np.int16)
    expected = python_speech_features.mfcc(samples, 16_000)
    assert psf_mfcc(samples).shape == expected.shape
    np.testing.assert_allclose(psf_mfcc(samples), expected, atol=1e-6)


def test_digital_silence_is_finite_and_the_same():
    samples = np.zeros(3200, np.int16)
    samples[1000:1400] = 500
    np.testing.assert_allclose(psf_mfcc(samples), python_speech_features.mfcc(samples, 16_000), atol=1e-6)


def test_windows_begin_with_their_video_frame(speech):
    mfcc = psf_mfcc(speech[: 16_000 * 2])
    windows = syncnet_windows(mfcc, 40)
    assert windows.shape == (40, 1, 13, 20)
    for frame in (0, 1, 17, 39):
        np.testing.assert_array_equal(windows[frame, 0], mfcc[4 * frame : 4 * frame + 20].T)


def test_refuses_more_windows_than_there_is_sound():
    mfcc = np.zeros((199, 13))
    assert len(syncnet_windows(mfcc, 45)) == 45  # 44 · 4 + 20 = 196
    with pytest.raises(ValueError, match="do not hold 46 windows"):
        syncnet_windows(mfcc, 46)
    with pytest.raises(ValueError, match=r"\(N,\)"):
        psf_mfcc(np.zeros((2, 100)))
