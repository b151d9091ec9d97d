"""Do methods differ: Friedman's test, Wilcoxon's for each pair, and how many raters a test needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # its parts load when they are first used: scipy.stats takes half a second

from eval.functional.aggregate import Comparison, compare
from eval.study.statistics.marks import Marks

ALPHA = 0.05
POWER = 0.8
MOST = 10_000  # raters; a study that needs more will not be made
DIGITS = 9  # means that are equal up to rounding errors are ties


@dataclass(frozen=True)
class Friedman:
    """Friedman's test that all methods are alike, raters as blocks, ties corrected.

    Attributes:
        raters: who rated every method; the others cannot enter.
        methods: how many were compared.
        chi2: statistic with methods - 1 degrees of freedom.
        p: of the χ² approximation.
        w: Kendall's W, chi2 / (raters · (methods - 1)): 1 where all raters rank alike, 0 where at random.
    """

    raters: int
    methods: int
    chi2: float
    p: float
    w: float


@dataclass(frozen=True)
class Contrast:
    """Two methods rated by the same people.

    Attributes:
        test: Wilcoxon's signed-rank test on the raters' mean marks, Holm-corrected over all pairs; its
            ``pairs`` are raters with marks for both, its ``left_out`` those with marks for one.
        needed: raters for a power of 80 % at p < 0.05 (two-sided, this pair alone), if the true difference is
            the observed one; None where there is no difference, no spread, or 10,000 are too few.
    """

    test: Comparison
    needed: int | None

    @property
    def more(self) -> int | None:
        """Raters still missing; 0 where there are enough."""
        return None if self.needed is None else max(0, self.needed - self.test.pairs)


def rater_scores(marks: Marks, methods: Sequence[str]) -> dict[str, dict[str, float | None]]:
    """For each method the score of each rater: mean mark, corrected for which clips the rater saw.

    The mean over methods of an item's clips is taken off every mark of the item, and the mean of all items
    put back. Where everybody saw everything this is the plain mean up to one constant.
    """
    rows = [row for row, method in enumerate(marks.methods) if method in methods]
    by_item: dict[str, list[float]] = {}
    for row in rows:
        by_item.setdefault(marks.items[row], []).append(float(np.nanmean(marks.values[row])))
    item_mean = {item: float(np.mean(means)) for item, means in by_item.items()}
    grand = float(np.mean(list(item_mean.values()))) if item_mean else 0.0
    found: dict[str, dict[str, float | None]] = {}
    for method in methods:
        own = [row for row in rows if marks.methods[row] == method]
        level = np.array([item_mean[marks.items[row]] for row in own])[:, None]
        values = marks.values[own] - level + grand if own else np.empty((0, len(marks.raters)))
        found[method] = {
            rater: float(np.nanmean(column))
            for rater, column in zip(marks.raters, values.T, strict=True)
            if not np.isnan(column).all()
        }
    return found


def friedman(scores: Mapping[str, Mapping[str, float | None]]) -> Friedman | None:
    """Friedman's test (1937) over the raters who rated all methods.

    Args:
        scores: from :func:`rater_scores`.

    Returns:
        None with fewer than three methods, fewer than two such raters, or where all are rated alike.
    """
    if len(scores) < 3:
        return None
    both = sorted(set.intersection(*(set(by_rater) for by_rater in scores.values())))
    table = np.array([[by_rater[rater] for by_rater in scores.values()] for rater in both], np.float64)
    table = table.round(DIGITS)
    if len(both) < 2 or (np.ptp(table, axis=1) == 0).all():
        return None
    result = scipy.stats.friedmanchisquare(*table.T)
    chi2 = float(result.statistic)
    agreed = chi2 / (len(both) * (len(scores) - 1))
    return Friedman(len(both), len(scores), chi2, float(result.pvalue), agreed)


def contrasts(scores: Mapping[str, Mapping[str, float | None]]) -> tuple[Contrast, ...]:
    """Every two methods that raters have in common; see :class:`Contrast`."""
    found = []
    for test in compare(scores):
        a, b = scores[test.a], scores[test.b]
        apart = np.array([a[rater] - b[rater] for rater in a if rater in b], np.float64)  # type: ignore[operator]
        found.append(Contrast(test, raters_needed(apart) if len(apart) > 1 else None))
    return tuple(contrast for contrast in found if contrast.test.pairs)


def raters_needed(differences: np.ndarray, power: float = POWER, alpha: float = ALPHA) -> int | None:
    """Raters with which a paired t test finds the mean of these differences with the given power.

    The t test stands for Wilcoxon's, which needs about 5 % more for normal differences (efficiency 3/π).
    Power by the noncentral t distribution; the observed difference and spread are taken for the true ones,
    so this is a plan, not a finding.

    Args:
        differences: (raters,) two or more.

    Returns:
        2 or more; None without a difference or a spread, or beyond `MOST`.
    """
    mean, spread = float(np.mean(differences)), float(np.std(differences, ddof=1))
    if not abs(mean) > 1e-9 or not spread > 1e-9:
        return None
    effect = abs(mean) / spread
    known_spread = float(((scipy.stats.norm.ppf(1 - alpha / 2) + scipy.stats.norm.ppf(power)) / effect) ** 2)
    if known_spread > MOST:
        return None
    # Not knowing the spread costs a few raters more than the normal approximation says.
    raters = np.arange(max(2, int(known_spread)), int(known_spread) + 30)
    limit = scipy.stats.t.ppf(1 - alpha / 2, raters - 1)
    enough = raters[scipy.stats.nct.sf(limit, raters - 1, effect * np.sqrt(raters)) >= power]
    return int(enough[0]) if len(enough) and enough[0] <= MOST else None
