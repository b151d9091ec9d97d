from itertools import product

import numpy as np
import pytest
import scipy.stats

from eval.functional.aggregate import bootstrap_interval, compare, holm, signed_rank_p, summarise


def test_interval_equals_scipys_percentile_bootstrap():
    values = np.random.default_rng(0).gamma(2, 3, 40)
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=50_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    low, high = bootstrap_interval(values)
    width = theirs.high - theirs.low
    assert low == pytest.approx(theirs.low, abs=0.03 * width)
    assert high == pytest.approx(theirs.high, abs=0.03 * width)


def test_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(200):
        low, high = bootstrap_interval(rng.normal(5, 2, 30), resamples=500)
        hits += low <= 5 <= high
    assert 0.87 < hits / 200 < 0.99


def test_seed_repeats_the_interval():
    values = np.random.default_rng(3).random(20)
    assert bootstrap_interval(values) == bootstrap_interval(values)
    assert bootstrap_interval(values, seed=1) != bootstrap_interval(values, seed=2)


def test_failed_videos_are_counted_not_scored():
    summary = summarise({"a": 1.0, "b": None, "c": 3.0, "d": float("nan")})
    assert (summary.mean, summary.scored, summary.videos) == (2.0, 2, 4)
    assert summary.failed == ("b", "d")
    assert 1.0 <= summary.low <= 2.0 <= summary.high <= 3.0


def test_one_score_has_no_interval_and_none_has_no_mean():
    one, none = summarise({"a": 4.0}), summarise({"a": None})
    assert one.mean == 4.0
    assert np.isnan([one.low, one.high, none.mean, none.low]).all()
    with pytest.raises(ValueError, match="2 or more"):
        bootstrap_interval(np.array([1.0]))


def brute_force_wilcoxon(differences: np.ndarray) -> float:
    """Exact two-sided p: the share of all 2ⁿ signs whose rank sum is as extreme."""
    ranks = scipy.stats.rankdata(np.abs(differences))
    expected = ranks.sum() / 2
    seen = abs(ranks[differences > 0].sum() - expected)
    sums = [ranks[np.array(signs, bool)].sum() for signs in product((0, 1), repeat=len(differences))]
    return float(np.mean([abs(s - expected) >= seen - 1e-9 for s in sums]))


def test_paired_test_equals_all_signs_tried_out():
    rng = np.random.default_rng(4)
    names = [f"clip{i}" for i in range(9)]
    base = rng.normal(30, 4, 9)
    methods = {
        "ours": dict(zip(names, base + rng.normal(1, 1, 9), strict=True)),
        "theirs": dict(zip(names, base, strict=True)),
    }
    (row,) = compare(methods)
    differences = np.array([methods["ours"][n] - methods["theirs"][n] for n in names])
    assert row.p == row.p_holm == pytest.approx(brute_force_wilcoxon(differences))
    assert row.difference == pytest.approx(differences.mean())
    assert row.pairs == 9


def test_signed_rank_test_is_exact_with_ties_too():
    rng = np.random.default_rng(7)
    for _ in range(20):
        marks = rng.integers(-3, 4, 10) / 3  # thirds: equal up to rounding errors only
        noisy = (marks + 0.1) - 0.1
        kept = marks[marks != 0]
        assert signed_rank_p(noisy) == pytest.approx(brute_force_wilcoxon(kept) if len(kept) else 1)


def test_signed_rank_test_equals_scipy_without_ties():
    rng = np.random.default_rng(8)
    for size in (6, 20, 50, 51, 200):
        values = rng.normal(0.2, 1, size)
        assert signed_rank_p(values) == pytest.approx(scipy.stats.wilcoxon(values).pvalue)


def test_pairs_are_the_same_videos_whatever_their_order():
    a = {"x": 1.0, "y": 2.0, "z": 3.0, "only a": 9.0, "failed in b": 4.0}
    b = {"z": 2.5, "y": 1.5, "x": 0.5, "failed in b": None, "only b": 0.0}
    (row,) = compare({"a": a, "b": b})
    assert (row.difference, row.pairs, row.left_out) == (0.5, 3, 3)


def test_methods_that_never_differ_have_p_1():
    same = {"x": 1.0, "y": 2.0}
    (row,) = compare({"a": same, "b": dict(same)})
    assert (row.p, row.p_holm, row.difference) == (1.0, 1.0, 0.0)
    (apart,) = compare({"a": {"x": 1.0}, "b": {"y": 1.0}})
    assert (apart.p, apart.pairs) == (1.0, 0)


def test_holm_by_hand():
    # Holm 1979: 4·0.005, then 3·0.01, then 2·0.03; 1·0.04 may not fall below the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_holm_corrects_over_all_pairs_of_methods():
    rng = np.random.default_rng(5)
    methods = {
        name: {str(i): rng.normal(shift, 1) for i in range(20)}
        for name, shift in (("a", 0), ("b", 1), ("c", 2))
    }
    rows = compare(methods)
    assert [(row.a, row.b) for row in rows] == [("a", "b"), ("a", "c"), ("b", "c")]
    smallest = min(rows, key=lambda row: row.p)
    assert smallest.p_holm == pytest.approx(3 * smallest.p)
    assert all(row.p <= row.p_holm <= 1 for row in rows)
