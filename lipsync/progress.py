"""Progress of a running job."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lipsync.errors import Cancelled

PICTURE_EVERY = 1.0  # s between two pictures of a running job


@dataclass(frozen=True)
class Progress:
    stage: str  # "weights", "audio", "captions", "references", "frames", "finish"
    done: int = 0  # frames; of "weights" bytes, of "captions" seconds
    total: int | None = None  # the same
    fps: float = 0.0  # frames per second so far
    seconds_left: float | None = None
    picture: bytes | None = field(default=None, repr=False)  # JPEG of a face drawn lately


class Report:
    """Reports the progress of a job, at most ten times a second, and stops it when asked to."""

    def __init__(self, report: Callable[[Progress], None], cancel: threading.Event):
        self._report, self._cancel = report, cancel
        self._last = 0.0
        self._first: float | None = None
        self._shown = 0.0
        self._picture: bytes | None = None

    def show(self, picture: Callable[[], bytes]) -> None:
        """Report a picture of what was just drawn; it is made only where the last one is a second old."""
        now = time.monotonic()
        if now - self._shown >= PICTURE_EVERY:
            self._shown, self._picture = now, picture()

    def __call__(self, stage: str, done: int = 0, total: int | None = None) -> None:
        if self._cancel.is_set():
            raise Cancelled("job.stopped")
        now = time.monotonic()
        if stage == "frames":
            self._first = self._first or now
            if done != total and now - self._last < 0.1:
                return
        self._last = now
        elapsed = now - self._first if self._first else 0.0
        fps = (done - 1) / elapsed if elapsed > 0 and done > 1 else 0.0
        left = (total - done) / fps if total is not None and fps > 0 else None
        self._report(Progress(stage, done, total, fps, left, self._picture))

    def bytes(self, done: int, total: int | None) -> None:
        self("weights", done, total)
