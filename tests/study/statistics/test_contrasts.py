"""Tests between methods against scipy, and the number of raters against simulation."""

import numpy as np
import pytest
import scipy.stats

from eval.functional.aggregate import holm
from eval.study.statistics.contrasts import contrasts, friedman, rater_scores, raters_needed
from eval.study.statistics.marks import last_marks, marks_of
from tests.study.simulated import study, table

METHODS = ("m0", "m1", "m2", "m3")


def complete(seed: int = 0, raters: int = 12):
    """A study in which everybody saw everything: marks (raters, items, methods), and its table."""
    frame = study(np.random.default_rng(seed), raters, 0)
    marks = marks_of(last_marks(frame), "sync")
    values = np.array(
        [
            [
                [marks.values[marks_row(marks, f"i{item}", method), rater] for method in METHODS]
                for item in range(6)
            ]
            for rater in range(raters)
        ]
    )
    return values, marks


def marks_row(marks, item, method):
    return next(r for r, c in enumerate(zip(marks.items, marks.methods, strict=True)) if c == (item, method))


def test_friedman_equals_scipy_on_the_raters_means():
    values, marks = complete()
    means = values.mean(1)
    said = friedman(rater_scores(marks, METHODS))
    theirs = scipy.stats.friedmanchisquare(*means.T)
    assert (said.chi2, said.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert said.w == pytest.approx(theirs.statistic / (12 * 3))
    assert (said.raters, said.methods) == (12, 4)


def test_wilcoxon_equals_scipy_and_is_corrected_over_all_pairs():
    values, marks = complete(1, raters=8)
    means = values.mean(1)
    found = contrasts(rater_scores(marks, METHODS))
    assert [(c.test.a, c.test.b) for c in found][:3] == [("m0", "m1"), ("m0", "m2"), ("m0", "m3")]
    theirs = []
    for contrast in found:
        a, b = METHODS.index(contrast.test.a), METHODS.index(contrast.test.b)
        apart = (means[:, a] - means[:, b]).round(9)
        theirs.append(scipy.stats.wilcoxon(apart).pvalue)  # all signs tried out, as there are ties
        assert contrast.test.difference == pytest.approx(apart.mean())
        assert contrast.test.pairs == 8
    assert [c.test.p for c in found] == pytest.approx(theirs)
    assert [c.test.p_holm for c in found] == pytest.approx(holm(theirs))


def test_which_clips_a_rater_saw_does_not_matter():
    """Item i1 is a mark worse for both methods; r0 saw a on the good item and b on the bad one."""
    rows = [
        (f"r{r}", item, m, 4 - (item == "i1")) for r in range(1, 5) for item in ("i0", "i1") for m in "ab"
    ]
    marks = marks_of(table([("r0", "i0", "a", 4), ("r0", "i1", "b", 3), *rows]), "sync")
    scores = rater_scores(marks, ("a", "b"))
    assert scores["a"]["r0"] == scores["b"]["r0"] == scores["a"]["r1"] == pytest.approx(3.5)


def test_raters_who_saw_only_one_of_two_methods_are_left_out():
    rows = [(f"r{r}", "i0", m, 3 + (m == "a") * (r % 2)) for r in range(8) for m in "ab"]
    marks = marks_of(table([*rows, ("x", "i0", "a", 5)]), "sync")
    (only,) = contrasts(rater_scores(marks, ("a", "b")))
    assert (only.test.pairs, only.test.left_out) == (8, 1)


@pytest.mark.parametrize(("mean", "spread"), [(0.3, 0.8), (0.5, 0.5), (1.5, 0.6)])
def test_the_needed_raters_reach_the_power(mean, spread):
    rng = np.random.default_rng(0)
    sample = rng.normal(0, 1, 30)
    sample = mean + spread * (sample - sample.mean()) / sample.std(ddof=1)
    needed = raters_needed(sample)
    p = scipy.stats.ttest_1samp(rng.normal(mean, spread, (4000, needed)), 0, axis=1).pvalue
    fewer = scipy.stats.ttest_1samp(rng.normal(mean, spread, (4000, needed - 1)), 0, axis=1).pvalue
    assert (p < 0.05).mean() > 0.78
    assert (fewer < 0.05).mean() < 0.82


def test_needed_raters_equal_published_ones():
    # Cohen (1988), paired t test at 5 % two-sided and 80 % power: effects 0.5 and 0.8 need 34 and 15 pairs.
    def sample(effect: float) -> np.ndarray:
        values = np.arange(10.0)
        return effect + (values - values.mean()) / values.std(ddof=1)

    assert raters_needed(sample(0.5)) == 34
    assert raters_needed(sample(0.8)) == 15


def test_nothing_to_plan_with():
    assert raters_needed(np.zeros(5)) is None
    assert raters_needed(np.ones(5)) is None  # no spread: any two raters would do
    assert raters_needed(np.array([1, -1, 1, -1.0001])) is None  # millions


def test_no_friedman_where_it_says_nothing():
    _, marks = complete()
    assert friedman(rater_scores(marks, METHODS[:2])) is None  # two methods: Wilcoxon's test is the one
    same = marks_of(table([(f"r{r}", "i", m, 3) for r in range(5) for m in "abc"]), "sync")
    assert friedman(rater_scores(same, "abc")) is None
    assert [c.test.p for c in contrasts(rater_scores(same, "abc"))] == [1.0, 1.0, 1.0]
    assert friedman({}) is None
    assert contrasts({}) == ()
