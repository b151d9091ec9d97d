"""The pipeline: a face and speech in, a video whose lips follow the speech out."""
from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

DEFAULT_METHOD = "mcsawav2lip-embedded"


@dataclass(frozen=True)
class Request:
    """One job. Paths are read where they are; only ``output`` is written."""

    face: Path                              # video or photo
    audio: Path | None                      # any file with sound; None: the video's own sound
    output: Path                            # .mp4
    method: str = DEFAULT_METHOD            # a name of ``lipsync.methods.METHODS``
    checkpoint: Path | None = None          # weights instead of the method's own
    face_index: int | None = None           # which face, counted from the left in the first frame with faces; None: largest
    face_point: tuple[float, float] | None = None   # or the face at this place, pixels of the upright picture
    length: str = "audio"                   # "audio": as long as the speech, the video plays back and forth; "video": as the video
    label: bool = True                      # visible "AI-generated" mark; the metadata mark is always there
    batch_size: int = 16
    max_seconds: float | None = None        # refuse longer results (the app's limit); None: no limit


@dataclass(frozen=True)
class Progress:
    stage: str                  # "weights", "audio", "frames", "finish"
    done: int = 0               # frames
    total: int | None = None    # frames
    fps: float = 0.0            # frames per second so far
    seconds_left: float | None = None


@dataclass(frozen=True)
class Result:
    """What was done. ``to_dict`` is what ``--json`` prints."""

    path: Path
    frames: int
    frames_without_face: int
    width: int
    height: int
    fps: float
    duration: float                         # seconds
    method: str
    weights_sha256: str
    faces_seen: int                         # faces in the frame the choice was made on
    seconds: dict[str, float] = field(default_factory=dict)    # per stage, and "total"
    notes: tuple[str, ...] = ()             # sentences worth showing, e.g. coarse tracking without the landmarker


def generate(
    request: Request,
    progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
) -> Result:
    """Write ``request.output`` and say what was done.

    Raises:
        LipSyncError: one sentence about what was wrong with which input; nothing is left behind.
        Cancelled: ``cancel`` was set.
    """
    ...
