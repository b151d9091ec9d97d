"""Can metrics together predict MOS: a ridge regression, validated on items that it never saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import scipy  # its parts load when they are first used: scipy.stats takes half a second

from eval.scoring.metrics import METRICS
from eval.study.statistics.correlation import LEVEL, Clip, StudyScores, sizes
from eval.study.statistics.marks import HIGHEST, LOWEST
from eval.study.statistics.prediction.mos_model import FittedMetric, MosModel, PredictionError
from eval.study.statistics.prediction.ridge import Ridge, best_penalty, cross_validated, fit_ridge
from lipsync.texts import Message

FEWEST_VIDEOS = 30  # validated; below, no prediction is offered
FEWEST_ITEMS = 5  # to leave some out in turn, and for an interval of the error
COVERED = 0.9  # share of the rated videos that a metric must have a score of to take part
RESAMPLES = 2000


@dataclass(frozen=True)
class MosPrediction:
    """What the metrics of a study are worth together as a prediction of one question's MOS.

    Attributes:
        question: key.
        videos, items, methods: with a MOS and all the metrics that take part.
        error: from cross-validation; None where there are too few.
        model: the combination; only where it is offered.
        reason: why it is not; empty where it is.
        left_out: heading of a metric that takes no part, and why.
    """

    question: str
    videos: int
    items: int
    methods: int
    error: PredictionError | None = None
    model: MosModel | None = None
    reason: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Videos:
    """What is fitted: (N, F) scores, (N,) MOS, and the item and method of each row."""

    scores: np.ndarray
    mos: np.ndarray
    items: list[str]
    methods: list[str]


def predict_mos(
    question: str, scores: StudyScores, mos: Mapping[Clip, float], raters: int
) -> MosPrediction | None:
    """Validate a combination of metrics on a study; None where no rated clip has a score.

    All videos of an item are left out together, so that none is predicted by a regression that saw the same
    source under another method. The combination is offered where it was validated on 30 videos or more, its
    squared error is below that of predicting the mean (the 95 % bootstrap interval of the difference over
    items lies above 0), and it is known how the scores were made.

    Args:
        question: key.
        scores: of the clips; only metrics of `eval.scoring.metrics` take part.
        mos: of the rated clips, without the hidden reference.
        raters: whose marks are in it.
    """
    labels, left_out = _usable(scores, mos)
    clips = [clip for clip in mos if any(clip in scores.values[label] for label in scores.metrics)]
    if not clips:
        return None
    clips = [clip for clip in clips if all(clip in scores.values[label] for label in labels)]
    items, methods = ([clip[place] for clip in clips] for place in (0, 1))
    counts = (question, len(clips), len(set(items)), len(set(methods)))
    y = np.array([mos[clip] for clip in clips])
    reason = _impossible(labels, len(set(items)), y)
    if reason:
        return MosPrediction(*counts, reason=reason, left_out=left_out)
    columns = [_column(scores, label, clips) for label in labels]
    videos = _Videos(np.stack(columns, 1), y, items, methods)
    error, gain = _error(videos)
    reason = _refused(len(clips), gain, scores, labels)
    if reason:
        return MosPrediction(*counts, error, reason=reason, left_out=left_out)
    ridge = fit_ridge(videos.scores, y, best_penalty(videos.scores, y, items))
    metrics = _fitted(ridge, videos.scores, scores, labels)
    model = MosModel(question, raters, *counts[1:], ridge.intercept, ridge.penalty, metrics, error)
    return MosPrediction(*counts, error, model, left_out=left_out)


def _usable(scores: StudyScores, mos: Mapping[Clip, float]) -> tuple[list[str], Mapping[str, str]]:
    """Headings that take part, and why the others do not."""
    counts = {label: sum(clip in scores.values[label] for clip in mos) for label in scores.metrics}
    wanted = COVERED * max(counts.values(), default=0)
    used: list[str] = []
    left_out: dict[str, str] = {}
    for label, count in counts.items():
        values = _column(scores, label, [clip for clip in mos if clip in scores.values[label]])
        if count < wanted:
            left_out[label] = Message("predicted.few_scores", count=count, total=len(mos))
        elif np.ptp(values) == 0:
            left_out[label] = Message("correlation.scores_equal")
        elif len(scores.settings.get(label, ())) > 1:
            left_out[label] = Message("predicted.mixed")
        else:
            used.append(label)
    return used, left_out


def _column(scores: StudyScores, label: str, clips: Sequence[Clip]) -> np.ndarray:
    better = METRICS.get(scores.metrics[label]).direction
    return sizes([scores.values[label][clip] for clip in clips], better) if clips else np.zeros(1)


def _impossible(labels: Sequence[str], items: int, mos: np.ndarray) -> str:
    """Why nothing can be fitted."""
    if not labels:
        return Message("predicted.no_metric")
    if items < FEWEST_ITEMS:
        return Message("predicted.few_items", count=items, fewest=FEWEST_ITEMS)
    return Message("correlation.marks_equal") if np.ptp(mos) == 0 else ""


def _refused(videos: int, gain: float, scores: StudyScores, labels: Sequence[str]) -> str:
    """Why what was validated is not offered."""
    if videos < FEWEST_VIDEOS:
        return Message("predicted.few_videos", count=videos, fewest=FEWEST_VIDEOS)
    if not gain > 0:
        return Message("predicted.no_gain")
    if not all(scores.settings.get(label) for label in labels):
        return Message("predicted.no_protocol")
    return ""


def _error(videos: _Videos) -> tuple[PredictionError, float]:
    """The error in cross-validation, and the lower limit of how much of the mean's squared error it saves."""
    y = videos.mos
    predicted, mean = cross_validated(videos.scores, y, videos.items)
    predicted = predicted.clip(LOWEST, HIGHEST)
    off, mean_off = (predicted - y) ** 2, (mean - y) ** 2
    unseen = _unseen(videos)
    names = sorted(set(videos.items))
    of_item = np.array([names.index(item) for item in videos.items])
    sums = np.stack([np.bincount(of_item, side) for side in (np.ones(len(y)), off, mean_off)])
    drawn = np.random.default_rng(0).multinomial(len(names), np.full(len(names), 1 / len(names)), RESAMPLES)
    count, ours, theirs = sums @ drawn.T
    low, high = np.sqrt(np.quantile(ours / count, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    gain = np.quantile((theirs - ours) / count, (1 - LEVEL) / 2)
    rho = None if np.ptp(predicted) == 0 else float(scipy.stats.spearmanr(predicted, y).statistic)
    rmse, mean_rmse = (float(np.sqrt(side.mean())) for side in (off, mean_off))
    return PredictionError(rmse, float(low), float(high), mean_rmse, rho, *unseen), float(gain)


def _unseen(videos: _Videos) -> tuple[float | None, float | None]:
    """The error, and that of the mean, of methods that had no part in the fit."""
    if len(set(videos.methods)) < 3:
        return None, None
    both = cross_validated(videos.scores, videos.mos, videos.items, videos.methods)
    if np.isnan(both).any():
        return None, None
    rmse, mean_rmse = (
        float(np.sqrt(((side.clip(LOWEST, HIGHEST) - videos.mos) ** 2).mean())) for side in both
    )
    return rmse, mean_rmse


def _fitted(
    ridge: Ridge, x: np.ndarray, scores: StudyScores, labels: Sequence[str]
) -> tuple[FittedMetric, ...]:
    found = []
    for label, *numbers in zip(
        labels, ridge.means, ridge.scales, ridge.weights, x.min(0), x.max(0), strict=True
    ):
        mean, scale, weight, lowest, highest = map(float, numbers)
        settings = next(iter(scores.settings[label]))
        found.append(
            FittedMetric(scores.metrics[label], label, settings, mean, scale, weight, lowest, highest)
        )
    return tuple(found)
