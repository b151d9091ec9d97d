"""Degrees of lateness in their order."""

import numpy as np
import pytest

from eval.functional.sync.sync_rank import in_order, mean_distances, sync_strength


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_mean_distances_are_those_of_the_windows_that_are_there():
    rng = np.random.default_rng(0)
    video, audio = rng.normal(size=(2, 40, 6))
    found = mean_distances(video, audio, max_shift=7)
    for shift in (-7, 0, 4):
        pairs = [(t, t + shift) for t in range(40) if 0 <= t + shift < 40]
        expected = np.mean([np.linalg.norm(video[t] - audio[s]) for t, s in pairs])
        assert found[7 + shift] == pytest.approx(expected)
    with pytest.raises(ValueError, match="too few"):
        mean_distances(video[:7], audio, max_shift=7)


def test_a_match_counts_less_the_later_it_is_and_another_sound_least():
    rng = np.random.default_rng(1)
    audio = unit(rng.normal(size=(200, 32)))
    video = unit(audio + 0.1 * rng.normal(size=audio.shape))
    own, other = mean_distances(video, audio), mean_distances(video, unit(rng.normal(size=audio.shape)))
    assert in_order(own, other)
    late = [sync_strength(own, frames) for frames in (0, 2, 5, 25)]
    assert late == pytest.approx([late[0] * np.exp(-frames / 50) for frames in (0, 2, 5, 25)])
    # A sound that really is five frames late has its match there.
    moved = mean_distances(video[:-5], audio[5:])
    assert sync_strength(moved) == pytest.approx(late[2], rel=0.02)
    assert not in_order(other, own)
    # A frame early is a recording's; of one that is two frames early 0.08 s late is the best.
    assert in_order(np.roll(own, -1), other)
    assert not in_order(np.roll(own, -2), other)
