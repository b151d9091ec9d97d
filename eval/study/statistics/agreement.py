"""How well raters agree: Krippendorff's alpha and intraclass correlations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy  # its parts load when they are first used: scipy.stats takes half a second

from eval.study.statistics.marks import HIGHEST, LOWEST
from lipsync.texts import Message

LEVEL = 0.95
RESAMPLES = 2000


@dataclass(frozen=True)
class Coefficient:
    """One coefficient of agreement: 1 is perfect, 0 what chance gives.

    Attributes:
        value: None where it cannot be computed.
        low, high: 95 % interval; None where there is none.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Agreement:
    """All measures of agreement in one question.

    Attributes:
        clips, raters, marks: how many entered: clips with at least two marks.
        complete: every rater saw every clip; otherwise the intervals of the ICCs are approximate.
        per_clip: raters per clip behind ``averages`` (their effective mean where cells are missing).
        alpha: Krippendorff's alpha, ordinal.
        singles: ICC(1,1), ICC(2,1), ICC(3,1): how far one rater can be trusted.
        averages: ICC(1,k), ICC(2,k), ICC(3,k): how far the mean of all raters of a clip can be trusted.
            ICC(2,k) is the one to print for raters who stand for others (Shrout & Fleiss 1979).
        reason: a sentence where there is no coefficient; else empty.
    """

    clips: int
    raters: int
    marks: int
    complete: bool
    per_clip: float | None
    alpha: Coefficient
    singles: tuple[Coefficient, Coefficient, Coefficient]
    averages: tuple[Coefficient, Coefficient, Coefficient]
    reason: str = ""


class MeanSquares(NamedTuple):
    """Of a two-way analysis of variance, named as by Shrout & Fleiss 1979."""

    msb: float  # between clips
    msj: float  # between raters
    mse: float  # the rest


NONE = Coefficient(None)
NO_PAIRS = Message("agreement.few_clips")
NO_SPREAD = Message("agreement.all_same")


def agreement(values: np.ndarray, seed: int = 0) -> Agreement:
    """Alpha and the six ICCs of a table of marks.

    Args:
        values: (clips, raters) marks, NaN where missing.
    """
    values = values[(~np.isnan(values)).sum(1) >= 2] if values.size else values.reshape(0, 0)
    values = values[:, ~np.isnan(values).all(0)]
    there = ~np.isnan(values)
    counts = len(values), values.shape[1], int(there.sum())
    trios = (NONE, NONE, NONE)
    if counts[0] < 2 or counts[1] < 2:
        return Agreement(*counts, False, None, NONE, trios, trios, NO_PAIRS)
    if np.nanmin(values) == np.nanmax(values):
        return Agreement(*counts, bool(there.all()), None, NONE, trios, trios, NO_SPREAD)
    singles, averages, per_clip = intraclass(values)
    alpha = krippendorff_alpha(values, seed)
    return Agreement(*counts, bool(there.all()), per_clip, alpha, singles, averages)


def krippendorff_alpha(values: np.ndarray, seed: int = 0) -> Coefficient:
    """Krippendorff's alpha for ordinal marks (Krippendorff 2004, ch. 11), clips as units.

    1 - observed / expected disagreement, both sums over pairs of marks of squared ordinal distances: of the
    ranks in between, the two marks themselves counted half. Missing marks are allowed. The interval is a
    percentile bootstrap over clips, the same for the same seed.

    Args:
        values: (clips, raters) whole marks 1-5, NaN where missing.

    Returns:
        value None where no clip has two marks, or where all marks in such clips are equal.
    """
    marks = np.arange(LOWEST, HIGHEST + 1)
    counts = (values[:, :, None] == marks).sum(1).astype(float)  # (clips, 5)
    counts = counts[counts.sum(1) >= 2]
    if not len(counts):
        return NONE
    pairable = counts.sum(1)
    # Each clip's coincidences: ordered pairs of its marks, each mark once in the sum.
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(len(marks))
    pairs = (pairs / (pairable - 1)[:, None, None]).reshape(len(counts), -1)
    (value,) = _alphas(pairs.sum(0)[None])
    if np.isnan(value):
        return NONE
    if len(counts) < 3:
        return Coefficient(float(value))
    drawn = np.random.default_rng(seed).multinomial(
        len(counts), np.full(len(counts), 1 / len(counts)), RESAMPLES
    )
    resampled = _alphas(drawn @ pairs)
    resampled = resampled[~np.isnan(resampled)]
    if len(resampled) < RESAMPLES / 2:
        return Coefficient(float(value))
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Coefficient(float(value), float(low), float(high))


def _alphas(coincidences: np.ndarray) -> np.ndarray:
    """(B,) alphas of (B, 25) coincidences; NaN where there is no variation."""
    size = HIGHEST - LOWEST + 1
    table = coincidences.reshape(-1, size, size)
    margins = table.sum(2)
    total = margins.sum(1)
    upto = margins.cumsum(1) - margins / 2  # rank in the middle of each mark
    distance = (upto[:, :, None] - upto[:, None, :]) ** 2
    observed = (table * distance).sum((1, 2)) / total
    expected = (margins[:, :, None] * margins[:, None, :] * distance).sum((1, 2)) / (total * (total - 1))
    varies = expected > 0
    return np.where(varies, 1 - observed / np.where(varies, expected, 1), np.nan)


def intraclass(
    values: np.ndarray,
) -> tuple[tuple[Coefficient, Coefficient, Coefficient], tuple[Coefficient, Coefficient, Coefficient], float]:
    """ICC(1,1), (2,1), (3,1), their averages over k raters, and k (Shrout & Fleiss 1979).

    Intervals: Shrout & Fleiss 1979; for ICC(2,·) McGraw & Wong 1996. Where marks are missing the mean
    squares are those of fitted constants (Henderson 1953, method 3) with the effective numbers of clips and
    raters of their expectations, so that the components of variance stay unbiased; intervals become
    approximate. Averages follow from the single ones by Spearman and Brown, at the effective mean number of
    raters per clip.

    Args:
        values: (clips, raters), at least two of each, not all equal; every clip has two marks, every rater
            one.
    """
    there = ~np.isnan(values)
    clips, raters, marks = len(values), values.shape[1], int(there.sum())
    within, additive, by_clip = _residuals(values, there)
    per_clip = float((marks - (there.sum(1) ** 2).sum() / marks) / (clips - 1))
    msw = within / (marks - clips)
    one = _ratio(by_clip[0] / (clips - 1), msw, per_clip, clips - 1, marks - clips)
    left = marks - clips - raters + 1
    if left < 1:  # as many constants as marks: bias and noise cannot be separated
        two = three = NONE
    else:
        k, n = (marks - raters) / (clips - 1), (marks - clips) / (raters - 1)
        mse, msb = additive / left, by_clip[1] / (clips - 1)
        msj = max(0.0, (within - additive) / (raters - 1))
        two = _two_way(MeanSquares(msb, msj, mse), k, n, clips - 1, raters - 1)
        three = _ratio(msb, mse, k, clips - 1, left)
    singles = one, two, three
    return singles, (_average(one, per_clip), _average(two, per_clip), _average(three, per_clip)), per_clip


def _residuals(values: np.ndarray, there: np.ndarray) -> tuple[float, float, tuple[float, float]]:
    """Sums of squares: within clips; after clips and raters; of clips alone, and of clips after raters."""
    filled = np.where(there, values, 0.0)
    grand = filled.sum() / there.sum()
    filled = np.where(there, values - grand, 0.0)
    total = float((filled**2).sum())
    rows, columns = there.sum(1), there.sum(0)
    row_sums, column_sums = filled.sum(1), filled.sum(0)
    of_clips = float((row_sums**2 / rows).sum())
    of_raters = float((column_sums**2 / columns).sum())
    # Normal equations of the raters after the clips are taken out.
    laplace = np.diag(columns.astype(float)) - there.T @ (there / rows[:, None])
    right = column_sums - there.T @ (row_sums / rows)
    raters_after = float(right @ np.linalg.lstsq(laplace, right, rcond=None)[0])
    additive = max(0.0, total - of_clips - raters_after)
    return total - of_clips, additive, (of_clips, max(0.0, total - of_raters - additive))


def _ratio(between: float, rest: float, k: float, first: float, second: float) -> Coefficient:
    """ICC(1,1) or ICC(3,1) from two mean squares with their degrees of freedom."""
    if not between + rest > 0:
        return NONE
    value = (between - rest) / (between + (k - 1) * rest)
    if not between > 0 or not rest > 0:
        return Coefficient(float(value))
    # Ends of the interval of the ratio of expected mean squares.
    ends = (
        between / rest / scipy.stats.f.ppf((1 + LEVEL) / 2, first, second),
        between / rest * scipy.stats.f.ppf((1 + LEVEL) / 2, second, first),
    )
    return Coefficient(float(value), *(float((end - 1) / (end + k - 1)) for end in ends))


def _two_way(squares: MeanSquares, k: float, n: float, first: float, second: float) -> Coefficient:
    """ICC(2,1) of k raters and n clips; degrees of freedom of the clips, then of the raters."""
    msb, msj, mse = squares
    scale = msb + (k - 1) * mse + k * (msj - mse) / n
    if not scale > 0:
        return NONE
    value = (msb - mse) / scale
    if not mse > 0 or abs(1 - value) < 1e-12:
        return Coefficient(float(value))
    a = k * value / (n * (1 - value))
    b = 1 + k * value * (n - 1) / (n * (1 - value))
    parts = (a * msj) ** 2 / second + (b * mse) ** 2 / (first * second)
    if not parts > 0:
        return Coefficient(float(value))
    freedom = (a * msj + b * mse) ** 2 / parts
    upper = scipy.stats.f.ppf((1 + LEVEL) / 2, first, freedom)
    lower = scipy.stats.f.ppf((1 + LEVEL) / 2, freedom, first)
    rest = k * msj + (k * n - k - n) * mse
    if not (np.isfinite([upper, lower]).all() and upper * rest + n * msb > 0 and rest + n * lower * msb > 0):
        return Coefficient(float(value))
    low = n * (msb - upper * mse) / (upper * rest + n * msb)
    high = n * (lower * msb - mse) / (rest + n * lower * msb)
    return Coefficient(float(value), float(low), float(high))


def _average(single: Coefficient, k: float) -> Coefficient:
    """Reliability of the mean of k raters, by Spearman and Brown."""
    below = [1 + (k - 1) * end if end is not None else 0.0 for end in (single.value, single.low, single.high)]
    if single.value is None or below[0] <= 1e-9:
        return NONE
    value = k * single.value / below[0]
    if single.low is None or single.high is None or min(below) <= 1e-9:
        return Coefficient(value)
    return Coefficient(value, k * single.low / below[1], k * single.high / below[2])
