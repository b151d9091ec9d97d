"""Batches of the portal: many requests of one person, one after the other on the queue of all."""

from __future__ import annotations

import csv
import io
import shutil
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lipsync.errors import Cancelled, ConfigError, LipSyncError, full_disk_reported, page_sentence
from lipsync.generate import Request, Result
from lipsync.media.output.captions import caption_file
from lipsync.texts import Message
from lipsync.ui.generate_queue import Job, Jobs
from lipsync.ui.job_queue import Task, Tasks
from lipsync.ui.public.visitor_limits import VisitorLimits

POLL = 0.1  # s between two looks at a job
ZIP = "videos.zip"  # in the folder of a batch
TABLE = "videos.csv"  # in the zip
COLUMNS = ("item", "face", "audio", "video", "method", "seconds", "frames", "frames_without_face", "error")
EPOCH = (1980, 1, 1, 0, 0, 0)  # of every member, so that the same videos give the same bytes


@dataclass
class BatchEntry:
    """One video of a batch.

    Attributes:
        item: what it is called; no two of a batch are called the same.
        request: None where there can be none, for the reason in ``error``.
        job: once it is its turn.
    """

    item: str
    request: Request | None
    error: LipSyncError | None = None
    job: Job | None = None

    @property
    def result(self) -> Result | None:
        """Once there is one."""
        return None if self.job is None else self.job.result

    @property
    def failure(self) -> Message | None:
        """Why there is no video and will be none; None where that is not so."""
        if self.error is not None:
            return self.error.on_page
        if self.job is None or self.job.state != "failed":
            return None
        return page_sentence(self.job.error)

    @property
    def over(self) -> bool:
        """Whether nothing will change any more, for as long as the batch goes on."""
        return self.error is not None or (self.job is not None and self.job.over)


@dataclass
class VideoBatch(Task):
    """Several videos, and a zip of them in the end.

    Attributes:
        entries: in the order in which they are made.
        zip: None where there is none: before the end, without any video, or for the reason in ``error``.
    """

    entries: tuple[BatchEntry, ...]
    zip: Path | None = None

    @property
    def seconds_left(self) -> float | None:
        """About how many more it takes; None before the first video is finished."""
        over = [entry for entry in self.entries if entry.job is not None and entry.job.over]
        left = sum(not entry.over for entry in self.entries)
        if not over:
            return None
        spent = max(entry.job.ended for entry in over if entry.job is not None) - self.began
        return max(0.0, self.began + spent * (1 + left / len(over)) - time.monotonic())


class VideoBatches(Tasks[VideoBatch]):
    """Carries batches to their end, with or without an open page.

    A batch asks for its next video when the one before is over, so that the jobs of others come between.
    All its files lie in its folder, where they count for its visitor.
    """

    def __init__(self, jobs: Jobs, keep: float = 3600.0, visitors: VisitorLimits | None = None) -> None:
        self._jobs = jobs
        super().__init__(workers=8, most=8, keep=keep, visitors=visitors)

    def submit(self, entries: Sequence[BatchEntry]) -> VideoBatch:
        """Queue videos.

        Raises:
            ConfigError: too many batches run, in all or of this visitor.
        """
        name, folder = self._place()
        return self._add(VideoBatch(tuple(entries), id=name, folder=folder))

    def delete(self, task: VideoBatch) -> None:
        super().delete(task)
        if task.over:
            for entry in task.entries:
                if entry.job is not None:
                    self._jobs.delete(entry.job)

    def _do(self, task: VideoBatch) -> None:
        for entry in task.entries:
            if entry.request is not None and not task.cancel.is_set():
                self._make(task, entry, entry.request)
        if any(entry.result is not None for entry in task.entries):
            self._zip(task)
        elif task.cancel.is_set():
            raise Cancelled("job.stopped")

    def _zip(self, task: VideoBatch) -> None:
        """Write the zip; where there is no room for it, note that and keep the videos."""
        path = task.folder / ZIP
        try:
            with full_disk_reported():
                _write_zip(path, task.entries)
                task.zip = path
        except ConfigError:
            path.unlink(missing_ok=True)
            task.error = ConfigError("batch.no_room_for_zip")

    def _make(self, task: VideoBatch, entry: BatchEntry, request: Request) -> None:
        """Make one video, or note why there is none."""
        try:
            if self._visitors is not None:
                self._visitors.check_room(task)
            while self._jobs.full and not task.cancel.wait(POLL):
                pass
            entry.job = self._jobs.submit(request, part=True, within=task.folder)
        except ConfigError as problem:
            entry.error = problem
            return
        while not entry.job.over:
            if task.cancel.wait(POLL):
                entry.job.cancel.set()
                time.sleep(POLL)


def _write_zip(path: Path, entries: Sequence[BatchEntry]) -> None:
    """Write the videos of a batch, and a table of what was made and what was not."""
    out = io.StringIO()
    table = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    table.writeheader()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for number, entry in enumerate(entries, start=1):
            name = ""
            if entry.result is not None and entry.result.path.is_file():
                name = entry.result.path.name
                name = f"{number:03d} {name}" if name in archive.namelist() else name
                member = archive.open(zipfile.ZipInfo(name, EPOCH), "w", force_zip64=True)
                with member, entry.result.path.open("rb") as video:
                    shutil.copyfileobj(video, member)
                if entry.result.captions:
                    text = caption_file(entry.result.path).read_bytes()
                    archive.writestr(zipfile.ZipInfo(caption_file(Path(name)).name, EPOCH), text)
            table.writerow(_row(entry, name))
        archive.writestr(zipfile.ZipInfo(TABLE, EPOCH), "\ufeff" + out.getvalue())


def _row(entry: BatchEntry, video: str) -> dict[str, object]:
    """The line of an entry in the table."""
    asked, result = entry.request, entry.result
    row: dict[str, object] = {"item": entry.item, "video": video, "error": str(entry.failure or "")}
    if asked is not None:
        row |= {"face": asked.face.name, "audio": asked.audio.name if asked.audio else ""}
    if result is not None:
        row |= {
            "method": result.method,
            "seconds": f"{result.duration:.3f}",
            "frames": result.frames,
            "frames_without_face": result.frames_without_face,
        }
    return row
