"""Do objective metrics agree with raters: rank correlation of scores with MOS."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy  # its parts load when they are first used: scipy.stats takes half a second

from eval.scoring.metrics import METRICS
from lipsync.errors import ConfigError
from lipsync.texts import Message

LEVEL = 0.95
FEWEST = 5  # clips; below, no rank correlation says anything
# Columns of a table of scores that name or explain a row.
NO_METRIC = {"item", "method", "control", "generated", "reference", "offset of each track", "reason"}

Scores = Mapping[str, Mapping[tuple[str, str], float]]  # metric label -> (item, method) -> score


@dataclass(frozen=True)
class Correlation:
    """One metric against the MOS of one question, clip by clip.

    Attributes:
        question: key.
        metric: label, as in the table of scores.
        better: "higher", "lower" or "zero"; empty where the metric is unknown. A metric whose lower values
            are better should correlate negatively.
        clips: with a score and a MOS.
        spearman, spearman_p: Spearman's ρ, ties by mean ranks, two-sided p.
        low, high: 95 % interval of ρ (Fisher's z with the variance of Bonett & Wright 2000).
        kendall, kendall_p: Kendall's τ-b, two-sided p.
        reason: a sentence where there is no value; else empty.
    """

    question: str
    metric: str
    better: str
    clips: int
    spearman: float | None = None
    spearman_p: float | None = None
    low: float | None = None
    high: float | None = None
    kendall: float | None = None
    kendall_p: float | None = None
    reason: str = ""


def correlate(
    question: str, metric: str, scores: Mapping[tuple[str, str], float], mos: Mapping[tuple[str, str], float]
) -> Correlation:
    """Spearman's and Kendall's correlation of a metric with MOS; (item, method) names a clip in both."""
    both = [clip for clip in mos if clip in scores]
    better = _better(metric)
    if len(both) < FEWEST:
        reason = Message("correlation.few_clips", count=len(both), fewest=FEWEST)
        return Correlation(question, metric, better, len(both), reason=reason)
    x = np.array([scores[clip] for clip in both])
    y = np.array([mos[clip] for clip in both])
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        reason = Message("correlation.scores_equal" if np.ptp(x) == 0 else "correlation.marks_equal")
        return Correlation(question, metric, better, len(both), reason=reason)
    rho, rho_p = (float(value) for value in scipy.stats.spearmanr(x, y))
    tau, tau_p = (float(value) for value in scipy.stats.kendalltau(x, y))
    low, high = _interval(rho, len(both))
    return Correlation(question, metric, better, len(both), rho, rho_p, low, high, tau, tau_p)


def _interval(rho: float, clips: int) -> tuple[float, float]:
    if abs(rho) > 1 - 1e-9:
        return rho, rho
    error = math.sqrt((1 + rho**2 / 2) / (clips - 3)) * scipy.stats.norm.ppf((1 + LEVEL) / 2)
    return math.tanh(math.atanh(rho) - error), math.tanh(math.atanh(rho) + error)


def read_scores(path: Path) -> dict[str, dict[tuple[str, str], float]]:
    """The scores in a table of ``python -m eval batch`` (``videos.csv``), or any CSV with item and method.

    Every other column with numbers is a metric; cells without a finite number are left out.

    Raises:
        ConfigError: the file cannot be read, or has no such columns.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise ConfigError("correlation.unreadable", path=path.name, problem=problem) from problem
    if not rows or not {"item", "method"} <= set(rows[0]):
        raise ConfigError("correlation.columns", path=path.name)
    scores: dict[str, dict[tuple[str, str], float]] = {}
    for row in rows:
        for name, cell in row.items():
            if name is None or name in NO_METRIC:
                continue
            value = _number(cell)
            if value is not None:
                scores.setdefault(name, {})[str(row["item"]), str(row["method"])] = value
    if not scores:
        raise ConfigError("correlation.no_number", path=path.name)
    return scores


def _number(cell: object) -> float | None:
    try:
        value = float(str(cell))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _better(label: str) -> str:
    """Which way a metric is better, by its heading; "(own expert)" and the like do not matter."""
    for name in METRICS:
        metric = METRICS.get(name)
        if label in (name, metric.label) or label.startswith(f"{metric.label} ("):
            return metric.direction
    return ""
