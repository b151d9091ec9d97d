"""MOS: means by hand, and intervals that cover the truth as often as they say."""

import numpy as np
import pytest
import scipy.special
import scipy.stats

from eval.study.statistics.mos import difference_marks, difference_opinion, opinion

NAN = np.nan


def test_mean_spread_and_histogram_by_hand():
    said = opinion(np.array([[5, 4, 4], [2, 3, NAN]]))
    assert (said.marks, said.raters, said.clips) == (5, 3, 2)
    assert said.mos == pytest.approx((13 / 3 + 5 / 2) / 2)  # each clip counts once
    assert said.sd == pytest.approx(np.std([5, 4, 4, 2, 3], ddof=1))
    assert said.histogram == (0, 1, 1, 2, 1)


def test_where_everybody_saw_everything_it_is_the_t_interval_of_the_raters_means():
    values = np.random.default_rng(0).integers(1, 6, (7, 9)).astype(float)
    said = opinion(values)
    means = values.mean(0)
    low, high = scipy.stats.t.interval(0.95, 8, means.mean(), scipy.stats.sem(means))
    assert said.mos == pytest.approx(values.mean())
    assert (said.low, said.high) == pytest.approx((low, high))
    assert said.wide_low < said.low < said.high < said.wide_high


def test_one_mark_of_each_rater_is_the_classic_interval():
    marks = np.array([3, 4, 5, 2, 3, 3], float)
    low, high = scipy.stats.t.interval(0.95, 5, marks.mean(), scipy.stats.sem(marks))
    assert (opinion(marks[None]).low, opinion(marks[None]).high) == pytest.approx((low, high))
    assert opinion(marks[None]).wide_low is None  # one clip says nothing of other clips


def test_a_clip_shown_more_often_weighs_no_more():
    often = np.array([[5.0] * 9 + [4.0], [1, 2] + [NAN] * 8])
    assert opinion(often).mos == pytest.approx((4.9 + 1.5) / 2)


def test_intervals_end_at_the_ends_of_the_scale():
    said = opinion(np.array([[5, 5, 4], [5, 5, 5]], float))
    assert said.high == 5.0
    assert said.mos + said.margin > 5


@pytest.mark.parametrize(
    ("values", "mos"),
    [
        (np.empty((0, 0)), None),
        (np.full((3, 2), NAN), None),
        (np.array([[4.0]]), 4.0),
        (np.array([[4.0], [2.0]]), 3.0),  # one rater
        (np.array([[3.0, NAN], [NAN, 4.0]]), 3.5),  # no clip has two raters
        (np.full((3, 5), 2.0), 2.0),  # nobody differs
    ],
)
def test_without_an_interval_there_is_none_and_never_nan(values, mos):
    said = opinion(values)
    assert said.mos == mos
    assert (said.margin, said.low, said.high, said.wide_low, said.wide_high) == (None,) * 5


def truth(quality: np.ndarray, spread: float) -> np.ndarray:
    """Expected mark of a felt quality: rounded to 1-5 after normal noise of that spread."""
    return 1 + scipy.special.ndtr((quality[:, None] - np.array([1.5, 2.5, 3.5, 4.5])) / spread).sum(1)


@pytest.mark.parametrize(
    ("clips", "raters", "each", "bias", "noise"),
    [
        (6, 20, 6, 0.5, 0.7),  # everybody sees everything
        (12, 24, 3, 0.5, 0.7),  # everybody sees a quarter: six raters per clip
        (8, 12, 4, 0.8, 0.5),  # few raters with strong habits
        (12, 24, 1, 0.5, 0.7),  # two raters per clip, one clip per rater
    ],
)
def test_intervals_cover_95_percent_with_rater_and_clip_effects(clips, raters, each, bias, noise):
    """Raters' biases are drawn anew for the narrow interval, clips too for the wide one."""
    rng = np.random.default_rng(clips + raters)
    spread = np.hypot(bias * np.sqrt(np.exp(2 * 0.2**2)), noise)
    everywhere = truth(np.array([3.2]), np.hypot(spread, 0.5))[0]
    studies, narrow, wide = 4000, 0, 0
    for _ in range(studies):
        quality = 3.2 + rng.normal(0, 0.5, clips)
        felt = quality[:, None] + rng.normal(0, bias, raters) * rng.lognormal(0, 0.2, raters)
        marks = np.clip(np.round(felt + rng.normal(0, noise, (clips, raters))), 1, 5)
        place = rng.permutation(clips)
        seen = np.zeros((clips, raters), bool)
        for rater in range(raters):
            seen[place[(np.arange(each) + rater * each) % clips], rater] = True
        said = opinion(np.where(seen, marks, NAN))
        narrow += said.low <= truth(quality, spread).mean() <= said.high
        wide += said.wide_low <= everywhere <= said.wide_high
    assert narrow / studies == pytest.approx(0.95, abs=0.015)
    assert wide / studies == pytest.approx(0.95, abs=0.02)


def test_ignoring_that_marks_share_a_rater_would_cover_far_less():
    """The usual sd / √n over all marks, on the first design above: what the clusters are for."""
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(1000):
        marks = np.clip(np.round(3.2 + rng.normal(0, 0.5, 20) + rng.normal(0, 0.7, (6, 20))), 1, 5)
        low, high = scipy.stats.t.interval(0.95, 119, marks.mean(), scipy.stats.sem(marks, axis=None))
        hits += low <= truth(np.array([3.2]), np.hypot(0.5, 0.7))[0] <= high
    assert hits / 1000 < 0.85


def test_dmos_by_hand():
    # P.910, ACR-HR: mark less the same rater's mark for the reference, plus 5; above 5 is valid.
    against = difference_marks(np.array([[4, 5, 3, NAN]]), np.array([[5, 4, NAN, 4]]))
    assert against[0, :2].tolist() == [4, 6]
    assert np.isnan(against[0, 2:]).all()
    said = difference_opinion(against)
    assert (said.mos, said.marks, said.raters, said.histogram) == (5.0, 2, 2, ())
    assert said.high == 9.0  # two raters: the interval is cut at the end of its own scale
