"""Metrics of the mouth's opening over time: that of the generated video beside another one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from eval.scoring.metrics.base import Metric, Setup

if TYPE_CHECKING:
    from eval.scoring.pair import PairBatch


@dataclass
class OpeningAccumulator:
    """Collects the (T,) mouth openings of the generated video and another one, and why frames have none."""

    generated: list[np.ndarray] = field(default_factory=list)
    reference: list[np.ndarray] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def columns(self) -> tuple[np.ndarray, np.ndarray]:
        """(T,) of generated and the other, NaN where there is no face."""
        if not self.generated:
            return np.zeros(0), np.zeros(0)
        return np.concatenate(self.generated), np.concatenate(self.reference)

    def skipped(self) -> Counter[str]:
        """Frames without an opening in both, by reason."""
        return Counter(reason for reason in self.reasons if reason)


class OpeningMetric(Metric):
    """Says something of two mouths; a subclass computes it from ``OpeningAccumulator.columns``."""

    def accumulator(self, setup: Setup) -> OpeningAccumulator:
        """No frame yet."""
        return OpeningAccumulator()

    def openings(self, batch: PairBatch) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """(N,) of the generated mouth and of another, here the reference's, and why frames have none."""
        return *batch.openings, batch.reasons

    def update(self, state: OpeningAccumulator, batch: PairBatch) -> None:
        """Add the openings of a batch."""
        generated, reference, reasons = self.openings(batch)
        state.generated.append(generated)
        state.reference.append(reference)
        state.reasons += reasons
