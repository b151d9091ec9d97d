"""The limits of ``python -m lipsync prepare``; importing them loads nothing else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What is dropped. The defaults keep every real clip they were tried on, compressed web video too."""

    # pixels, side of the face square in the video: below, a network's input is stretched
    min_face: float = 96.0
    max_yaw: float = 45.0  # degrees the head may be turned to a side
    min_seconds: float = 1.2  # of a clip; the sync expert needs 25 frames
    max_seconds: float = 10.0  # longer tracks become several clips
    min_sharpness: float = 0.12  # see ``sharpness``; real faces have 0.2 to 0.9
    min_loud: float = 0.2  # share of frames that are loud enough
    loud: float = -45.0  # dB below full scale that count as loud
    min_change: float = 1.5  # dB, standard deviation of the level: a hum or a tone has less, speech over 3
