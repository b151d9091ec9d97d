"""Downloads that are given up when nothing comes, whatever they are waiting for."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

from lipsync.weights.download import Progress, SourceError

T = TypeVar("T")
FIRST = 8.0  # s until the other side answers
# s until more bytes come, or what came is put together; the Hub's client reports ten million bytes at a time
BETWEEN = 60.0
POLL = 0.2  # s


def promptly(work: Callable[[Progress], T], progress: Progress) -> T:
    """What ``work`` returns or raises, or the end of patience with it: see ``FIRST``, ``BETWEEN``.

    A time-out of the connection does not do for this: looking up a name has none, and a host with many
    addresses is tried at each of them. So the work has a thread of its own, which is left to itself when it
    is given up and ends with its next report.

    Args:
        work: is given a function to report bytes done and bytes in all.
        progress: gets the same, in the caller's thread; what it raises ends the work, too.

    Raises:
        SourceError: given up.
    """
    reports: queue.SimpleQueue[tuple[int, int | None]] = queue.SimpleQueue()
    left = threading.Event()
    outcome: Future[T] = Future()

    def report(done: int, total: int | None) -> None:
        if left.is_set():
            raise SourceError("fetch.given_up")
        reports.put((done, total))

    def run() -> None:
        try:
            outcome.set_result(work(report))
        except BaseException as problem:  # it is the caller's, as if there were no thread
            outcome.set_exception(problem)

    threading.Thread(target=run, name="download", daemon=True).start()
    done, total = -1, None  # -1: no answer yet
    since = time.monotonic()
    try:
        while not (outcome.done() and reports.empty()):
            before = done
            with suppress(queue.Empty):
                done, total = reports.get(timeout=POLL)
            if done != before:
                since = time.monotonic()
            patience = FIRST if done < 0 else BETWEEN
            if time.monotonic() - since > patience:
                raise SourceError("fetch.no_answer", seconds=patience)
            progress(max(0, done), total)
    finally:
        left.set()
    return outcome.result()
