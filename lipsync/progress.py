"""Progress of a running job."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from lipsync.errors import Cancelled


@dataclass(frozen=True)
class Progress:
    stage: str  # "weights", "audio", "captions", "references", "frames", "finish"
    done: int = 0  # frames
    total: int | None = None  # frames
    fps: float = 0.0  # frames per second so far
    seconds_left: float | None = None


class Report:
    """Reports the progress of a job, at most ten times a second, and stops it when asked to."""

    def __init__(self, report: Callable[[Progress], None], cancel: threading.Event):
        self._report, self._cancel = report, cancel
        self._last = 0.0
        self._first: float | None = None

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
        self._report(Progress(stage, done, total, fps, left))

    def bytes(self, done: int, total: int | None) -> None:
        self("weights", done, total)
