"""Mean opinion scores with intervals clustered by rater."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy  # its parts load when they are first used: scipy.stats takes half a second

from eval.study.statistics.marks import HIGHEST, LOWEST

LEVEL = 0.95
REFERENCE_GRADE = 5.0  # a clip that equals its hidden reference gets this difference mark (P.910, 8.2)
# Beyond so many raters the degrees of freedom are those of all raters but one: t no longer changes.
MANY = 200


@dataclass(frozen=True)
class Opinion:
    """The ratings of one method in one question, summarised.

    Attributes:
        marks, raters, clips: how many of each; ``marks`` is the papers' n.
        mos: mean over the clips of the mean mark of each clip, so that a clip that was shown more often
            weighs no more; None without a mark. With equally many marks per clip it is the plain mean.
        margin: half the width of the 95 % interval for other raters of the same clips, before it is cut at
            the ends of the scale; None where no clip has two raters or where all marks are equal.
        low, high: that interval.
        wide_low, wide_high: 95 % interval for other raters *and* other clips of this kind; None also with
            one clip.
        sd: standard deviation of the single marks (divisor n - 1); None with one mark.
        histogram: how often each mark from 1 to 5 was given; empty for differences.
    """

    marks: int
    raters: int
    clips: int
    mos: float | None
    margin: float | None = None
    low: float | None = None
    high: float | None = None
    wide_low: float | None = None
    wide_high: float | None = None
    sd: float | None = None
    histogram: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Spread:
    """Variances of a mean over clips, with their degrees of freedom."""

    raters: float
    raters_freedom: float
    both: float | None
    both_freedom: float


def opinion(values: np.ndarray) -> Opinion:
    """MOS of one method with its intervals, see :class:`Opinion`.

    Args:
        values: (clips, raters) marks 1-5, NaN where missing.
    """
    seen = values[~np.isnan(values)]
    histogram = tuple(int((seen == mark).sum()) for mark in range(LOWEST, HIGHEST + 1))
    return _opinion(values, (LOWEST, HIGHEST), histogram)


def difference_marks(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Difference marks against the hidden reference (ITU-T P.910, 8.2, ACR-HR): V(clip) - V(reference) + 5.

    Args:
        values: (clips, raters) marks 1-5 of a method.
        reference: the same shape: what the same rater gave to the reference of the same item.

    Returns:
        (clips, raters) in 1-9, NaN where either is missing. Above 5: better than the reference; P.910
        counts such marks as valid, and they are not pressed down here.
    """
    return values - reference + REFERENCE_GRADE


def difference_opinion(differences: np.ndarray) -> Opinion:
    """DMOS: what :func:`opinion` is to marks, for difference marks in 1-9."""
    return _opinion(differences, (LOWEST, 2 * HIGHEST - LOWEST), ())


def _opinion(values: np.ndarray, ends: tuple[int, int], histogram: tuple[int, ...]) -> Opinion:
    values = values[~np.isnan(values).all(1)] if values.size else values.reshape(0, 0)
    values = values[:, ~np.isnan(values).all(0)]
    seen = values[~np.isnan(values)]
    raters = values.shape[1]
    if not len(seen):
        return Opinion(0, 0, 0, None, histogram=histogram)
    mos = float(np.nanmean(values, 1).mean())
    sd = float(seen.std(ddof=1)) if len(seen) > 1 else None
    plain = Opinion(len(seen), raters, len(values), mos, sd=sd, histogram=histogram)
    spread = _spread(values)
    if spread is None:
        return plain
    margin = _margin(spread.raters, spread.raters_freedom)
    wide = None if spread.both is None else _margin(spread.both, spread.both_freedom)
    return Opinion(
        plain.marks, raters, plain.clips, mos, margin,
        max(ends[0], mos - margin), min(ends[1], mos + margin),
        None if wide is None else max(ends[0], mos - wide),
        None if wide is None else min(ends[1], mos + wide),
        sd, histogram,
    )  # fmt: skip


def _margin(variance: float, freedom: float) -> float:
    return float(scipy.stats.t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(variance))


def _spread(values: np.ndarray) -> _Spread | None:
    """Variance of the mean over clips of the clips' means; None where it cannot be known.

    Raters are clusters (Liang & Zeger 1986): each contributes one sum of its marks' distances from the
    means of the clips. The sum of their squares is scaled to be unbiased, and given the degrees of freedom
    of Bell & McCaffrey (2002), under a model in which every rater has a bias of his own; the share of
    that bias is estimated by the method of moments (Pustejovsky & Tipton 2018 on such working models).
    Clips are fixed. Where everybody saw everything this is exactly the t interval of the raters' means.

    With clips drawn at random too, the variance of true clip means, again by moments, is added, with
    Satterthwaite's (1946) degrees of freedom (Clark 1973: language as a fixed effect).

    Args:
        values: (clips, raters), no clip without a mark.
    """
    there = ~np.isnan(values)
    clips = len(values)
    per_clip = there.sum(1)
    if per_clip.max() < 2:
        return None
    means = np.nanmean(values, 1)
    off = np.where(there, values - means[:, None], 0.0)
    if not off.any():
        return None
    weights = there / (clips * per_clip[:, None])
    bias, noise = _components(off, there, per_clip)
    sums = (weights * off).sum(0)
    expected, freedom = _expectation(weights, there, per_clip, bias, noise)
    target = noise * (weights**2).sum() + bias * (weights.sum(0) ** 2).sum()
    raters = float((sums**2).sum() * target / expected)
    if not raters > 0:
        return None
    if clips < 2:
        return _Spread(raters, freedom, None, 0.0)
    together = there.astype(float) @ there.T
    shared = together / np.outer(per_clip, per_clip)
    apart = (shared.sum() - np.trace(shared)) / (clips * (clips - 1))
    between = float(means.var(ddof=1))
    true_spread = max(0.0, between - ((bias + noise) * (1 / per_clip).mean() - bias * apart))
    both = raters + true_spread / clips
    parts = raters**2 / freedom + (between / clips) ** 2 / (clips - 1)
    return _Spread(raters, freedom, both, both**2 / parts if true_spread else freedom)


def _components(off: np.ndarray, there: np.ndarray, per_clip: np.ndarray) -> tuple[float, float]:
    """Variances of a rater's bias and of a single mark around it, from distances to the clips' means."""
    total = float((off**2).sum() / (there.sum() - len(per_clip)))
    together = there.astype(float) @ there.T
    inverse = 1 / per_clip
    factor = 1 - inverse[:, None] - inverse[None, :] + together * np.outer(inverse, inverse)
    pairs = together * factor
    pairs_sum = float(pairs.sum() - np.trace(pairs))
    if pairs_sum <= 1e-9:  # nobody rated two clips: bias and noise cannot be separated, nor need be
        return 0.0, total
    products = float((off.sum(0) ** 2).sum() - (off**2).sum())
    bias = min(max(products / pairs_sum, 0.0), total)
    return bias, total - bias


def _expectation(
    weights: np.ndarray, there: np.ndarray, per_clip: np.ndarray, bias: float, noise: float
) -> tuple[float, float]:
    """Expected sum of the raters' squared sums under the working model, and its degrees of freedom."""
    raters = there.shape[1]
    if len(there) == 1:  # one mark each: the textbook's variance of a mean
        return (noise + bias) * (raters - 1) / raters**2, raters - 1.0
    spread = weights / per_clip[:, None]  # how another's mark of a clip enters a rater's sum
    total = weights.sum(0)
    by_noise = (weights**2).sum() - (spread * weights).sum()
    shared = ((spread @ spread.T) * (there.astype(float) @ there.T)).sum()
    by_bias = (total**2).sum() - 2 * (total * spread.sum(0)).sum() + shared
    expected = float(noise * by_noise + bias * by_bias)
    if raters > MANY:
        return expected, raters - 1.0
    # Covariance of the raters' sums.
    from_noise = np.diag((weights**2).sum(0)) - spread.T @ weights
    from_bias = np.diag(total) - spread.T @ there
    gram = noise * from_noise + bias * from_bias @ from_bias.T
    return expected, float(np.trace(gram) ** 2 / (gram**2).sum())
