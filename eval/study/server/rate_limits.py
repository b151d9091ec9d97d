"""Rate limits: how often a request may be made."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from lipsync.errors import StudyError

MOST = 10_000  # keys that are remembered before old ones are looked for


class Limit:
    """At most ``count`` times in any ``seconds``, for each key of its own. Kept in memory alone.

    Args:
        count: how often.
        seconds: in what time.
        clock: seconds, from any origin.
    """

    def __init__(self, count: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._count, self._seconds, self._clock = count, seconds, clock
        self._times: dict[str, deque[float]] = {}
        self._lock = threading.Lock()
        self._most = MOST

    def check(self, key: str | None) -> None:
        """Check that one more request is allowed, without counting it (see :meth:`count`).

        Raises:
            StudyError: asked too often.
        """
        if key is None:
            return
        with self._lock:
            if key in self._times and len(self._recent(key)) >= self._count:
                raise StudyError("study.too_many_requests")

    def count(self, key: str | None) -> None:
        """Count one request."""
        if key is None:
            return
        with self._lock:
            self._recent(key).append(self._clock())
            if len(self._times) > self._most:
                self._forget()

    def take(self, key: str | None) -> None:
        """Check, and count one request.

        Raises:
            StudyError: asked too often.
        """
        self.check(key)
        self.count(key)

    def _recent(self, key: str) -> deque[float]:
        times = self._times.setdefault(key, deque(maxlen=self._count))
        while times and times[0] <= self._clock() - self._seconds:
            times.popleft()
        return times

    def _forget(self) -> None:
        for key in list(self._times):
            if not self._recent(key):
                del self._times[key]
        self._most = max(MOST, 2 * len(self._times))  # many keys must not mean to look through all each time
