"""MOS corrected for the raters' biases and weighted by their consistency."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ROUNDS = 1000
STILL = 1e-8  # change of all clips' scores together at which the solution stands
NO_NOISE = 1e-8  # added to variances, so that the weight of a rater without any noise is finite
# As many marks of a rater as the panel's inconsistency is worth when a rater's own is estimated.
PRIOR_MARKS = 8


@dataclass(frozen=True, eq=False)
class Corrected:
    """Estimates of the model of ITU-T P.913 (06/2021), 12.6: mark = quality + rater's bias + rater's noise.

    Attributes:
        quality: (clips,) corrected MOS; NaN for clips without a mark.
        error: (clips,) standard error of each; NaN with fewer than two marks.
        bias: (raters,) how much higher than the panel a rater marks; the mean is 0.
        inconsistency: (raters,) standard deviation of a rater's marks around quality + bias.
    """

    quality: np.ndarray
    error: np.ndarray
    bias: np.ndarray
    inconsistency: np.ndarray


def corrected_mos(values: np.ndarray, shrink: bool = False) -> Corrected:
    """Corrected MOS by alternating projection (P.913, 12.6; Li, Bampis, Krasula et al. 2020).

    In turns until nothing moves: each rater's inconsistency from the residuals, each clip's quality as the
    mean of the marks less the biases, weighted by 1 / inconsistency², and each rater's bias as the mean
    distance to the qualities.

    P.913 thinks of raters who see every clip. Where each sees a part, its estimates of a rater are so
    noisy that the corrected MOS can be worse than the plain one, and a rater with one mark has residual 0
    and decides alone. With ``shrink`` the estimates of a rater are drawn towards the panel, the less the more
    marks there are: the variance as if `PRIOR_MARKS` marks came from the pooled variance, the bias by the
    ratio of variances (best linear prediction, Robinson 1991). That departs from P.913.

    Args:
        values: (clips, raters), NaN where missing; every rater has a mark.
        shrink: draw estimates of raters towards the panel; False: P.913's solution.
    """
    there = ~np.isnan(values)
    if not there.any():
        empty = np.full(values.shape[0], np.nan), np.full(values.shape[1], np.nan)
        return Corrected(empty[0], empty[0], empty[1], empty[1])
    marks = np.where(there, values, 0.0)
    per_rater = there.sum(0)
    per_clip = np.maximum(1, there.sum(1))
    quality = marks.sum(1) / per_clip
    bias = (marks - quality[:, None] * there).sum(0) / per_rater
    for _ in range(ROUNDS):
        before = quality
        squares = (np.where(there, marks - quality[:, None] - bias, 0.0) ** 2).sum(0)
        variance = _shrunk_variance(squares, there) if shrink else squares / per_rater
        weights = there / (variance + NO_NOISE)
        quality = (weights * (marks - bias)).sum(1) / np.where(there.any(1), weights.sum(1), 1.0)
        bias = ((marks - quality[:, None]) * there).sum(0) / per_rater
        if shrink:
            bias = _shrunk_bias(bias, variance, per_rater)
        if np.linalg.norm(quality - before) < STILL:
            break
    residuals = np.where(there, marks - quality[:, None] - bias, 0.0)
    by_clip = (residuals**2).sum(1) / per_clip - (residuals.sum(1) / per_clip) ** 2
    shift = bias.mean()
    return Corrected(
        quality=np.where(there.any(1), quality + shift, np.nan),
        error=np.where(per_clip > 1, np.sqrt(np.maximum(by_clip, 0.0) / per_clip), np.nan),
        bias=bias - shift,
        inconsistency=np.sqrt(variance),
    )


def _shrunk_variance(squares: np.ndarray, there: np.ndarray) -> np.ndarray:
    """(raters,) variances, with the pooled one as prior; degrees of freedom are shared out by marks."""
    marks = there.sum()
    freedom = max(1, marks - there.shape[0] - there.shape[1] + 1)
    pooled = max(squares.sum() / freedom, 1e-12)
    own = there.sum(0) * freedom / marks
    return (PRIOR_MARKS * pooled + squares) / (PRIOR_MARKS + own)


def _shrunk_bias(bias: np.ndarray, variance: np.ndarray, per_rater: np.ndarray) -> np.ndarray:
    """(raters,) biases with mean 0, drawn towards it by what their noise adds to their spread."""
    bias = bias - bias.mean()
    noise = variance / per_rater
    spread = max(float((bias**2).mean() - noise.mean()), 1e-9)
    bias = bias * spread / (spread + noise)
    return bias - bias.mean()
