"""The score queue: background scoring for the Score page."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from eval.batch.batch_manifest import ManifestRow
from eval.batch.rows import Options, run
from eval.batch.summary import ScoreTable, summarise_rows
from eval.report.files import write_tables
from lipsync.errors import Cancelled
from lipsync.ui.job_queue import Task, Tasks


@dataclass
class ScoreJob(Task):
    """One table, and how far it is.

    Attributes:
        row, done, total: what is being scored and how far it is, frames.
        number: rows finished.
        frames: scored so far, in all rows.
        table: the result.
    """

    rows: Sequence[ManifestRow]
    options: Options
    row: ManifestRow | None = None
    done: int = 0
    total: int = 0
    number: int = 0
    frames: int = 0
    table: ScoreTable | None = None

    @property
    def fps(self) -> float:
        """Frames per second so far."""
        return self.frames / max(1e-3, (self.ended or time.monotonic()) - self.began)


class ScoreQueue(Tasks[ScoreJob]):
    """Scores one table after the other, see `Tasks`."""

    def submit(self, rows: Sequence[ManifestRow], options: Options) -> ScoreJob:
        """Queue a table.

        Raises:
            ConfigError: too many wait already.
        """
        name, folder = self._place()
        return self._add(ScoreJob(rows, options, id=name, folder=folder))

    def _do(self, job: ScoreJob) -> None:
        def row_done(done: int, total: int, result: dict) -> None:
            job.number = done

        def frame_done(row: ManifestRow, done: int, total: int) -> None:
            if job.cancel.is_set():
                raise Cancelled("job.stopped")
            job.row, job.done, job.total = row, done, total
            job.frames += 1

        results = run(job.rows, job.options, job.folder, report=row_done, report_frames=frame_done)
        table = summarise_rows(results, job.folder)
        write_tables(table, job.folder)
        job.table = table
