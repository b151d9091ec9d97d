"""Correlation of metrics with MOS."""

from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from eval.study.statistics.correlation import correlate, metric_of, read_scores
from eval.study.statistics.method_correlation import correlate_methods, correlate_strengths
from lipsync.errors import ConfigError

CLIPS = [(f"i{i}", m) for i in range(8) for m in ("a", "b", "c")]


def test_coefficients_equal_scipy_on_the_clips_that_have_both():
    rng = np.random.default_rng(0)
    mos = {clip: float(v) for clip, v in zip(CLIPS, rng.normal(3, 1, 24), strict=True)}
    scores = {clip: -2 * mos[clip] + rng.normal() for clip in CLIPS[:20]} | {("other", "a"): 1.0}
    said = correlate("sync", "LSE-D (own expert)", scores, mos)
    x, y = [scores[c] for c in CLIPS[:20]], [mos[c] for c in CLIPS[:20]]
    rho, tau = scipy.stats.spearmanr(x, y), scipy.stats.kendalltau(x, y)
    assert (said.spearman, said.spearman_p) == pytest.approx((rho.statistic, rho.pvalue))
    assert (said.kendall, said.kendall_p) == pytest.approx((tau.statistic, tau.pvalue))
    assert said.clips == 20
    assert said.better == "lower"
    assert -1 <= said.low < said.spearman < said.high <= 1
    assert -1 <= said.kendall_low < said.kendall < said.kendall_high <= 1


def test_an_offset_counts_by_its_size():
    rng = np.random.default_rng(2)
    mos = {clip: float(v) for clip, v in zip(CLIPS, rng.normal(3, 1, 24), strict=True)}
    early_or_late = {clip: (5 - mean) * rng.choice([-1, 1]) for clip, mean in mos.items()}
    said = correlate("sync", "Offset (own expert)", early_or_late, mos)
    assert (said.spearman, said.kendall, said.better) == (pytest.approx(-1), pytest.approx(-1), "zero")
    assert correlate_methods("sync", "Offset (own expert)", early_or_late, mos).spearman == pytest.approx(-1)


def test_headings_name_the_metric_that_they_are_of():
    names = {label: metric_of(label).name for label in ("PSNR (pooled)", "PSNR (dB)", "LMD (68)", "lse_d")}
    assert names == {
        "PSNR (pooled)": "psnr_pooled", "PSNR (dB)": "psnr", "LMD (68)": "lmd_all68", "lse_d": "lse_d",
    }  # fmt: skip
    assert metric_of("predicted MOS (sync; RMSE 0.4, n 36)") is None


def table_of(items: int, methods: int, seed: int) -> tuple[dict[tuple[str, str], float], ...]:
    """Scores and MOS of items × methods that agree halfway."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=methods)
    sides = [common + rng.normal(0, 0.7, methods) + rng.normal(0, 1, (items, methods)) for _ in range(2)]
    clips = [(f"i{i}", f"m{m}") for i in range(items) for m in range(methods)]
    return tuple(dict(zip(clips, map(float, side.ravel()), strict=True)) for side in sides)


@pytest.mark.parametrize("methods", [4, 6, 9])
def test_methods_are_ranked_as_scipy_ranks_their_means(methods: int):
    scores, mos = table_of(7, methods, methods)
    del scores["i0", "m0"]
    said = correlate_methods("sync", "SSIM", scores, mos)
    x, y = (
        [np.mean([v[c] for c in scores if c[1] == f"m{m}"]) for m in range(methods)] for v in (scores, mos)
    )
    assert (said.methods, said.clips) == (methods, 7 * methods - 1)
    assert said.spearman == pytest.approx(scipy.stats.spearmanr(x, y).statistic)
    assert said.kendall == pytest.approx(scipy.stats.kendalltau(x, y).statistic)
    for found, coefficient in (
        (said.spearman_p, scipy.stats.spearmanr),
        (said.kendall_p, scipy.stats.kendalltau),
    ):
        test = scipy.stats.permutation_test(
            (x,), lambda x, c=coefficient: abs(c(x, y).statistic), permutation_type="pairings",
            alternative="greater", vectorized=False, n_resamples=750, rng=0,
        )  # fmt: skip
        assert found == pytest.approx(test.pvalue, abs=1e-9 if methods < 6 else 0.05)


def test_the_interval_of_methods_is_a_bootstrap_over_whole_items():
    scores, mos = table_of(9, 6, 1)
    said = correlate_methods("sync", "SSIM", scores, mos)
    rng, found = np.random.default_rng(5), []
    for _ in range(1000):
        drawn = [f"i{i}" for i in rng.integers(0, 9, 9)]
        means = [[np.mean([v[i, f"m{m}"] for i in drawn]) for m in range(6)] for v in (scores, mos)]
        found.append([scipy.stats.spearmanr(*means).statistic, scipy.stats.kendalltau(*means).statistic])
    low, high = np.quantile(found, [0.025, 0.975], axis=0)
    assert (said.low, said.high) == (pytest.approx(low[0], abs=0.1), pytest.approx(high[0], abs=0.1))
    assert said.kendall_low == pytest.approx(low[1], abs=0.1)
    assert said.kendall_high == pytest.approx(high[1], abs=0.1)
    assert said.low < said.spearman < said.high


@pytest.mark.filterwarnings("error")
def test_few_methods_and_few_items_get_no_more_than_they_carry():
    scores, mos = table_of(4, 3, 0)
    three = correlate_methods("sync", "SSIM", mos, mos)
    assert three.spearman == pytest.approx(1)
    assert (three.spearman_p, three.low, three.kendall_high) == (pytest.approx(2 / 6), None, None)
    two = {clip: value for clip, value in scores.items() if clip[1] != "m2"}
    assert correlate_methods("sync", "SSIM", two, mos).reason == (
        "Methods with both scores and marks: 2; 3 are needed."
    )
    flat = dict.fromkeys(mos, 1.0)
    assert correlate_methods("sync", "SSIM", flat, mos).reason == "The mean scores of the methods are equal."
    assert correlate_methods("sync", "SSIM", mos, flat).reason == "The mean marks of the methods are equal."
    pairs = correlate_strengths("sync", "SSIM", mos, {"m0": 1.0, "m1": 3.0, "m2": 2.0, "m9": 0.0})
    means = [np.mean([mos[f"i{i}", f"m{m}"] for i in range(4)]) for m in range(3)]
    assert pairs.spearman == pytest.approx(scipy.stats.spearmanr(means, [1, 3, 2]).statistic)
    assert (pairs.methods, pairs.clips, pairs.low) == (3, 12, None)


def test_interval_covers_the_true_rank_correlation():
    rng = np.random.default_rng(1)
    truth = 6 / np.pi * np.arcsin(0.6 / 2)  # Spearman's ρ of a bivariate normal with r = 0.6
    tau = 2 / np.pi * np.arcsin(0.6)  # and Kendall's τ
    hits = tau_hits = 0
    for _ in range(600):
        x = rng.normal(size=24)
        y = 0.6 * x + 0.8 * rng.normal(size=24)
        said = correlate("q", "x", dict(zip(CLIPS, x, strict=True)), dict(zip(CLIPS, y, strict=True)))
        hits += said.low <= truth <= said.high
        tau_hits += said.kendall_low <= tau <= said.kendall_high
    assert 0.92 < hits / 600 < 0.98
    assert 0.92 < tau_hits / 600 < 0.98


@pytest.mark.filterwarnings("error")
def test_where_there_is_none_a_sentence_says_why():
    mos = dict.fromkeys(CLIPS, 3.0)
    rising = {clip: float(n) for n, clip in enumerate(CLIPS)}
    assert (
        correlate("q", "x", {CLIPS[0]: 1.0}, mos).reason
        == "Clips with both a score and marks: 1; 5 are needed."
    )
    assert correlate("q", "x", rising, mos).reason == "All mean marks are equal."
    assert correlate("q", "x", mos, rising).reason == "All scores are equal."
    perfect = correlate("q", "x", rising, rising)
    assert (perfect.spearman, perfect.kendall) == pytest.approx((1, 1))
    assert (perfect.low, perfect.high, perfect.kendall_low) == (None, None, None)


def test_reads_the_table_of_a_batch(tmp_path: Path):
    path = tmp_path / "videos.csv"
    path.write_text(
        "item,method,control,PSNR,LSE-D (own expert),offset of each track,reason\n"
        "i0,a,,24.5,1.03,-2 3,\ni1,a,,,inf,,no face\ni0,real,yes,100,1.1,1,\n"
    )
    assert read_scores(path) == {
        "PSNR": {("i0", "a"): 24.5, ("i0", "real"): 100.0},
        "LSE-D (own expert)": {("i0", "a"): 1.03, ("i0", "real"): 1.1},
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"", "item and method"),
        (b"clip,method,PSNR\nx,y,1\n", "item and method"),
        (b"item,method,PSNR\nx,y,\n", "no number"),
    ],
)
def test_a_table_that_is_none_gets_one_sentence(tmp_path: Path, content, words):
    path = tmp_path / "scores.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        read_scores(path)
