"""The selector, by hand: vector k of the features holds the number k."""

import numpy as np
import pytest

from lipsync.audio.selector import lookahead, select

COUNTING = np.arange(20, dtype=np.float32)[:, None]  # (20, 1)


def chosen(times, **options) -> list[list[int]]:
    return select(COUNTING, 50.0, np.array(times), **options)[..., 0].astype(int).tolist()


def test_eleven_vectors_around_the_frame():
    assert chosen([0.2]) == [[5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]]


def test_spacing_two_takes_every_other():
    assert chosen([0.2], spacing=2) == [[0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 19]]  # 20 does not exist


def test_borders_repeat_the_edge_vector():
    assert chosen([0.0, 0.04], count=5) == [[0, 0, 0, 1, 2], [0, 1, 2, 3, 4]]
    assert chosen([0.38, 9.0], count=5) == [[17, 18, 19, 19, 19], [19] * 5]


def test_frames_at_a_rate_that_does_not_divide_take_the_nearest_vector():
    # 30 frames a second at 50 vectors a second: 0, 1.67, 3.33, 5.
    assert chosen([0, 1 / 30, 2 / 30, 3 / 30], count=1) == [[0], [2], [3], [5]]


def test_a_float_just_below_a_tie_is_the_tie():
    # 25 frames a second at 12.5 vectors a second: every odd frame is a tie, which goes up.
    times = np.arange(6) / 25
    found = select(COUNTING, 12.5, times - 1e-9, count=1)[:, 0, 0]
    assert found.tolist() == [0, 1, 1, 2, 2, 3]


def test_shape_and_content_of_wide_vectors():
    features = np.random.default_rng(0).normal(size=(30, 7)).astype(np.float32)
    found = select(features, 50.0, np.array([0.3, 0.34]))
    assert found.shape == (2, 11, 7)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[1], features[12:23])


def test_reach_is_where_a_change_still_shows():
    features = np.zeros((100, 1), np.float32)
    for spacing in (1, 2):
        near, far = features.copy(), features.copy()
        near[50 + 5 * spacing], far[50 + 5 * spacing + 1] = 1, 1
        assert select(near, 50.0, np.array([1.0]), spacing=spacing).any()
        assert not select(far, 50.0, np.array([1.0]), spacing=spacing).any()
        assert 5 * spacing / 50 < lookahead(50.0, spacing=spacing) < (5 * spacing + 1) / 50


@pytest.mark.parametrize("options", [{"count": 10}, {"count": 0}, {"spacing": 0}])
def test_refuses_windows_without_a_middle(options):
    with pytest.raises(ValueError, match="odd"):
        select(COUNTING, 50.0, np.array([0.0]), **options)


def test_refuses_no_features():
    with pytest.raises(ValueError, match="L > 0"):
        select(np.zeros((0, 4), np.float32), 50.0, np.array([0.0]))
