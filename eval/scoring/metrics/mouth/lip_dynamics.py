"""Lip dynamics, against those of the reference."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from math import inf
from typing import TYPE_CHECKING

from eval.functional.mouth.lip_dynamics import NOTHING, ShapeSums, lip_dynamics_compute, lip_dynamics_update
from eval.scoring.metrics.base import Metric, Setup, VideoScore, register_metric

if TYPE_CHECKING:
    from eval.scoring.pair import PairBatch


@dataclass
class LipShapes:
    """Sums over the lips of generated and reference, and why frames are not in them."""

    generated: ShapeSums = NOTHING
    reference: ShapeSums = NOTHING
    skipped: Counter[str] = field(default_factory=Counter)


class LipDynamics(Metric):
    """See `eval.functional.mouth.lip_dynamics`."""

    def accumulator(self, setup: Setup) -> LipShapes:
        """No frame yet."""
        return LipShapes()

    def update(self, state: LipShapes, batch: PairBatch) -> None:
        """Add the frames with a face in both."""
        both = [not reason for reason in batch.reasons]
        generated, reference = (lip_dynamics_update(side[both]) for side in batch.meshes)
        state.generated, state.reference = state.generated + generated, state.reference + reference
        state.skipped.update(reason for reason in batch.reasons if reason)

    def compute(self, state: LipShapes) -> VideoScore:
        """The closeness of the two, with both in the detail."""
        score = lip_dynamics_compute(state.generated, state.reference)
        return VideoScore(score.closeness, score.frames, state.skipped, asdict(score))


register_metric(
    LipDynamics(
        "lip_dynamics", "Lip dynamics", "higher", "metric.lip_dynamics",
        needs=("reference", "landmarks"), low=-inf, high=1.0, artefacts=("face_landmarker",), default=False,
        order=96,
    )
)  # fmt: skip
