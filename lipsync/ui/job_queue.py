"""Work in the background: ask how far it is, cancel it, find its result again.

A task does not depend on the page that started it, so a reload or a lost connection costs nothing.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import secrets
import shutil
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from lipsync.errors import ArtefactError, Cancelled, ConfigError, LipSyncError, full_disk_reported
from lipsync.nn.memory import give_back
from lipsync.ui.public.visitor_limits import VisitorLimits
from lipsync.ui.visitor import asking, visitor_of

log = logging.getLogger(__name__)

FORGOTTEN = "-"  # in place of an id in the memory of the browser, which takes neither None nor ""
POLL = 0.25  # s between two looks at a running task


@dataclass(kw_only=True)
class Task:
    """Something that takes a while. Only its worker writes to it; anyone may read.

    Attributes:
        id: opaque; whoever knows it may see the result.
        folder: its own; made when it starts, removed when it does not end well or is forgotten.
        visitor: name of the browser that asked for it; empty for a part of a larger task.
        state: "waiting", "running", "done", "failed" or "cancelled".
        error: why it failed; a :class:`LipSyncError` is meant for the person.
        asked, began, ended: on the monotonic clock, in seconds; 0 before.
    """

    id: str
    folder: Path
    visitor: str = ""
    state: str = "waiting"
    error: Exception | None = None
    asked: float = field(default_factory=time.monotonic)
    began: float = 0.0
    ended: float = 0.0
    cancel: threading.Event = field(default_factory=threading.Event)

    @property
    def over(self) -> bool:
        """Nothing will change any more."""
        return self.state in ("done", "failed", "cancelled")


T = TypeVar("T", bound=Task)


class Tasks(ABC, Generic[T]):
    """Does tasks in order of arrival and forgets them, with their files, some time after their end.

    Args:
        workers: tasks at the same time. One task already keeps the processor busy.
        keep: seconds that a result is kept.
        most: tasks that may wait or run before new ones are refused.
        limit: seconds that one task may take, waiting not counted; None: no limit.
        visitors: what one visitor may have at once; None: no limit.

    Attributes:
        sweep: seconds between two looks for results that are kept no longer.
    """

    sweep = 60.0

    def __init__(
        self,
        workers: int = 1,
        keep: float = 3600.0,
        most: int = 20,
        limit: float | None = None,
        visitors: VisitorLimits | None = None,
    ) -> None:
        self.keep, self._limit, self._visitors = keep, limit, visitors
        self.folder = Path(tempfile.mkdtemp(prefix="lipsync-"))
        self._most = most
        self._tasks: dict[str, T] = {}
        self._lock = threading.Lock()
        # With the context in which each was asked for: where a GPU is lent, its owner wants to know by whom.
        self._queue: queue.SimpleQueue[tuple[T, Context] | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        # Daemons: a portal that is stopped closes its tasks, it does not wait for them to finish.
        self._workers = [
            threading.Thread(target=self._work, name="task", daemon=True) for _ in range(workers)
        ]
        for thread in (*self._workers, threading.Thread(target=self._sweep, daemon=True)):
            thread.start()

    @abstractmethod
    def _do(self, task: T) -> None:
        """Do the task, writing what it yields to it and its folder; `Cancelled` where its event is set."""

    def get(self, name: object) -> T | None:
        """The task of that id, while it is kept."""
        self._forget()
        return self._tasks.get(name) if isinstance(name, str) else None

    @property
    def full(self) -> bool:
        """Whether another task would be refused just now."""
        with self._lock:
            return sum(not task.over for task in self._tasks.values()) >= self._most

    def seen_by(self, request: Any) -> list[T]:
        """The tasks that whoever makes a request may see, the newest first: their own, the owner all."""
        self._forget()
        owner = self._visitors is not None and self._visitors.asker(request) is None
        name = visitor_of(request)
        with self._lock:
            known = list(self._tasks.values())
        return [task for task in reversed(known) if task.visitor and (owner or task.visitor == name)]

    def delete(self, task: T) -> None:
        """Forget a task and its files; one that is not over is stopped, and forgotten when its time comes."""
        task.cancel.set()
        with self._lock:
            if task.over and self._tasks.pop(task.id, None) is not None:
                shutil.rmtree(task.folder, ignore_errors=True)

    def ahead(self, task: T) -> int:
        """Tasks that run or wait before this one."""
        with self._lock:
            earlier = list(self._tasks.values())
        return sum(not other.over for other in earlier[: earlier.index(task)]) if task in earlier else 0

    def close(self) -> None:
        """Cancel everything and remove all files."""
        self._closed.set()
        for task in list(self._tasks.values()):
            task.cancel.set()
        for _ in self._workers:
            self._queue.put(None)
        for thread in self._workers:
            thread.join()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _place(self) -> tuple[str, Path]:
        """Id and folder of a new task."""
        name = secrets.token_urlsafe(16)
        return name, self.folder / name

    def _add(self, task: T, part: bool = False) -> T:
        """Queue a task.

        Args:
            part: of a larger task, which is what counts for its visitor.

        Raises:
            ConfigError: too many are waiting, in all or of this visitor.
        """
        self._forget()
        with self._lock:
            if sum(not other.over for other in self._tasks.values()) >= self._most:
                raise ConfigError("job.queue_full", count=self._most)
            if not part:
                task.visitor = asking()
                if self._visitors is not None:
                    self._visitors.admit(task)
            self._tasks[task.id] = task
        self._queue.put((task, copy_context()))
        return task

    def _work(self) -> None:
        while (next_one := self._queue.get()) is not None:
            task, context = next_one
            context.run(self._run, task)
            give_back()

    def _run(self, task: T) -> None:
        state = "failed"
        try:
            if task.cancel.is_set():
                raise Cancelled("job.cancelled_before")
            task.began, task.state = time.monotonic(), "running"
            with full_disk_reported():
                task.folder.mkdir()
                self._timed(task)
            state = "done"
        except Cancelled:
            state = "cancelled"
        except LipSyncError as error:
            if isinstance(error, ArtefactError):
                log.warning("%s", error)  # with the paths and checksums, which no page shows
            task.error = error
        except Exception as error:
            log.exception("a job failed")
            task.error = error
        if state != "done":
            shutil.rmtree(task.folder, ignore_errors=True)
        task.ended = time.monotonic()
        task.state = state

    def _timed(self, task: T) -> None:
        """Do the task, and stop it when its time is over."""
        if self._limit is None:
            self._do(task)
            return
        began = time.monotonic()
        timer = threading.Timer(self._limit, task.cancel.set)
        timer.daemon = True
        timer.start()
        try:
            self._do(task)
        except Cancelled as stopped:
            if time.monotonic() - began < self._limit:
                raise
            raise ConfigError("job.too_slow", seconds=self._limit) from stopped
        finally:
            timer.cancel()

    def _sweep(self) -> None:
        while not self._closed.wait(self.sweep):
            self._forget()

    def _forget(self) -> None:
        now = time.monotonic()
        with self._lock:
            for task in list(self._tasks.values()):
                if task.over and now - task.ended > self.keep:
                    del self._tasks[task.id]
                    shutil.rmtree(task.folder, ignore_errors=True)


async def states_of(task: Task, describe: Callable[[], str]) -> AsyncIterator[str]:
    """The text of ``describe`` whenever it changes, until the task is over."""
    last = ""
    while not task.over:
        now = describe()
        if now != last:
            last = now
            yield now
        await asyncio.sleep(POLL)
