"""Do objective metrics rank methods as raters do: rank correlation of the methods' means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import permutations

import numpy as np
import scipy  # its parts load when they are first used: scipy.stats takes half a second

from eval.study.statistics.correlation import LEVEL, Clip, Correlation, direction, sizes
from lipsync.texts import Message

FEWEST_METHODS = 3  # two are always in perfect order or in reverse
FEWEST_ITEMS = 5  # for an interval over other items
EXACT = 7  # methods up to which all orders are tried
ORDERS = 9999  # drawn at random beyond
RESAMPLES = 2000
DIGITS = 9  # sums in another order must not break ties


def correlate_methods(
    question: str, metric: str, scores: Mapping[Clip, float], mos: Mapping[Clip, float], seed: int = 0
) -> Correlation:
    """Spearman's and Kendall's correlation of the methods' mean scores with their MOS.

    Both means are over the clips that have a score and a MOS. p is that of the permutation test: the share
    of orders of the methods with at least this correlation, of all orders up to 7 methods, else of 9,999
    drawn ones and the one found (Phipson & Smyth 2010). The interval is the percentile bootstrap over items,
    all methods of an item together: it speaks of other items and the same methods, not of other methods.
    There is none with fewer than 5 items.

    Args:
        question, metric: as in :class:`Correlation`.
        scores, mos: of the clips.
        seed: of the random draws.
    """
    better = direction(metric)
    both = [clip for clip in mos if clip in scores]
    items, methods = (list(dict.fromkeys(clip[place] for clip in both)) for place in (0, 1))
    counts = (len(both), len(methods))
    if len(methods) < FEWEST_METHODS:
        reason = Message("correlation.methods_needed", count=len(methods), fewest=FEWEST_METHODS)
        return Correlation(question, metric, better, *counts, reason=reason)
    tables = np.full((2, len(items), len(methods)), np.nan)
    for clip, size in zip(both, sizes([scores[clip] for clip in both], better), strict=True):
        tables[:, items.index(clip[0]), methods.index(clip[1])] = size, mos[clip]
    rng = np.random.default_rng(seed)
    limits = _intervals(tables, rng)
    start = Correlation(question, metric, better, *counts)
    x, y = np.nanmean(tables, 1)
    return _correlated(start, x, y, limits, rng)


def correlate_strengths(
    question: str, metric: str, scores: Mapping[Clip, float], strengths: Mapping[str, float], seed: int = 0
) -> Correlation:
    """The same of a study of pairs, with the methods' strengths in the place of MOS and without an interval.

    Args:
        strengths: of the methods, from the votes.
    """
    better = direction(metric)
    by_method = {m: [s for (_, name), s in scores.items() if name == m] for m in strengths}
    methods = [method for method, found in by_method.items() if found]
    counts = (sum(map(len, by_method.values())), len(methods))
    if len(methods) < FEWEST_METHODS:
        reason = Message("correlation.methods_needed", count=len(methods), fewest=FEWEST_METHODS)
        return Correlation(question, metric, better, *counts, reason=reason)
    x = np.array([sizes(by_method[method], better).mean() for method in methods])
    y = np.array([strengths[method] for method in methods])
    start = Correlation(question, metric, better, *counts)
    return _correlated(start, x, y, (None,) * 4, np.random.default_rng(seed))


def _correlated(
    start: Correlation,
    x: np.ndarray,
    y: np.ndarray,
    limits: tuple[float | None, ...],
    rng: np.random.Generator,
) -> Correlation:
    """With the coefficients of the methods' (M,) means, or the reason why there are none."""
    x, y = np.round(x, DIGITS), np.round(y, DIGITS)
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        reason = Message("correlation.means_equal" if np.ptp(x) == 0 else "correlation.mos_equal")
        return replace(start, reason=reason)
    rho, tau = rank_correlations(x[None], y[None])[:, 0]
    rho_p, tau_p = _permuted_p(x, y, rng)
    low, high, kendall_low, kendall_high = limits
    return replace(
        start, spearman=float(rho), spearman_p=rho_p, low=low, high=high, kendall=float(tau),
        kendall_p=tau_p, kendall_low=kendall_low, kendall_high=kendall_high,
    )  # fmt: skip


def rank_correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(2, N) Spearman's ρ and Kendall's τ-b of the rows of two (N, M) arrays; NaN where all are equal."""
    ranks = [scipy.stats.rankdata(side, axis=1) for side in (x, y)]
    first, second = np.triu_indices(x.shape[1], 1)
    signs = [np.sign(side[:, first] - side[:, second]) for side in (x, y)]
    centred = [side - side.mean(1, keepdims=True) for side in ranks]
    with np.errstate(invalid="ignore"):
        return np.stack([
            (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1)) for a, b in (centred, signs)
        ])  # fmt: skip


def _permuted_p(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """Two-sided p of ρ and τ."""
    count = len(x)
    if count <= EXACT:
        orders = np.array(list(permutations(range(count))))  # the first is the one found
    else:
        drawn = rng.permuted(np.tile(np.arange(count), (ORDERS, 1)), axis=1)
        orders = np.vstack([np.arange(count), drawn])
    found = np.abs(rank_correlations(np.broadcast_to(x, orders.shape), y[orders]))
    rho_p, tau_p = (found >= found[:, :1] - 1e-9).mean(1)
    return float(rho_p), float(tau_p)


def _intervals(
    tables: np.ndarray, rng: np.random.Generator
) -> tuple[float, float, float, float] | tuple[None, None, None, None]:
    """Limits of ρ, then of τ, from (2, items, methods) scores and MOS with NaN where a clip is missing."""
    items = tables.shape[1]
    if items < FEWEST_ITEMS:
        return None, None, None, None
    drawn = rng.multinomial(items, np.full(items, 1 / items), RESAMPLES).astype(float)
    there = drawn @ ~np.isnan(tables[0])
    whole = there.all(1)  # others lack a method altogether
    x, y = (np.round((drawn @ np.nan_to_num(table))[whole] / there[whole], DIGITS) for table in tables)
    found = rank_correlations(x, y)
    found = found[:, ~np.isnan(found).any(0)]
    if found.shape[1] < RESAMPLES / 2:
        return None, None, None, None
    (low, kendall_low), (high, kendall_high) = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1)
    return float(low), float(high), float(kendall_low), float(kendall_high)
