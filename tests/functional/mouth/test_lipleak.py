import numpy as np
import pytest

from eval.functional.mouth.lipleak import lipleak, lipleak_compute, lipleak_update


def test_equals_a_count_by_hand():
    """Rest is the 0.25 quantile of the reference, 0.02; open is wider than 0.05."""
    reference = np.array([0.0, 0.02, 0.2, 0.3, 0.25])
    generated = np.array([0.04, 0.05, 0.06, 0.2, np.nan, 0.0, 0.051])
    score = lipleak_compute(*lipleak_update(generated, reference))
    assert (score.share, score.rest, score.frames) == (3 / 6, 0.02, 6)
    assert score.movement == pytest.approx(np.nanstd(generated) / reference.std())


def test_a_mouth_at_rest_leaks_nothing_and_the_real_one_all_that_it_says():
    talk = np.abs(np.sin(np.arange(100) / 3)) * 0.2
    rest = np.quantile(talk, 0.25)
    assert lipleak(np.full(50, rest), talk) == 0
    assert lipleak(talk, talk) == (talk > rest + 0.03).mean() > 0.5
    half = rest + (talk - rest) / 2  # leaks half as wide: still seen
    assert 0 < lipleak(half, talk) < lipleak(talk, talk)


def test_a_person_whose_lips_are_apart_at_rest_does_not_leak():
    apart = np.full(20, 0.08)
    score = lipleak_compute(apart, apart)
    assert (score.share, np.isnan(score.movement)) == (0, True)


def test_too_few_frames_and_wrong_shapes():
    with pytest.raises(ValueError, match="no frame has a face in both"):
        lipleak(np.zeros(4), np.zeros(9))
    with pytest.raises(ValueError, match="must be"):
        lipleak(np.zeros((4, 2)), np.zeros(9))
