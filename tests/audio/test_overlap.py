"""Overlapping chunks: what comes out must not show where they were cut."""

import numpy as np
import pytest

from lipsync.audio.encoders.base import vectors
from lipsync.audio.encoders.overlap import Overlap, encode_overlapping

RATE = 50.0


def loudness(chunk: np.ndarray) -> np.ndarray:
    """(T, 1): the mean of the 20 ms around every second k / 50. An encoder that hears no more than that."""
    padded = np.pad(chunk, 160)
    return padded[: len(chunk)].reshape(-1, 320).mean(1, keepdims=True)


def places(chunk: np.ndarray) -> np.ndarray:
    """(T, 1): nothing but the place in the chunk, 0..1, which Whisper's positions tell too."""
    count = len(chunk) // 320
    return (np.arange(count)[:, None] + 0.5) / count


@pytest.mark.parametrize("seconds", [0.01, 1.0, 7.37, 31.0])
def test_a_local_encoder_gives_what_it_would_give_on_the_whole(seconds):
    noise = np.random.default_rng(0).normal(size=int(16000 * seconds)).astype(np.float32)
    found = encode_overlapping(noise, RATE, Overlap(), loudness)
    assert found.shape == (vectors(noise, RATE), 1) == (1 + int(seconds * 50), 1)
    whole = loudness(np.pad(noise, (0, 320 * len(found) - len(noise))))
    # The last half vector of a chunk sees a zero where the sound goes on; its weight is next to nothing.
    np.testing.assert_allclose(found, whole[: len(found)], atol=2e-3)


def test_hardly_anything_tells_where_in_a_chunk_a_vector_was():
    silence = np.zeros(16000 * 9, np.float32)
    found = encode_overlapping(silence, RATE, Overlap(2.0, 0.5), places)
    # By symmetry the mean place is 0.5; what is left of the ramp from 0 to 1 is a ripple.
    assert np.abs(found - 0.5).max() < 0.02
    assert np.abs(np.diff(found[:, 0])).max() < 0.005, "no seam"


def test_chunks_have_one_length_and_begin_before_the_sound():
    lengths, firsts = set(), []

    def note(chunk: np.ndarray) -> np.ndarray:
        lengths.add(len(chunk))
        firsts.append(chunk[0])
        return loudness(chunk)

    encode_overlapping(np.ones(16000, np.float32), RATE, Overlap(2.0, 0.5), note)
    assert lengths == {32000}
    # Chunks from -1.5, -1, -0.5, 0, 0.5 and 1 s; the last one holds only the vector at 1 s.
    assert firsts == [0, 0, 0, 1, 1, 0]


@pytest.mark.parametrize(("chunk", "hop"), [(2.0, 2.0), (2.0, 0.7), (2.0, 0.0)])
def test_refuses_chunks_that_do_not_overlap_evenly(chunk, hop):
    with pytest.raises(ValueError, match="divide"):
        Overlap(chunk, hop)


@pytest.mark.parametrize("bad", [np.zeros(0), np.zeros((2, 100))])
def test_refuses_what_is_not_a_sound(bad):
    with pytest.raises(ValueError, match="samples"):
        encode_overlapping(bad, RATE, Overlap(), loudness)
