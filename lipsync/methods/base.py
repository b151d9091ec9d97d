"""What the pipeline asks of a method, whatever its network looks like."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

if TYPE_CHECKING:
    from lipsync.faces.tracking.face_view import FaceView


@dataclass(frozen=True)
class MethodCard:
    """What a person reads before choosing a method."""

    name: str
    title: str
    paper: str
    licence: str
    resolution: int  # pixels, side of the face square it draws; 0: not known before it is loaded
    weights: str  # where they come from
    summary: str  # one sentence: the key of a text, a message, or the sentence itself
    revision: str | None = None  # commit of the Hub repository that its weights were taken from
    supports_mouth_opening: bool = False  # whether the mouth can open further or less than the speech has it
    live: bool = False  # whether it works live: its look-ahead is at most a second
    fallback: str | None = None  # why ``auto`` took it and no better one; None: there is no better one


@dataclass(frozen=True)
class Batch:
    """Frames of one job that are to speak, and what is known of them. Pixels are those of the crops."""

    faces: (
        np.ndarray
    )  # (B, S, S, 3) uint8 RGB, crops of the frames to change; with a margin where it is asked
    times: np.ndarray  # (B,) seconds of the frames in the speech
    speech: Any  # what ``encode_audio`` returned
    references: np.ndarray  # (R, S, S, 3) uint8, crops of the same person, the same for the whole job
    landmarks: np.ndarray | None = None  # (B, 478, 2) float32; None: one is tracked by five points
    reference_landmarks: np.ndarray | None = None  # (R, 478, 2) float32, as above
    blendshapes: np.ndarray | None = None  # (B, 52) float32 in 0..1, for a method with ``blendshapes``
    mouth_opening: float = 1.0  # 1 as the speech has it, more opens further; for those that support it
    # (B,) float32, 0 where nobody speaks and the mouth is to rest, 1 where somebody does, between them it
    # moves (``lipsync.audio.activity``); None: somebody speaks all the time.
    activity: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        views: Sequence[FaceView],
        times: np.ndarray,
        speech: Any,
        references: Sequence[FaceView],
        opening: float,
        activity: np.ndarray | None = None,
    ) -> Batch:
        """The batch of these faces, at least one, and references."""
        return cls(
            faces=np.stack([view.crop for view in views]),
            times=times,
            speech=speech,
            references=np.stack([view.crop for view in references]),
            landmarks=_all([view.landmarks for view in views]),
            reference_landmarks=_all([view.landmarks for view in references]),
            blendshapes=_all([view.blendshapes for view in views]),
            mouth_opening=opening,
            activity=activity,
        )


def _all(values: list[np.ndarray | None]) -> np.ndarray | None:
    """The values stacked, None when one is missing."""
    known = [value for value in values if value is not None]
    return np.stack(known) if known and len(known) == len(values) else None


class LipSyncMethod(Protocol):
    """A loaded method: audio features for a stretch of frames in, face crops out.

    The pipeline owns decoding, tracking, cropping, batching, blending and encoding. One that was loaded
    belongs to one job, whose batches come in order: it may remember what it saw. An adapter derives from
    this class and states what differs from the defaults; ``card``, ``weights_sha256`` and ``crop_size`` have
    none.

    Attributes:
        card: what a person reads of it.
        weights_sha256: of the file of its weights, 64 hex digits.
        crop_size: pixels, side of the face square.
        crop_margin: sides of the crops in sides of the face square; what it draws is the square alone.
        references: reference frames wanted besides the frame itself (R).
        blendshapes: whether it wants the landmarker's expression scores.
        supports_mouth_opening: whether it can open the mouth further or less than the speech has it.
        audio_lookahead: seconds of speech before and after a frame's time that its picture may depend on;
            live mode takes methods of 1 s or less. Infinite where a picture may depend on all of the speech.
        passthrough: 0..1, share of the crop's rows, from its top, that always come back as they were.
        passthrough_frames: how many frames of this job came back as they were, so far.
    """

    card: MethodCard
    weights_sha256: str
    crop_size: int
    crop_margin: float = 1.0
    references: int = 1
    blendshapes: bool = False
    supports_mouth_opening: bool = False
    audio_lookahead: float = math.inf
    passthrough: float = 0.0
    passthrough_frames: int = 0

    def for_job(self) -> Self:
        """The same networks for another job, of a method that has drawn nothing yet and is kept for this.

        What a job sets on it is its own. A method that changes an object which it holds gives it a new one.
        """
        return copy.copy(self)

    def encode_audio(self, samples: np.ndarray) -> Any:
        """Audio features of (N,) float32 mono 16 kHz samples, once per job."""
        ...

    def synthesize(self, batch: Batch) -> np.ndarray:
        """(B, S, S, 3) uint8 RGB faces that speak."""
        ...
