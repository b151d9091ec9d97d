"""Several methods on one face and speech: one after the other on the portal's queue, into a set."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from eval.compare.names import REFERENCE
from eval.compare.rights import PersonalSets
from eval.compare.sets import Entry, Sets
from lipsync.errors import LipSyncError
from lipsync.generate import Request
from lipsync.methods import METHODS
from lipsync.texts import Message
from lipsync.ui.generate_queue import Job, Jobs
from lipsync.ui.job_queue import Task, Tasks
from lipsync.ui.public.visitor_limits import VisitorLimits
from lipsync.ui.uploads import is_photo

POLL = 0.1  # s between two looks at a job
BUG = Message("job.unexpected")


@dataclass
class MultiMethodRun(Task):
    """Some methods on the same face and speech.

    Attributes:
        set: id of the set that the videos go to; new: it was made for them.
        item: name of the item they become.
        jobs: method's title and job, in their order.
        stored: how many videos and reasons are in the set.
    """

    set: str
    new: bool
    item: str
    jobs: tuple[tuple[str, Job], ...]
    stored: int = 0

    def stop(self) -> None:
        """Cancel what is not finished; finished videos stay."""
        for _, job in self.jobs:
            job.cancel.set()


class MultiMethodRuns(Tasks[MultiMethodRun]):
    """Carries runs to their end, with or without an open page; jobs wait in the portal's queue."""

    def __init__(self, sets: Sets, jobs: Jobs, visitors: VisitorLimits | None = None) -> None:
        self._sets, self._jobs = sets, jobs
        super().__init__(workers=8, most=8, visitors=visitors)

    def start(
        self, sets: PersonalSets, requests: Sequence[Request], item: str, set_id: str | None = None
    ) -> MultiMethodRun:
        """Queue the requests; each has its own method, all have one face and speech.

        Args:
            sets: of the person who asks.
            requests: one for each method.
            item: what to call the new item; it gets a number where the name is taken.
            set_id: of the set it goes to; None: a new one of the item's name.

        Raises:
            LipSyncError: too many jobs wait, or there is no such set that the person may change.
        """
        new = set_id is None
        if set_id is None:
            set_id = sets.create(item)
        queued: list[tuple[str, Job]] = []
        try:
            item = _fresh(item, {known.name for known in sets.allowed("add", set_id).items})
            for request in requests:
                queued.append((METHODS.get(request.method).card.title, self._jobs.submit(request, part=True)))
            id, folder = self._place()
            return self._add(MultiMethodRun(set_id, new, item, tuple(queued), id=id, folder=folder))
        except LipSyncError:
            for _, job in queued:
                job.cancel.set()
            if new:
                self._sets.delete(set_id)
            raise

    def _do(self, task: MultiMethodRun) -> None:
        try:
            for title, job in task.jobs:
                while not job.over:
                    if task.cancel.is_set():
                        task.stop()
                    time.sleep(POLL)
                self._keep(task, title, job)
                self._jobs.delete(job)  # its video is in the set
        except BaseException:  # the set was deleted meanwhile
            task.stop()
            raise
        if task.new and not task.stored:  # all were cancelled
            self._sets.delete(task.set)

    def _keep(self, task: MultiMethodRun, title: str, job: Job) -> None:
        """Add a video, or the reason why there is none, to the set."""
        if job.result is not None:
            entries = [Entry(task.item, title, job.result.path, title)]
            if not task.stored and job.request.audio is None and not is_photo(job.request.face):
                # With the video's own sound the video itself is what the result should be.
                entries.append(Entry(task.item, REFERENCE, job.request.face))
            self._sets.add(task.set, entries)
        elif job.state == "failed":
            why = job.error.on_page if isinstance(job.error, LipSyncError) else BUG
            self._sets.record_failure(task.set, task.item, title, why)
        else:
            return
        task.stored += 1


def _fresh(name: str, taken: set[str]) -> str:
    """The name, with a number where it is taken."""
    number, fresh = 1, name
    while fresh in taken:
        number += 1
        fresh = f"{name} {number}"
    return fresh
