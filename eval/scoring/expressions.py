"""Expression coefficients of both videos, for AED: those of the 3D face, fitted as the frames come."""

from __future__ import annotations

import numpy as np

from eval.scoring.pair import PairBatch
from eval.scoring.protocol import REGION_SIZE, points_in_region
from lipsync.faces.model3d.fitting import Fitter
from lipsync.faces.model3d.morphable import MorphableModel


class Expressions:
    """Fits one 3D face to two videos of a person.

    The identity is taken from the reference's first frames and used for both videos, so that a difference
    in the shape of the face does not count as one of expression.
    """

    def __init__(self, model: MorphableModel):
        self._model = model
        self._reference = Fitter(model, REGION_SIZE)
        self._generated: Fitter | None = None

    def __call__(self, batch: PairBatch) -> tuple[np.ndarray, np.ndarray]:
        """(N, E) coefficients of generated and reference; rows of NaN where no face fits."""
        reference = self._fit(self._reference, batch, 1)
        if self._generated is None and self._reference.identity is not None:
            self._generated = Fitter(self._model, REGION_SIZE, identity=self._reference.identity)
        if self._generated is None:
            return np.full_like(reference, np.nan), reference
        return self._fit(self._generated, batch, 0), reference

    def _fit(self, fitter: Fitter, batch: PairBatch, side: int) -> np.ndarray:
        points = np.full((len(batch.pairs), 478, 2), np.nan, np.float32)
        scores = np.full((len(batch.pairs), 52), np.nan, np.float32)
        for row, pair in enumerate(batch.pairs):
            seen = (pair.generated, pair.reference)[side]
            if pair.box is None or seen is None or seen.landmarks is None or len(seen.landmarks) != 478:
                continue
            points[row] = points_in_region(seen.landmarks, pair.box)
            if seen.blendshapes is not None:
                scores[row] = seen.blendshapes
        fit = fitter.fit(points, scores)
        coefficients = fit.expression.astype(np.float64)
        coefficients[~fit.valid] = np.nan
        return coefficients
