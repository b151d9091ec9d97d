"""How far the mouth opens, for networks that were never taught a factor: our addition to Wav2Lip.

The network is asked. It draws one face with some of the job's own speech, the landmarker measures the
mouths it drew, and a line through these points shows along which direction of the speech embedding the
mouth opens, and by how much. A factor then moves each frame's embedding along that direction by its own
predicted opening. (To scale an embedding's distance from that of silence, the obvious way, only spreads
the openings: what these networks draw for silence is not a closed mouth.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from lipsync.errors import FaceError
from lipsync.faces.tracking.landmarks import Landmarker, mouth_opening

MOUTHS = 32  # drawn and measured once per job
SIDE = 192  # pixels at which the landmarker sees them
LEAST = 8  # of them must be found


@dataclass(frozen=True)
class Opening:
    """The mouth opening as a linear function of the speech embedding."""

    centre: Tensor  # (C,) mean embedding
    gap: float  # mean opening, inter-ocular distances
    direction: Tensor  # (C,) change of the embedding for an opening wider by 1
    slope: float  # opening for a step of 1 in the projection on ``direction``

    def predicted(self, embeddings: Tensor) -> Tensor:
        """(B,) openings, 0 or more, of (B, C) embeddings."""
        return (self.gap + self.slope * ((embeddings - self.centre) @ self.direction)).clamp(min=0)

    def scaled(self, embeddings: Tensor, factor: float) -> Tensor:
        """(B, C) embeddings whose mouths open ``factor`` times as far, as far as the line holds."""
        more = (factor - 1) * self.predicted(embeddings)  # (B,)
        return embeddings + more[:, None] * self.direction


def fit(embeddings: Tensor, gaps: np.ndarray) -> Opening:
    """The line through (K, C) embeddings and the (K,) openings drawn for them; NaN where not measured.

    Raises:
        FaceError: fewer than ``LEAST`` were measured, or all mouths are the same.
    """
    found = ~np.isnan(gaps)
    if found.sum() < LEAST or np.std(gaps[found]) < 1e-4:
        raise FaceError("opening.unmeasured")
    known, gap = embeddings[torch.from_numpy(found)], torch.from_numpy(gaps[found]).to(embeddings)
    centre, mean = known.mean(0), gap.mean()
    direction = ((known - centre) * (gap - mean)[:, None]).mean(0) / gap.var(correction=0)
    along = (known - centre) @ direction
    slope = (along * (gap - mean)).sum() / (along * along).sum()
    return Opening(centre, float(mean), direction, float(slope))


def measure(faces: np.ndarray, landmarker: Path) -> np.ndarray:
    """(K,) inner-lip gaps in inter-ocular distances of (K, S, S, 3) uint8 faces; NaN where none is found."""
    find = Landmarker(landmarker)
    try:
        found_faces = [find(cv2.resize(face, (SIDE, SIDE))) for face in faces]
    finally:
        find.close()
    return np.array(
        [np.nan if found is None else float(mouth_opening(found.points)) for found in found_faces]
    )


def ask(embeddings: Tensor, draw: Callable[[Tensor], np.ndarray], landmarker: Path) -> Opening:
    """The line for one network, face and speech.

    Args:
        embeddings: (K, C) embeddings of moments spread over the speech.
        draw: (K, C) embeddings to (K, S, S, 3) uint8 faces.
        landmarker: the artefact.

    Raises:
        FaceError: see :func:`fit`.
    """
    return fit(embeddings, measure(draw(embeddings), landmarker))
