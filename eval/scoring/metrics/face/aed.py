"""AED, of the coefficients of a 3D face or, without its file, of the landmarker's 52 scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from eval.functional.face.aed import aed_update
from eval.scoring.metrics.base import Setup, register_metric
from eval.scoring.metrics.frame_metric import FrameAccumulator, FrameMetric
from lipsync.texts import Message

if TYPE_CHECKING:
    from eval.scoring.networks import Loader
    from eval.scoring.pair import PairBatch


class Aed(FrameMetric):
    """See `eval.functional.face.aed`."""

    no_value: ClassVar[str] = Message("frames.no_3d_fit")

    def load(self, loader: Loader) -> Any:
        """The 3D face, or None where its file is not here; the protocol says what is compared."""
        from lipsync.faces.model3d.load import load_morphable
        from lipsync.weights import hub

        path = hub.locate("ict_facekit")
        if path is None:
            label = loader.names[self.name]
            loader.names[self.name] = f"{label}, 52 scores, as ict_facekit.npz is not here"
            return None
        face = load_morphable(path)
        loader.names[self.name] = f"3D face {face.name}, {face.expression_size} coefficients"
        loader.hashes[self.name] = face.sha256
        return face

    def accumulator(self, setup: Setup) -> FrameAccumulator:
        """The 3D face is fitted anew to every pair of videos."""
        from eval.scoring.expressions import Expressions

        face = super().accumulator(setup).network
        return FrameAccumulator(None if face is None else Expressions(face))

    def measure(self, state: FrameAccumulator, batch: PairBatch) -> np.ndarray:
        """(N,) differences."""
        return aed_update(*(batch.expressions if state.network is None else state.network(batch)))


register_metric(
    Aed(
        "aed", "AED", "lower", "metric.aed",
        needs=("reference", "landmarks", "blendshapes"), decimals=4,
        artefacts=("ict_facekit", "face_landmarker"), order=70,
    )
)  # fmt: skip
