"""Correlation of metrics with MOS."""

from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from eval.study.statistics.correlation import correlate, read_scores
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


def test_interval_covers_the_true_rank_correlation():
    rng = np.random.default_rng(1)
    truth = 6 / np.pi * np.arcsin(0.6 / 2)  # Spearman's ρ of a bivariate normal with r = 0.6
    hits = 0
    for _ in range(600):
        x = rng.normal(size=24)
        y = 0.6 * x + 0.8 * rng.normal(size=24)
        said = correlate("q", "x", dict(zip(CLIPS, x, strict=True)), dict(zip(CLIPS, y, strict=True)))
        hits += said.low <= truth <= said.high
    assert 0.92 < hits / 600 < 0.98


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
    assert (perfect.spearman, perfect.low, perfect.high) == pytest.approx((1, 1, 1))


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
