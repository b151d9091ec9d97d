"""From scores per video to statements about methods: means with intervals, paired tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

RESAMPLES = 10_000
LEVEL = 0.95
_EXACT = 50  # differences; beyond, the normal approximation is as good
# Resamples drawn at once: bounds the memory to a few tens of MB for any number of videos.
_CHUNK = 500


@dataclass(frozen=True)
class MeanScore:
    """One method's mean over videos.

    Attributes:
        mean: over the videos with a score; NaN if there is none.
        low, high: bootstrap 95 % interval of the mean; NaN with fewer than 2 scores.
        scored: videos with a score.
        failed: names of the videos without one. They belong to the method's videos and must be
            shown beside the mean, which leaves them out.
    """

    mean: float
    low: float
    high: float
    scored: int
    failed: tuple[str, ...]

    @property
    def videos(self) -> int:
        """All videos of the method, failed ones included."""
        return self.scored + len(self.failed)


@dataclass(frozen=True)
class Comparison:
    """Paired test of two methods on the videos both have scores for.

    Attributes:
        a, b: names of the methods.
        difference: mean of a − b over the pairs.
        pairs: videos compared.
        left_out: videos that only one of the two has a score for.
        p: two-sided p of Wilcoxon's signed-rank test; 1 if the methods never differ.
        p_holm: p after Holm's correction over all pairs of methods tested together.
    """

    a: str
    b: str
    difference: float
    pairs: int
    left_out: int
    p: float
    p_holm: float


def bootstrap_interval(
    values: np.ndarray, resamples: int = RESAMPLES, level: float = LEVEL, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean; the same seed gives the same interval.

    Args:
        values: (N,) one score per video, N ≥ 2.

    Raises:
        ValueError: with fewer than 2 values or with NaN among them.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or len(values) < 2 or np.isnan(values).any():
        raise ValueError("the bootstrap needs (N,) values, N of 2 or more, none missing")
    rng = np.random.default_rng(seed)
    means = [
        values[rng.integers(0, len(values), (min(_CHUNK, resamples - done), len(values)))].mean(1)
        for done in range(0, resamples, _CHUNK)
    ]
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def summarise(scores: Mapping[str, float | None], resamples: int = RESAMPLES, seed: int = 0) -> MeanScore:
    """Mean over videos with its interval; None or NaN marks a failed video.

    Args:
        scores: score of each video by name, of one method and one metric.
    """
    good = {video: score for video, score in scores.items() if _scored(score)}
    values = np.array(list(good.values()), np.float64)
    low, high = bootstrap_interval(values, resamples, seed=seed) if len(values) > 1 else (np.nan, np.nan)
    mean = float(values.mean()) if len(values) else np.nan
    return MeanScore(mean, low, high, len(values), tuple(video for video in scores if video not in good))


def compare(methods: Mapping[str, Mapping[str, float | None]]) -> list[Comparison]:
    """Every two methods, tested on the same videos.

    Wilcoxon's signed-rank test on the differences per video, Holm-corrected over all the pairs of
    methods. With 5 videos or fewer no difference can reach p < 0.05.

    Args:
        methods: for each method, the score of each video by name; None or NaN marks a failed one.
    """
    rows = []
    for a, b in combinations(methods, 2):
        in_a, in_b = ({v for v, score in methods[m].items() if _scored(score)} for m in (a, b))
        both = sorted(in_a & in_b)
        differences = np.array([methods[a][v] - methods[b][v] for v in both], np.float64)  # type: ignore[operator]
        rows.append((a, b, differences, len(in_a ^ in_b)))
    p_values = [signed_rank_p(differences) for _, _, differences, _ in rows]
    return [
        Comparison(a, b, float(d.mean()) if len(d) else np.nan, len(d), left_out, p, p_holm)
        for (a, b, d, left_out), p, p_holm in zip(rows, p_values, holm(p_values), strict=True)
    ]


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979); the i-th smallest of m is multiplied by m − i, kept rising."""
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p)
    corrected = np.empty_like(p)
    corrected[order] = np.maximum.accumulate(np.minimum(1.0, p[order] * np.arange(len(p), 0, -1)))
    return corrected.tolist()


def signed_rank_p(differences: np.ndarray) -> float:
    """Two-sided p of Wilcoxon's signed-rank test; exact up to 50 differences, ties included.

    Zeros are dropped, as Wilcoxon does; differences that are equal up to rounding errors are ties. scipy
    is exact with ties up to 13 differences only, and takes seconds for it.

    Args:
        differences: (N,) paired differences.

    Returns:
        1 where no pair differs.
    """
    from scipy import stats  # half a second, for tables of several methods alone

    if not differences.any():
        return 1.0
    scaled = np.round(differences / np.abs(differences).max(), 9)
    scaled = scaled[scaled != 0]
    if len(scaled) > _EXACT:
        return float(stats.wilcoxon(scaled, method="asymptotic").pvalue)
    doubled = (2 * stats.rankdata(np.abs(scaled))).astype(int)  # mean ranks of ties may be halves
    signs = np.zeros(doubled.sum() + 1)  # how many of the 2ᴺ signs give each sum of positive ranks
    signs[0] = 1
    for rank in doubled:
        signs[rank:] = signs[rank:] + signs[:-rank]
    away = np.abs(2 * np.arange(len(signs)) - doubled.sum())
    seen = abs(2 * doubled[scaled > 0].sum() - doubled.sum())
    return float(signs[away >= seen].sum() / 2.0 ** len(scaled))


def _scored(score: float | None) -> bool:
    return score is not None and not np.isnan(score)
