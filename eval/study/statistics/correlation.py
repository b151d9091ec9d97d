"""Do objective metrics agree with raters: rank correlation of scores with MOS."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import scipy  # its parts load when they are first used: scipy.stats takes half a second

from eval.scoring.metrics import METRICS, Metric
from lipsync.errors import ConfigError
from lipsync.texts import Message

LEVEL = 0.95
FEWEST = 5  # clips; below, no rank correlation says anything
# Columns of a table of scores that name or explain a row.
NO_METRIC = {"item", "method", "control", "generated", "reference", "offset of each track", "reason"}

Clip = tuple[str, str]  # item and method
Scores = Mapping[str, Mapping[Clip, float]]  # metric label -> clip -> score


@dataclass(frozen=True)
class StudyScores:
    """What metrics say of the clips of a study.

    Attributes:
        values: heading of a metric to the score of each clip.
        metrics: heading to the name in `eval.scoring.metrics`; without those that it does not know.
        settings: heading to the ways in which its clips were scored (`eval.scoring.protocol.settings_of`):
            several where they differ, none where a table does not say.
    """

    values: Scores = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Correlation:
    """One metric against the MOS of one question, clip by clip or method by method.

    Of a metric that should be zero its size without sign is taken.

    Attributes:
        question: key.
        metric: label, as in the table of scores.
        better: "higher", "lower" or "zero"; empty where the metric is unknown. A metric whose lower values
            are better should correlate negatively.
        clips: with a score and a MOS.
        methods: that were correlated; 0: the clips were.
        spearman, spearman_p: Spearman's ρ, ties by mean ranks, two-sided p.
        low, high: 95 % interval of ρ; None where there are too few items for one, or the clips are in perfect
            order, of which Fisher's z is not finite.
        kendall, kendall_p: Kendall's τ-b, two-sided p.
        kendall_low, kendall_high: 95 % interval of τ-b.
        reason: a sentence where there is no value; else empty.
    """

    question: str
    metric: str
    better: str
    clips: int
    methods: int = 0
    spearman: float | None = None
    spearman_p: float | None = None
    low: float | None = None
    high: float | None = None
    kendall: float | None = None
    kendall_p: float | None = None
    kendall_low: float | None = None
    kendall_high: float | None = None
    reason: str = ""


def correlate(
    question: str, metric: str, scores: Mapping[Clip, float], mos: Mapping[Clip, float]
) -> Correlation:
    """Spearman's and Kendall's correlation of a metric with MOS, clip by clip.

    Intervals are Fisher's z with the variances of Bonett & Wright (2000), which for τ is that of Fieller,
    Hartley & Pearson (1957); p and intervals take the clips for independent.
    """
    both = [clip for clip in mos if clip in scores]
    better = direction(metric)
    if len(both) < FEWEST:
        reason = Message("correlation.few_clips", count=len(both), fewest=FEWEST)
        return Correlation(question, metric, better, len(both), reason=reason)
    x = sizes([scores[clip] for clip in both], better)
    y = np.array([mos[clip] for clip in both])
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        reason = Message("correlation.scores_equal" if np.ptp(x) == 0 else "correlation.marks_equal")
        return Correlation(question, metric, better, len(both), reason=reason)
    rho, rho_p = (float(value) for value in scipy.stats.spearmanr(x, y))
    tau, tau_p = (float(value) for value in scipy.stats.kendalltau(x, y))
    low, high = _interval(rho, (1 + rho**2 / 2) / (len(both) - 3))
    kendall_low, kendall_high = _interval(tau, 0.437 / (len(both) - 4))
    return Correlation(
        question, metric, better, len(both), 0, rho, rho_p, low, high, tau, tau_p, kendall_low, kendall_high
    )


def sizes(scores: Sequence[float], better: str) -> np.ndarray:
    """Scores as they are correlated: without sign where zero is best."""
    return np.abs(scores) if better == "zero" else np.array(scores, float)


def _interval(coefficient: float, variance: float) -> tuple[float, float] | tuple[None, None]:
    """95 % interval by Fisher's z of that variance."""
    if abs(coefficient) > 1 - 1e-9:
        return None, None
    error = math.sqrt(variance) * scipy.stats.norm.ppf((1 + LEVEL) / 2)
    return math.tanh(math.atanh(coefficient) - error), math.tanh(math.atanh(coefficient) + error)


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


def metric_of(label: str) -> Metric | None:
    """The metric of a heading; "(own expert)" and the like do not matter. None: nobody knows it."""
    metrics = METRICS.all()
    exact = (metric for metric in metrics if label in (metric.name, metric.label))
    return next(exact, None) or next((m for m in metrics if label.startswith(f"{m.label} (")), None)


def direction(label: str) -> str:
    """Which way a metric is better, by its heading; empty where it is unknown."""
    metric = metric_of(label)
    return "" if metric is None else metric.direction
