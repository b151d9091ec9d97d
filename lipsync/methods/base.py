"""What the pipeline asks of a method, whatever its network looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class MethodCard:
    """What a person reads before choosing a method."""

    name: str
    title: str
    paper: str
    licence: str
    resolution: int  # pixels, side of the face square it draws; 0: not known before it is loaded
    weights: str  # where they come from
    summary: dict[str, str]  # language code -> one sentence
    revision: str | None = None  # commit of the Hub repository that its weights were taken from


class LipSyncMethod(Protocol):
    """A loaded method: speech features for a stretch of frames in, face crops out.

    The pipeline owns decoding, tracking, cropping, batching, blending and encoding.
    """

    card: MethodCard
    weights_sha256: str
    crop_size: int  # pixels, side of the square crops
    references: int  # reference frames wanted besides the frame itself (R)

    def listen(self, samples: np.ndarray) -> np.ndarray:
        """Speech features of (N,) float32 mono 16 kHz samples, once per job."""
        ...

    def synthesize(
        self, faces: np.ndarray, references: np.ndarray, speech: np.ndarray, times: np.ndarray
    ) -> np.ndarray:
        """Faces that speak.

        Args:
            faces: (B, S, S, 3) uint8 RGB, crops of the frames to change.
            references: (R, S, S, 3) uint8, crops of the same person, the same for the whole job.
            speech: what ``listen`` returned.
            times: (B,) seconds of the frames in the speech.

        Returns:
            (B, S, S, 3) uint8 RGB.
        """
        ...
