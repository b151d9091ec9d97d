"""Predicted MOS: a combination of metrics that was fitted to a study, applied to other videos."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from eval.batch.summary import PredictedColumn, ScoreTable
from eval.functional.aggregate import summarise
from eval.scoring.metrics import METRICS
from eval.scoring.metrics.base import ResultRow
from eval.scoring.protocol import settings_of
from eval.scoring.scores import Scores as VideoScores
from eval.study.statistics.marks import HIGHEST, LOWEST
from lipsync.errors import ConfigError
from lipsync.texts import Message


@dataclass(frozen=True)
class FittedMetric:
    """One metric of the combination.

    Attributes:
        metric: name in `eval.scoring.metrics`. One that should be zero enters by its size.
        label: heading, which says so where another network took the place of the published one.
        settings: how the videos were scored (`eval.scoring.protocol.settings_of`); others must be alike.
        mean, scale: of the fitted videos; scores are standardised by them.
        weight: change of the prediction for one ``scale``, in points of MOS.
        lowest, highest: score of the fitted videos.
    """

    metric: str
    label: str
    settings: str
    mean: float
    scale: float
    weight: float
    lowest: float
    highest: float

    def size(self, score: float) -> float:
        """The score as it enters: without sign where zero is best."""
        return abs(score) if METRICS.get(self.metric).direction == "zero" else score


@dataclass(frozen=True)
class PredictionError:
    """How far predictions were off on videos that had no part in the fit, in points of MOS.

    Attributes:
        rmse: root of the mean squared error, whole items left out.
        low, high: its 95 % interval (bootstrap over items).
        mean_rmse: the error of predicting the mean MOS of the other items.
        spearman: of predicted and given MOS, video by video; None where all predictions are equal.
        unseen_rmse: the error where the method was left out too; None with too few methods.
        unseen_mean_rmse: that of predicting the mean MOS of the other methods and items.
    """

    rmse: float
    low: float
    high: float
    mean_rmse: float
    spearman: float | None = None
    unseen_rmse: float | None = None
    unseen_mean_rmse: float | None = None


@dataclass(frozen=True)
class MosModel:
    """A linear combination of metrics that predicts the MOS of a video in one question.

    Attributes:
        question: key. study: title. date: of the evaluation, ISO 8601 in UTC.
        raters: whose marks were used.
        videos, items, methods: it was fitted to and validated on.
        intercept: MOS of a video whose scores are the means. penalty: of the ridge regression, per video.
        metrics: what is combined.
        error: from cross-validation.
    """

    question: str
    raters: int
    videos: int
    items: int
    methods: int
    intercept: float
    penalty: float
    metrics: tuple[FittedMetric, ...]
    error: PredictionError
    study: str = ""
    date: str = ""

    @property
    def heading(self) -> str:
        """What a column of predictions is called: never without error and n."""
        return f"predicted MOS ({self.question}; RMSE {self.error.rmse:.2f}, n {self.videos})"

    @property
    def note(self) -> Message:
        """What must be read beside predictions."""
        error, unseen = self.error, Message("predicted.unseen_unknown")
        if error.unseen_rmse is not None and error.unseen_mean_rmse is not None:
            helps = error.unseen_rmse < error.unseen_mean_rmse
            key = "predicted.unseen" if helps else "predicted.unseen_no_better"
            unseen = Message(key, rmse=error.unseen_rmse, mean=error.unseen_mean_rmse)
        return Message(
            "predicted.note", question=self.question, metrics=", ".join(m.label for m in self.metrics),
            study=self.study, date=self.date[:10], raters=Message("count.raters", count=self.raters),
            videos=self.videos, items=self.items, rmse=error.rmse, low=error.low, high=error.high,
            mean=error.mean_rmse, unseen=unseen,
        )  # fmt: skip

    def require(self, metrics: Iterable[str]) -> None:
        """Stop where a metric of the combination is not computed.

        Args:
            metrics: names of those that are.

        Raises:
            ConfigError: one is missing.
        """
        computed = set(metrics)
        for fitted in self.metrics:
            if fitted.metric not in computed:
                raise ConfigError("predicted.lacks", question=self.question, metric=fitted.metric)

    def predict(self, row: ResultRow) -> float | None:
        """The predicted MOS of a scored video, within 1 to 5; None where the video lacks one of the metrics.

        Args:
            row: of a batch, or ``{"scores": Scores.to_dict()}``.

        Raises:
            ConfigError: a metric was computed in another way than for the fitted videos.
        """
        total, complete = self.intercept, True
        for fitted in self.metrics:
            entry = METRICS.get(fitted.metric).entry(row)
            if entry is None or entry["value"] is None:
                complete = False
                continue
            settings = settings_of(entry["protocol"])
            if settings != fitted.settings:
                here, there = _differing(settings, fitted.settings)
                raise ConfigError(
                    "predicted.differs", question=self.question, metric=fitted.label, here=here, there=there
                )
            total += fitted.weight * (fitted.size(entry["value"]) - fitted.mean) / fitted.scale
        return min(max(total, float(LOWEST)), float(HIGHEST)) if complete else None

    def outside(self, row: ResultRow) -> bool:
        """Whether a score of the video lies outside those fitted, so that the prediction extrapolates."""
        entries = ((fitted, METRICS.get(fitted.metric).entry(row)) for fitted in self.metrics)
        return any(
            not fitted.lowest <= fitted.size(entry["value"]) <= fitted.highest
            for fitted, entry in entries
            if entry is not None and entry["value"] is not None
        )


@dataclass(frozen=True)
class Prediction:
    """The predicted MOS of one video.

    Attributes:
        model: that predicted it.
        value: None where the video lacks one of the metrics.
        outside: whether a score lies outside those fitted.
    """

    model: MosModel
    value: float | None
    outside: bool

    @property
    def text(self) -> Message:
        """The number with its error, n and all that must be read beside it."""
        found = Message("predicted.without") if self.value is None else f"{self.value:.2f}"
        beside = Message("predicted.extrapolates") if self.outside else ""
        return Message(
            "predicted.value", heading=self.model.heading, value=found, note=self.model.note, beside=beside
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with the model."""
        return asdict(self)


def predicted(scores: VideoScores, models: Iterable[MosModel]) -> tuple[Prediction, ...]:
    """What each model predicts of one video.

    Raises:
        ConfigError: a metric was not computed, or in another way than for the fitted videos.
    """
    row = {"scores": scores.to_dict()}
    return tuple(Prediction(model, model.predict(row), model.outside(row)) for model in models)


def with_predictions(table: ScoreTable, models: Sequence[MosModel]) -> ScoreTable:
    """The table of a batch with a column of predicted MOS for each model, and what must be read beside it.

    Raises:
        ConfigError: a metric was not computed, or in another way than for the fitted videos.
    """
    columns, notes = [], []
    computed = [metric.name for metric in METRICS.all() if any(map(metric.entry, table.results))]
    for model in models:
        model.require(computed)
        videos = {(row["item"], row["method"]): model.predict(row) for row in table.results}
        methods = {
            name: summarise({item: value for (item, method), value in videos.items() if method == name})
            for name in (*table.controls, *table.methods)
        }
        columns.append(PredictedColumn(model.heading, videos, methods, asdict(model)))
        notes.append(model.note)
        outside = sum(model.outside(row) for row in table.results)
        if outside:
            notes.append(Message("predicted.outside", count=outside, total=len(table.results)))
    return replace(table, predicted=tuple(columns), notes=(*table.notes, *notes))


def _differing(here: str, there: str) -> tuple[str, str]:
    """The parts of two protocols that only one has; both whole where they only differ in order."""
    ours, theirs = here.split("; "), there.split("; ")
    only = [
        "; ".join(part for part in a if part not in b) or "-" for a, b in ((ours, theirs), (theirs, ours))
    ]
    return only[0], only[1]
