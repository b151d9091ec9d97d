"""Where the rows of a batch are scored: processes of this machine, or a Ray cluster."""

from __future__ import annotations

import logging
import multiprocessing
import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eval.batch.job import ScoringJob
from lipsync.errors import ConfigError
from lipsync.texts import Message, for_terminal

log = logging.getLogger(__name__)

ATTEMPTS = 2  # a row during which a worker died is tried once more, then it counts as failed
DIED = Message("batch.died")
ROOT = Path(__file__).resolve().parents[2]
OBJECT_STORE = 100 * 2**20  # bytes of a cluster of our own; a row's result is some kilobytes
ANSWER = 5.0  # s that a cluster may take to open its port

Result = dict[str, Any]
RunJob = Callable[[ScoringJob], Result]


@dataclass(frozen=True)
class Engine:
    """Where rows are scored.

    Attributes:
        workers: processes on this machine.
        ray: address of a Ray cluster instead, whose nodes must see all files at the same paths; see
            :func:`on_ray`.
    """

    workers: int = 1
    ray: str | None = None


def in_processes(
    jobs: Sequence[ScoringJob], run: RunJob, workers: int
) -> Iterator[tuple[ScoringJob, Result]]:
    """Results as they come. When a worker dies its rows are tried again, then counted as failed."""
    threads = max(1, (multiprocessing.cpu_count() or 1) // workers)
    waiting = [(replace(job, threads=threads), 1) for job in jobs]
    while waiting:
        # Spawned, not forked: a fork of a process with torch's threads can hang.
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
            running: dict[Future[Result], tuple[ScoringJob, int]] = {}
            broken = False
            while (waiting or running) and not broken:
                while waiting and len(running) < workers:
                    job, attempt = waiting.pop(0)
                    running[pool.submit(run, job)] = (job, attempt)
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    job, attempt = running.pop(future)
                    try:
                        yield job, future.result()
                    except BrokenProcessPool:
                        broken = True
                        yield from _again(job, attempt, waiting)
            for job, attempt in running.values():
                yield from _again(job, attempt, waiting)
        workers = 1 if broken else workers  # one by one it shows which row it is


def on_ray(jobs: Sequence[ScoringJob], run: RunJob, address: str) -> Iterator[tuple[ScoringJob, Result]]:
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
            except ray.exceptions.RayTaskError:
                raise  # a fault of this program, not of a worker
            except ray.exceptions.RayError:
                yield job, job.write(error=DIED)


def _again(
    job: ScoringJob, attempt: int, waiting: list[tuple[ScoringJob, int]]
) -> Iterator[tuple[ScoringJob, Result]]:
    if attempt < ATTEMPTS:
        waiting.insert(0, (job, attempt + 1))
        return
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
