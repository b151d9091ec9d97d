"""Joining stages that run side by side, and timing them."""

from __future__ import annotations

import queue
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")
_END = object()


@contextmanager
def background(items: Iterable[T], depth: int) -> Iterator[Iterator[T]]:
    """The same items, made on another thread and at most ``depth`` ahead.

    What the thread raises is raised here. Leaving the block stops the thread at its next item and
    waits for it, so nothing goes on working for a job that has ended.
    """
    ready: queue.Queue = queue.Queue(maxsize=depth)
    stopped = threading.Event()

    def put(item: object) -> bool:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        source = iter(items)
        try:
            for item in source:
                if not put((item, None)):
                    break
            else:
                put((_END, None))
        except BaseException as problem:  # carried over to the reader, whatever it is
            put((_END, problem))
        finally:
            close = getattr(source, "close", None)
            if close:
                close()

    def read() -> Iterator[T]:
        while True:
            try:
                item, problem = ready.get(timeout=0.1)
            except queue.Empty:
                if stopped.is_set():
                    return
                continue
            if problem is not None:
                raise problem
            if item is _END:
                return
            yield item

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield read()
    finally:
        stopped.set()
        thread.join()


class Clock:
    """Seconds per stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - start

    def over(self, stage: str, items: Iterable[T]) -> Iterator[T]:
        """The same items; the time that each takes to come counts for ``stage``."""
        source = iter(items)
        while True:
            with self(stage):
                item = next(source, _END)
            if item is _END:
                return
            yield item  # type: ignore[misc]

    def exclusive(self, nested: Sequence[str]) -> dict[str, float]:
        """Seconds per stage, where each stage of ``nested`` was timed with the one before it inside."""
        own = dict(self.seconds)
        for inner, outer in pairwise(nested):
            own[outer] = max(0.0, self.seconds[outer] - self.seconds[inner])
        return own
