"""Where the rows of a batch are worked on: this process, processes of this machine, or a Ray cluster."""

from __future__ import annotations

import logging
import multiprocessing
import os
import socket
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from lipsync.errors import ConfigError, LipSyncError
from lipsync.media.source import PROCESSORS
from lipsync.nn.memory import bound_memory
from lipsync.texts import Message, for_terminal

ATTEMPTS = 2  # a row during which a worker died is tried once more, then it counts as failed
DIED = Message("batch.died")
ROOT = Path(__file__).resolve().parents[2]
OBJECT_STORE = 100 * 2**20  # bytes of a cluster of our own; a row's result is some kilobytes
ANSWER = 5.0  # s that a cluster may take to open its port


class RowJob(Protocol):
    """One row and all that a worker anywhere needs for it: a frozen dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def threads(self) -> int:
        """How many a worker may use for it; 0: as many as it likes."""
        ...

    def write(self, *, error: Message) -> Any:
        """Keep an error as the row's result, and give that result."""
        ...


J = TypeVar("J", bound=RowJob)
R = TypeVar("R")


@dataclass(frozen=True)
class Engine:
    """Where rows are worked on.

    Attributes:
        workers: processes on this machine; 1: this process itself.
        ray: address of a Ray cluster instead, whose nodes must see all files at the same paths; see
            :func:`on_ray`.

    Raises:
        ConfigError: less than one worker.
    """

    workers: int = 1
    ray: str | None = None

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ConfigError("run.workers_least")

    def for_rows(self, count: int) -> Engine:
        """The same without workers that would have nothing to do."""
        return Engine() if count == 0 else replace(self, workers=min(self.workers, count))

    @property
    def elsewhere(self) -> bool:
        """Whether other processes do the work, which load their own networks."""
        return self.ray is not None or self.workers > 1

    def results(self, jobs: Sequence[J], run: Callable[[J], R]) -> Iterator[tuple[J, R]]:
        """What ``run`` gives for each job, as it comes.

        Args:
            run: never raises for a bad row; for other processes a function of a module.

        Raises:
            ConfigError: the cluster cannot be used.
        """
        if self.ray is not None:
            return on_ray(jobs, run, self.ray)
        if self.workers > 1:
            return in_processes(jobs, run, self.workers)
        return ((job, run(job)) for job in jobs)


def in_processes(jobs: Sequence[J], run: Callable[[J], R], workers: int) -> Iterator[tuple[J, R]]:
    """Results as they come. When a worker dies its rows are tried again, then counted as failed."""
    threads = max(1, PROCESSORS // workers)
    waiting = [(replace(job, threads=threads), 1) for job in jobs]
    while waiting:
        # One by one it shows which row it is; then all workers go on.
        again = [entry for entry in waiting if entry[1] > 1]
        rest = [entry for entry in waiting if entry[1] == 1] if again else []
        waiting = [*(yield from _until_a_death(again or waiting, run, 1 if again else workers)), *rest]


def _until_a_death(
    entries: Sequence[tuple[J, int]], run: Callable[[J], R], workers: int
) -> Generator[tuple[J, R], None, list[tuple[J, int]]]:
    """Results of jobs, each with the number of its attempt; gives those that are left when a worker died."""
    waiting, running = list(reversed(entries)), dict[Future[R], tuple[J, int]]()
    # Spawned, not forked: a fork of a process with torch's threads can hang.
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, spawned, _begin) as pool:
        while waiting or running:
            try:
                while waiting and len(running) < workers:
                    running[pool.submit(run, waiting[-1][0])] = waiting[-1]
                    waiting.pop()
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    result = future.result()
                    yield running.pop(future)[0], result
            except BrokenProcessPool:
                break
    left: list[tuple[J, int]] = []
    for future, (job, attempt) in running.items():
        if future.exception() is None:  # it was finished at that very moment
            yield job, future.result()
        elif attempt < ATTEMPTS:
            left.append((job, attempt + 1))
        else:
            yield job, job.write(error=DIED)
    return [*left, *reversed(waiting)]


def _begin() -> None:
    """Bound this worker's memory, and end it when the process that started it is gone, however that ended."""
    bound_memory()
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait_for([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def on_ray(jobs: Sequence[J], run: Callable[[J], R], address: str) -> Iterator[tuple[J, R]]:
    """The same rows as tasks of a Ray cluster, one thread each.

    Args:
        address: of a cluster; ``auto``: the one that this machine belongs to, or else one on this machine
            for this run; ``local``: always the latter.

    Raises:
        ConfigError: Ray is not installed, or there is no cluster at that address.
    """
    with _cluster(address) as ray:
        task = ray.remote(num_cpus=1, max_retries=ATTEMPTS - 1)(run)
        running = {task.remote(replace(job, threads=1)): job for job in jobs}
        while running:
            (ready,), _ = ray.wait(list(running), num_returns=1)
            job = running.pop(ready)
            try:
                yield job, ray.get(ready)
            except ray.exceptions.RayTaskError as problem:
                if isinstance(problem.cause, LipSyncError):
                    raise problem.cause from problem
                raise  # a fault of this program, not of a worker
            except ray.exceptions.RayError:
                yield job, job.write(error=DIED)


@contextmanager
def _cluster(address: str) -> Iterator[Any]:
    """Ray, connected for the length of the block; a connection that is there already stays."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anyone
    if address not in ("auto", "local"):
        _check_answers(address)
        # Ray would otherwise try for many minutes where something else answers.
        os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "2")
    try:
        import ray
    except ImportError as problem:
        raise ConfigError("ray.not_installed") from problem
    if ray.is_initialized():
        yield ray
        return
    # Wherever they were started, the workers import this project and find weights as this process does.
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    settings = {name: value for name, value in os.environ.items() if name.startswith("LIPSYNC_")}
    common: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": logging.ERROR,
        "runtime_env": {"env_vars": {**settings, "PYTHONPATH": paths}},
    }
    try:
        _connect(ray, address, common)
    except (OSError, ValueError, RuntimeError, ray.exceptions.AuthenticationError) as problem:
        # Ray sends its token to an address that was typed only when it is asked to.
        asked = "RAY_AUTH_MODE" in os.environ
        key = "ray.unusable" if asked else "ray.unusable_token"
        reason = str(problem).strip().splitlines()[0].split(". ")[0].rstrip(".")
        raise ConfigError(key, address=address, reason=reason) from problem
    try:
        yield ray
    finally:
        ray.shutdown()


def _connect(ray: Any, address: str, common: dict[str, Any]) -> None:
    if address != "local":
        try:
            ray.init(address=address, **common)
            return
        except ConnectionError:
            if address != "auto":
                raise
    print(for_terminal("ray.started"), file=sys.stderr)
    ray.init(address="local", include_dashboard=False, object_store_memory=OBJECT_STORE, **common)


def _check_answers(address: str) -> None:
    """Whether something listens at ``host:port`` or ``ray://host:port``.

    Raises:
        ConfigError: nothing does, or it is no address.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        raise ConfigError("ray.address_form", address=address)
    try:
        socket.create_connection((host, int(port)), ANSWER).close()
    except (OSError, OverflowError) as problem:
        raise ConfigError("ray.unreachable", address=address, problem=problem) from problem
