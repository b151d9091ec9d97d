"""What the pipeline asks of a method, whatever its network looks like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from lipsync.faces.tracking.view import View


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
    opens: bool = False  # whether it can open the mouth further or less than the speech has it
    live: bool = False  # whether it can speak live: it has to hear no more than a second in advance
    fallback: str | None = None  # why ``auto`` took it and no better one; None: there is no better one


@dataclass(frozen=True)
class Batch:
    """Frames of one job that are to speak, and what is known of them. Pixels are those of the crops."""

    faces: np.ndarray  # (B, S, S, 3) uint8 RGB, crops of the frames to change
    times: np.ndarray  # (B,) seconds of the frames in the speech
    speech: Any  # what ``listen`` returned
    references: np.ndarray  # (R, S, S, 3) uint8, crops of the same person, the same for the whole job
    landmarks: np.ndarray | None = None  # (B, 478, 2) float32; None: one is tracked by five points
    reference_landmarks: np.ndarray | None = None  # (R, 478, 2) float32, as above
    blendshapes: np.ndarray | None = None  # (B, 52) float32 in 0..1, for a method with ``blendshapes``
    mouth_opening: float = 1.0  # 1 as the speech has it, more opens further; for a method with ``opens``
    # (B,) float32, 0 where nobody speaks and the mouth is to rest, 1 where somebody does, between them it
    # moves (``lipsync.audio.activity``); None: somebody speaks all the time.
    activity: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        seen: Sequence[View],
        times: np.ndarray,
        speech: Any,
        references: Sequence[View],
        opening: float,
        activity: np.ndarray | None = None,
    ) -> Batch:
        """The batch of these faces, at least one, and references."""
        return cls(
            faces=np.stack([view.crop for view in seen]),
            times=times,
            speech=speech,
            references=np.stack([view.crop for view in references]),
            landmarks=_all([view.landmarks for view in seen]),
            reference_landmarks=_all([view.landmarks for view in references]),
            blendshapes=_all([view.blendshapes for view in seen]),
            mouth_opening=opening,
            activity=activity,
        )


def _all(values: list[np.ndarray | None]) -> np.ndarray | None:
    """The values stacked, None when one is missing."""
    known = [value for value in values if value is not None]
    return np.stack(known) if known and len(known) == len(values) else None


class LipSyncMethod(Protocol):
    """A loaded method: speech features for a stretch of frames in, face crops out.

    The pipeline owns decoding, tracking, cropping, batching, blending and encoding. One that was loaded
    belongs to one job, whose batches come in order: it may remember what it saw.
    """

    card: MethodCard
    weights_sha256: str
    crop_size: int  # pixels, side of the square crops
    references: int  # reference frames wanted besides the frame itself (R)
    blendshapes: bool  # whether it wants the landmarker's expression scores
    opens: bool  # whether it can open the mouth further or less than the speech has it
    passthrough: float  # 0..1, share of the crop's rows, from its top, that always come back as they were

    # A method that can speak live also says ``reach: float``: the seconds of speech before and after a
    # frame's time that its picture may depend on. Live mode takes those of 1 s or less. One that may give
    # frames back as they came says ``kept: int``, how many so far.

    def listen(self, samples: np.ndarray) -> Any:
        """Speech features of (N,) float32 mono 16 kHz samples, once per job."""
        ...

    def synthesize(self, batch: Batch) -> np.ndarray:
        """(B, S, S, 3) uint8 RGB faces that speak."""
        ...
