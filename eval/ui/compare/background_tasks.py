"""Background tasks of the Compare page; equal requests share one task."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from dataclasses import dataclass
from typing import Any

from lipsync.errors import Cancelled
from lipsync.ui.job_queue import POLL, Task, Tasks


@dataclass
class BackgroundTask(Task):
    """One piece of work.

    Attributes:
        done, total: how far it is, in whatever it counts; name: at what.
        watchers: pages that wait for it.
        stays: it continues when no page waits for it.
    """

    key: Hashable
    work: Callable[[BackgroundTask], Any]
    done: int = 0
    total: int = 0
    name: str = ""
    result: Any = None
    watchers: int = 0
    stays: bool = False

    def report(self, done: int, total: int, name: str = "") -> None:
        """Note how far the work is.

        Raises:
            Cancelled: no page waits for it any more.
        """
        if self.cancel.is_set():
            raise Cancelled("job.stopped")
        self.done, self.total, self.name = done, total, name

    def outcome(self) -> Any:
        """The result of a task that is over; its error is raised."""
        if self.state == "cancelled":
            raise Cancelled("job.stopped")
        if self.error is not None:
            raise self.error
        return self.result


class BackgroundTasks(Tasks[BackgroundTask]):
    """Runs tasks in order of arrival; the same one asked for twice at a time is done once."""

    def has(self, key: Hashable) -> bool:
        """Whether a task of that key waits or runs."""
        return self._on_its_way(key) is not None

    def stop(self, key: Hashable) -> None:
        """Stop the task of that key, where there is one."""
        task = self._on_its_way(key)
        if task is not None:
            task.cancel.set()

    async def follow(
        self, key: Hashable, work: Callable[[BackgroundTask], Any], stays: bool = False
    ) -> AsyncIterator[BackgroundTask]:
        """The task, again after each change, and once more when it is over.

        Whoever stops listening before the end gives it up; without a listener it is stopped, unless it stays.

        Args:
            key: of the work; None: it is like no other.
            work: does it, and calls ``report`` of the task now and then.
            stays: continue when no page follows it.

        Raises:
            ConfigError: too many are waiting.
        """
        task = self._join(key, work, stays)
        seen: object = None
        try:
            while not task.over:
                if (now := (task.done, task.total, task.name)) != seen:
                    seen = now
                    yield task
                await asyncio.sleep(POLL)
            yield task
        finally:
            with self._lock:
                task.watchers -= 1
                if not task.watchers and not task.stays:
                    task.cancel.set()

    async def follow_to_end(self, work: Callable[[BackgroundTask], Any]) -> AsyncIterator[BackgroundTask]:
        """A task like no other, again after each change while it is on its way.

        Raises:
            ConfigError: too many are waiting.
            Exception: what the work raised, at its end.
        """
        async for task in self.follow(None, work):
            if not task.over:
                yield task
        task.outcome()

    def _join(self, key: Hashable, work: Callable[[BackgroundTask], Any], stays: bool) -> BackgroundTask:
        """The task of that key where one is on its way, else a new one."""
        known = self._on_its_way(key)
        if known is not None:
            known.watchers += 1
            return known
        name, folder = self._place()
        task = BackgroundTask(key, work, watchers=1, stays=stays, id=name, folder=folder)
        return self._add(task, part=not stays)  # what ends with its page is no job of a visitor

    def _on_its_way(self, key: Hashable) -> BackgroundTask | None:
        with self._lock:
            for known in self._tasks.values():
                if key is not None and known.key == key and not known.over and not known.cancel.is_set():
                    return known
        return None

    def _do(self, task: BackgroundTask) -> None:
        task.result = task.work(task)
