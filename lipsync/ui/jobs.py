"""Jobs of the portal: generate in the background, ask how far it is, cancel, find the result again.

A job does not depend on the page that started it, so a reload or a lost connection costs nothing.
"""

import logging
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from lipsync.errors import Cancelled, ConfigError, LipSyncError
from lipsync.generate import Progress, Request, Result, generate

log = logging.getLogger(__name__)

Generate = Callable[[Request, Callable[[Progress], None], threading.Event], Result]


@dataclass
class Job:
    """One request and how far it is. Only the worker writes to it; anyone may read.

    Attributes:
        id: opaque; whoever knows it may see the result.
        state: "waiting", "running", "done", "failed" or "cancelled".
        error: why it failed; a :class:`LipSyncError` is meant for the person.
    """

    id: str
    request: Request
    state: str = "waiting"
    progress: Progress | None = None
    result: Result | None = None
    error: Exception | None = None
    ended: float = 0.0
    cancel: threading.Event = field(default_factory=threading.Event)

    @property
    def over(self) -> bool:
        """Nothing will change any more."""
        return self.state in ("done", "failed", "cancelled")


class Jobs:
    """Runs jobs in order of arrival and forgets them, with their files, some time after their end.

    Args:
        workers: jobs at the same time. One job already keeps the processor busy.
        keep: seconds that a result is kept.
        most: jobs that may wait or run before new ones are refused.
        work: what does the job.
        sweep: seconds between two looks for results that are kept no longer.
    """

    def __init__(
        self,
        workers: int = 1,
        keep: float = 3600.0,
        most: int = 20,
        work: Generate = generate,
        sweep: float = 60.0,
    ) -> None:
        self.keep = keep
        self.folder = Path(tempfile.mkdtemp(prefix="lipsync-"))
        self._most = most
        self._work = work
        self._jobs: dict[str, Job] = {}
        self._speeds: dict[str, float] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="job")
        self._closed = threading.Event()
        threading.Thread(target=self._sweep, args=(sweep,), name="sweep", daemon=True).start()

    def submit(self, request: Request) -> Job:
        """Queue a request; its ``output`` is only a file name here, the folder is the job's own.

        Raises:
            ConfigError: too many jobs are waiting.
        """
        self._forget()
        with self._lock:
            if sum(not job.over for job in self._jobs.values()) >= self._most:
                raise ConfigError(f"{self._most} jobs are waiting already; try again in a few minutes.")
            name = secrets.token_urlsafe(16)
            job = Job(name, replace(request, output=self.folder / name / request.output.name))
            self._jobs[name] = job
        self._pool.submit(self._run, job)
        return job

    def get(self, name: object) -> Job | None:
        """The job of that id, while it is kept."""
        self._forget()
        return self._jobs.get(name) if isinstance(name, str) else None

    def ahead(self, job: Job) -> int:
        """Jobs that run or wait before this one."""
        with self._lock:
            earlier = list(self._jobs.values())
        return sum(not other.over for other in earlier[: earlier.index(job)]) if job in earlier else 0

    def speed(self, method: str) -> float | None:
        """Frames per second of the method's last job on this machine."""
        return self._speeds.get(method)

    def close(self) -> None:
        """Cancel everything and remove all files."""
        self._closed.set()
        for job in list(self._jobs.values()):
            job.cancel.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, job: Job) -> None:
        folder = job.request.output.parent
        state = "failed"
        try:
            if job.cancel.is_set():
                raise Cancelled("Cancelled before it began.")
            job.state = "running"
            folder.mkdir()
            job.result = self._work(job.request, lambda step: setattr(job, "progress", step), job.cancel)
            self._speeds[job.request.method] = speed(job.result)
            state = "done"
        except Cancelled:
            state = "cancelled"
        except LipSyncError as error:
            job.error = error
        except Exception as error:
            log.exception("a job failed")
            job.error = error
        if state != "done":
            shutil.rmtree(folder, ignore_errors=True)
        job.ended = time.monotonic()
        job.state = state

    def _sweep(self, every: float) -> None:
        while not self._closed.wait(every):
            self._forget()

    def _forget(self) -> None:
        now = time.monotonic()
        with self._lock:
            for job in list(self._jobs.values()):
                if job.over and now - job.ended > self.keep:
                    del self._jobs[job.id]
                    shutil.rmtree(job.request.output.parent, ignore_errors=True)


def speed(result: Result) -> float:
    """Frames per second of a finished job, all stages together; 0 when it was not timed."""
    total = result.seconds.get("total", 0.0)
    return result.frames / total if total > 0 else 0.0
