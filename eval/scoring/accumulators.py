"""What a pass collects of one video: an accumulator for every group of metrics."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from eval.scoring.metrics import Metric
from eval.scoring.metrics.base import Setup
from eval.scoring.pair import PairBatch
from lipsync.faces.tracking.track import Tracked


class Accumulators:
    """Feeds every metric with every frame of one video.

    Args:
        metrics: those that can be computed.
        setup: how the video is scored.

    Attributes:
        reasons: of every frame, why it has no face; empty where it has one.
    """

    def __init__(self, metrics: Sequence[Metric], setup: Setup):
        self.reasons: list[str] = []
        self._first = {metric.group: metric for metric in reversed(metrics)}
        self._states = {group: metric.accumulator(setup) for group, metric in self._first.items()}

    def state(self, metric: Metric) -> Any:
        """The accumulator that a metric shares with its group."""
        return self._states[metric.group]

    def watch(self, item: Tracked) -> None:
        """The next frame of the generated video, also one without a partner."""
        for group, metric in self._first.items():
            metric.watch(self._states[group], item)

    def add(self, batch: PairBatch, over: Callable[..., Iterable[None]] = map) -> None:
        """What one batch contributes to every metric.

        Args:
            over: goes through the groups of metrics, of which none knows of another; the ``map`` of a pool
                has several at work at once.
        """

        def update(group: str) -> None:
            self._first[group].update(self._states[group], batch)

        self.reasons += batch.reasons
        deque(over(update, self._first), maxlen=0)  # an exception comes out here

    def rows(self, count: int) -> dict[str, np.ndarray]:
        """Columns for the table per frame, each (count,) with NaN where nothing is known."""
        return {
            name: np.concatenate([column, np.full(count - len(column), np.nan)])
            for metric in sorted(self._first.values(), key=_place)
            for name, column in metric.frame_columns(self._states[metric.group], count).items()
        }


def _place(metric: Metric) -> tuple[bool | int, ...]:
    """Where a metric stands in the table per frame: pictures, landmarks, other networks, sound."""
    return "audio" in metric.needs, not metric.by_region, "landmarks" not in metric.needs, metric.order
