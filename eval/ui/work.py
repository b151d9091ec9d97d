"""Scoring in the background, so that a page can ask how far it is, cancel, and find it again."""

from __future__ import annotations

import logging
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eval.batch import Options, run
from eval.manifest import Row
from eval.report.files import write_tables
from eval.summary import Table, summarise_rows
from lipsync.errors import Cancelled, ConfigError

log = logging.getLogger(__name__)


@dataclass
class Work:
    """One table in the making. Only its thread writes to it; anyone may read.

    Attributes:
        row, done, total: what is being scored and how far it is, frames.
        number: rows finished.
    """

    rows: Sequence[Row]
    options: Options
    folder: Path
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    cancel: threading.Event = field(default_factory=threading.Event)
    row: Row | None = None
    done: int = 0
    total: int = 0
    number: int = 0
    began: float = field(default_factory=time.monotonic)
    frames: int = 0
    ended: float | None = None
    table: Table | None = None
    error: Exception | None = None

    @property
    def over(self) -> bool:
        return self.ended is not None

    @property
    def fps(self) -> float:
        """Frames per second so far."""
        return self.frames / max(1e-3, (self.ended or time.monotonic()) - self.began)


class Works:
    """Scores one table after the other; forgets each ``keep`` seconds after it ended.

    Args:
        keep: seconds a result stays to be looked at and downloaded.
        waiting: how many may wait.
    """

    def __init__(self, keep: float = 3600.0, waiting: int = 8) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lipsync-score-"))
        self._keep, self._limit = keep, waiting
        self._works: dict[str, Work] = {}
        self._lock = threading.Lock()
        self._turn = threading.Lock()

    def submit(self, rows: Sequence[Row], options: Options) -> Work:
        """Start, or wait for the ones before.

        Raises:
            ConfigError: too many wait already.
        """
        self._forget()
        with self._lock:
            if sum(not work.over for work in self._works.values()) > self._limit:
                raise ConfigError("Many videos are waiting to be scored; try again in a few minutes.")
            folder = Path(tempfile.mkdtemp(dir=self.folder))
            work = Work(rows, options, folder)
            self._works[work.id] = work
        threading.Thread(target=self._run, args=(work,), daemon=True).start()
        return work

    def get(self, name: object) -> Work | None:
        """A work that is not forgotten yet."""
        return self._works.get(name) if isinstance(name, str) else None

    def close(self) -> None:
        """Stop all, remove all."""
        for work in list(self._works.values()):
            work.cancel.set()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, work: Work) -> None:
        try:
            with self._turn:
                work.began = time.monotonic()
                results = run(work.rows, work.options, work.folder, tell=_Row(work), tell_frames=_Frame(work))
                table = summarise_rows(results, work.folder)
                write_tables(table, work.folder)
                work.table = table
        except Exception as problem:
            if not isinstance(problem, Cancelled):
                log.info("scoring stopped", exc_info=True)
            work.error = problem
            shutil.rmtree(work.folder, ignore_errors=True)
        work.ended = time.monotonic()

    def _forget(self) -> None:
        now = time.monotonic()
        with self._lock:
            for name, work in list(self._works.items()):
                if work.ended is not None and now - work.ended > self._keep:
                    shutil.rmtree(work.folder, ignore_errors=True)
                    del self._works[name]


@dataclass
class _Row:
    work: Work

    def __call__(self, done: int, total: int, result: dict) -> None:
        self.work.number = done


@dataclass
class _Frame:
    work: Work

    def __call__(self, row: Row, done: int, total: int) -> None:
        if self.work.cancel.is_set():
            raise Cancelled("Stopped.")
        self.work.row, self.work.done, self.work.total = row, done, total
        self.work.frames += 1
