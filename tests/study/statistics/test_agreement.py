"""Agreement against published values and a package of others."""

import warnings

import krippendorff
import numpy as np
import pytest

from eval.study.statistics.agreement import agreement, intraclass, krippendorff_alpha

# Shrout & Fleiss (1979), table 2: six targets, four judges.
SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)


def test_icc_equals_shrout_and_fleiss_table_4():
    singles, averages, per_clip = intraclass(SHROUT_FLEISS)
    assert [round(c.value, 2) for c in singles] == [0.17, 0.29, 0.71]
    assert [round(c.value, 2) for c in averages] == [0.44, 0.62, 0.91]
    assert per_clip == 4


def test_icc_intervals_equal_those_of_rs_psych():
    # psych::ICC on the same table prints these.
    singles, averages, _ = intraclass(SHROUT_FLEISS)
    ends = [(round(c.low, 2), round(c.high, 2)) for c in (*singles, *averages)]
    assert ends == [(-0.13, 0.72), (0.02, 0.76), (0.34, 0.95), (-0.88, 0.91), (0.07, 0.93), (0.68, 0.99)]


@pytest.mark.parametrize("seen", [1.0, 0.5, 0.2])
def test_icc_recovers_planted_components_also_with_missing_cells(seen):
    rng = np.random.default_rng(3)
    clip, rater, noise = 0.8**2, 0.5**2, 0.6**2
    planted = clip / (clip + rater + noise), clip / (clip + rater + noise), clip / (clip + noise)
    found, covered, means = [], [], []
    for _ in range(300):
        values = rng.normal(0, 0.8, (40, 1)) + rng.normal(0, 0.5, 20) + rng.normal(0, 0.6, (40, 20))
        values[rng.random(values.shape) >= seen] = np.nan
        values = values[(~np.isnan(values)).sum(1) > 1]
        values = values[:, ~np.isnan(values).all(0)]
        singles, averages, per_clip = intraclass(values)
        found.append([c.value for c in singles])
        covered.append([c.low <= p <= c.high for c, p in zip(singles, planted, strict=True)])
        means.append((averages[2].value, clip / (clip + noise / per_clip)))
    assert np.mean(found, 0) == pytest.approx(planted, abs=0.02)
    assert np.mean(means, 0)[0] == pytest.approx(np.mean(means, 0)[1], abs=0.02)
    assert np.mean(covered, 0)[1:] == pytest.approx(0.95, abs=0.035)


def test_alpha_equals_the_package_on_random_tables_with_missing_marks():
    rng = np.random.default_rng(0)
    compared = 0
    for _ in range(300):
        values = rng.integers(1, 6, (rng.integers(2, 25), rng.integers(2, 9))).astype(float)
        values[rng.random(values.shape) < rng.choice([0, 0.3, 0.6])] = np.nan
        mine = krippendorff_alpha(values).value
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                theirs = krippendorff.alpha(values.T, level_of_measurement="ordinal")
        except ValueError:  # fewer than two different marks
            theirs = np.nan
        if mine is None or np.isnan(theirs):
            assert mine is None
            assert np.isnan(theirs)
            continue
        assert mine == pytest.approx(theirs, abs=1e-12)
        compared += 1
    assert compared > 250


def test_alpha_interval_holds_the_value_and_repeats():
    values = np.clip(np.round(np.random.default_rng(1).normal(3, 1, (30, 1)) + np.arange(4) % 2), 1, 5)
    once, again = krippendorff_alpha(values), krippendorff_alpha(values)
    assert once == again
    assert once.low < once.value < once.high


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.empty((0, 0)), "two clips"),
        (np.array([[3.0], [4.0]]), "two clips"),
        (np.array([[3.0, np.nan], [np.nan, 4.0]]), "two clips"),
        (np.full((4, 3), 5.0), "same"),
    ],
)
def test_no_agreement_has_a_reason(values, words):
    said = agreement(values)
    assert words in said.reason
    assert said.alpha.value is None
    assert all(c.value is None for c in (*said.singles, *said.averages))


def test_perfect_agreement_is_one_and_never_nan():
    said = agreement(np.repeat([[1.0], [3.0], [5.0], [2.0]], 3, 1))
    for c in (said.alpha, *said.singles, *said.averages):
        assert c.value == pytest.approx(1)
        assert all(end is None or end == pytest.approx(1) for end in (c.low, c.high))


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_odd_tables_give_numbers_or_none():
    rng = np.random.default_rng(8)
    for _ in range(1500):
        shape = rng.integers(1, 5), rng.integers(1, 4)
        values = rng.integers(1, rng.integers(2, 6) + 1, shape).astype(float)
        values[rng.random(values.shape) < 0.3] = np.nan
        said = agreement(values)
        for c in (said.alpha, *said.singles, *said.averages):
            for number in (c.value, c.low, c.high):
                assert number is None or np.isfinite(number), values
