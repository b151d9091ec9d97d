"""The visitor's jobs under the result: what runs, waits, failed, and the results of the last day."""

from __future__ import annotations

from typing import Any

import gradio as gr

from lipsync.assets import asset
from lipsync.ui.generate_queue import Job, Jobs
from lipsync.ui.jobs.batch_queue import VideoBatch, VideoBatches
from lipsync.ui.jobs.job_list import job_list
from lipsync.ui.page_events import QUIET
from lipsync.ui.visitor import visitor_of

EVERY = 2.0  # s between two looks while a job is not over
SCRIPT = asset("js", "my_jobs.js")
LOOK: dict[str, Any] = {**QUIET, "queue": False}


class MyJobs:
    """The list, which is not there while it is empty.

    A job does not depend on the page that asked for it: every page of the same browser shows it.

    Attributes:
        listing: its event ``select`` asks for a job's result in the player, ``submit`` for its inputs and
            settings in the form; `asked_for` has the job.
        shown: components that `show` gives updates for.
    """

    def __init__(self, jobs: Jobs, batches: VideoBatches) -> None:
        self.jobs, self.batches = jobs, batches
        self.timer = gr.Timer(EVERY, active=False)
        self.listing = gr.HTML(
            visible=False, elem_id="my-jobs", js_on_load=SCRIPT.read_text(encoding="utf-8")
        )
        self.shown = [self.listing, self.timer]
        self.timer.tick(self.show, None, self.shown, **LOOK)

    def attach(self, demo: gr.Blocks, job: gr.BrowserState) -> tuple[Any, Any]:
        """Show the list with the page, and again whenever the page begins or ends a job.

        Args:
            job: id of the page's own job.

        Returns:
            What happens when the person cancels and when they delete a job, for others to follow.
        """
        demo.load(self.show, None, self.shown, **LOOK)
        job.change(self.show, None, self.shown, **LOOK)
        stopped = self.listing.click(self.on_cancel, None, self.shown, **LOOK)
        return stopped, self.listing.delete(self.on_delete, None, self.shown, **LOOK)

    def seen_by(self, request: gr.Request) -> list[Job | VideoBatch]:
        """The jobs and batches that whoever makes a request may see, the newest first."""
        found: list[Job | VideoBatch] = [*self.jobs.seen_by(request), *self.batches.seen_by(request)]
        return sorted(found, key=lambda task: task.asked, reverse=True)

    def asked_for(self, request: gr.Request, event: gr.EventData) -> Job | VideoBatch | None:
        """What an event of the list is about; None where it is gone, or not the person's to see.

        That is a job, a batch, or the job of one of a batch's videos.
        """
        name, visible = (event._data or {}).get("job"), self.seen_by(request)
        parts = [
            one.job for task in visible if isinstance(task, VideoBatch) for one in task.entries if one.job
        ]
        return next((task for task in [*visible, *parts] if task.id == name), None)

    def show(self, request: gr.Request) -> list[Any]:
        """The list as it is now, looked at again for as long as something is not over."""
        found = self.seen_by(request)
        shown = job_list(found, self.jobs.ahead, visitor_of(request), self.jobs.keep)
        busy = any(not job.over for job in found)
        return [gr.update(value=shown, visible=bool(shown)), gr.Timer(active=busy)]

    def on_cancel(self, request: gr.Request, event: gr.EventData) -> list[Any]:
        job = self.asked_for(request, event)
        if job is not None:
            job.cancel.set()
        return self.show(request)

    def on_delete(self, request: gr.Request, event: gr.EventData) -> list[Any]:
        job = self.asked_for(request, event)
        if isinstance(job, VideoBatch):
            self.batches.delete(job)
        elif job is not None:
            self.jobs.delete(job)
        return self.show(request)
