"""Many videos: one file per scored row, so that a run can stop anywhere and go on."""

from __future__ import annotations

import hashlib
import json
import logging
import multiprocessing
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from eval.functional.lpips import LpipsNet
from eval.manifest import Row
from eval.metrics import METRICS
from eval.networks import Networks, load_networks
from eval.protocol import VERSION, Region
from eval.score import score, wanted
from eval.scores import write_text
from eval.sync import Variant
from lipsync.errors import Cancelled, ConfigError, LipSyncError

log = logging.getLogger(__name__)
ATTEMPTS = 2  # a row during which a worker died is tried once more, then it counts as failed


@dataclass(frozen=True)
class Options:
    """How the scores of a batch are made; the same for all its rows."""

    metrics: tuple[str, ...] | None = None
    region: Region = "face"
    variant: Variant = "track"
    syncnet: Path | None = None
    lpips: LpipsNet = "alex"
    resize: bool = False


@dataclass(frozen=True)
class Job:
    """One row, how to score it and where its files go; all that a worker anywhere needs."""

    row: Row
    options: Options
    folder: Path
    fingerprint: str
    threads: int = 0  # of torch; 0: as it likes

    @property
    def key(self) -> str:
        """File name of the row: readable, and unique whatever the names hold."""
        name = f"{self.row.item}--{self.row.method}"
        mark = hashlib.sha256(name.encode()).hexdigest()[:8]
        return f"{re.sub(r'[^A-Za-z0-9._+-]+', '-', name)[:80]}-{mark}"

    @property
    def result(self) -> Path:
        return self.folder / "rows" / f"{self.key}.json"


def run(
    rows: Sequence[Row],
    options: Options,
    folder: Path,
    workers: int = 1,
    ray: str | None = None,
    tell: Callable[[int, int, dict[str, Any]], None] | None = None,
    tell_frames: Callable[[Row, int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """Score all rows that are not finished yet; the results of all of them, in the order of ``rows``.

    A row that fails is a result too, with the reason; it is tried again by the next run.

    Args:
        workers: processes on this machine.
        ray: address of a Ray cluster, or ``auto``; its nodes must see all files at the same paths.
        tell: called with (rows done, rows in all, result) after each row.
        tell_frames: in one process, called with (row, frames done, frames expected); a `Cancelled`
            that it raises ends the run.

    Raises:
        ConfigError: the options cannot be met, or Ray is not installed.
    """
    options = replace(options, metrics=_possible(rows, options.metrics))
    networks = _networks(options)
    jobs = [Job(row, options, folder.resolve(), _fingerprint(row, options, networks)) for row in rows]
    results = {job.key: result for job in jobs if (result := _finished(job)) is not None}
    todo = [job for job in jobs if job.key not in results]
    log.info("%d of %d rows are finished already", len(results), len(jobs))
    engine: Iterator[tuple[Job, dict[str, Any]]]
    if ray is not None:
        engine = _on_ray(todo, ray)
    elif workers > 1 and len(todo) > 1:
        _networks.cache_clear()  # the workers load their own
        engine = _in_processes(todo, min(workers, len(todo)))
    else:
        engine = ((job, run_job(job, tell_frames) if tell_frames else run_job(job)) for job in todo)
    for job, result in engine:
        results[job.key] = result
        if tell is not None:
            tell(len(results), len(jobs), result)
    return [results[job.key] for job in jobs]


def run_job(job: Job, tell: Callable[[Row, int, int], None] | None = None) -> dict[str, Any]:
    """Score one row and write its files; what any engine runs. Never raises for a bad row."""
    row, options = job.row, job.options
    result: dict[str, Any] = {
        "fingerprint": job.fingerprint, "item": row.item, "method": row.method,
        "control": row.control is not None,
    }  # fmt: skip
    if job.threads:
        import torch

        torch.set_num_threads(job.threads)
    try:
        for path in (row.generated, row.reference, row.reference_image):
            if path is not None and not path.is_file():
                raise ConfigError(f"There is no file {path}; check the manifest.")
        names = _possible([row], options.metrics)
        with _FeatureFiles(job) as features:
            scores = score(
                row.generated, row.reference, row.reference_image, metrics=names, region=options.region,
                variant=options.variant, resize=options.resize, networks=_networks(options),
                keep_features=features, control=row.control, progress=partial(tell, row) if tell else None,
            )  # fmt: skip
        scores.write_frames(job.folder / "frames" / f"{job.key}.csv")
        result |= {"scores": scores.to_dict(), "features": features.name}
    except Cancelled:
        raise
    except LipSyncError as problem:
        result["error"] = str(problem)
    except Exception as problem:
        log.exception("row %s, %s", row.item, row.method)
        result["error"] = f"Unexpected {type(problem).__name__}: {problem}"
    text = json.dumps(result, indent=1, ensure_ascii=False)
    write_text(job.result, text + "\n")
    return json.loads(text)  # as a later run reads it


def load_features(folder: Path, result: dict[str, Any]) -> tuple[np.ndarray, np.ndarray] | None:
    """(N, 2048) Inception features of a row's generated and reference faces, left on disk."""
    name = result.get("features")
    paths = [folder / "features" / f"{name}.{side}.f32" for side in ("generated", "reference")]
    if not name or not all(path.is_file() and path.stat().st_size for path in paths):
        return None
    generated, reference = (np.memmap(path, np.float32, "r").reshape(-1, 2048) for path in paths)
    return generated, reference


class _FeatureFiles:
    """Two growing files of Inception features, named only when the row is done."""

    def __init__(self, job: Job):
        self.name: str | None = None
        self._key = job.key
        self._paths = [
            job.folder / "features" / f"{job.key}.{side}.f32" for side in ("generated", "reference")
        ]
        self._files: list[Any] = []

    def __call__(self, generated: np.ndarray, reference: np.ndarray) -> None:
        if not self._files:
            self._paths[0].parent.mkdir(parents=True, exist_ok=True)
            self._files = [path.with_suffix(".part").open("wb") for path in self._paths]
        for file, rows in zip(self._files, (generated, reference), strict=True):
            file.write(np.ascontiguousarray(rows, np.float32).tobytes())

    def __enter__(self) -> _FeatureFiles:
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        for file, path in zip(self._files, self._paths, strict=False):
            file.close()
            if kind is None:
                path.with_suffix(".part").replace(path)
                self.name = self._key
            else:
                path.with_suffix(".part").unlink(missing_ok=True)


def _possible(rows: Iterable[Row], chosen: Sequence[str] | None) -> tuple[str, ...]:
    """The chosen metrics that at least one of the rows can have, in the order of the table.

    Raises:
        ConfigError: an unknown name, or nothing is left.
    """
    for name in chosen or ():
        METRICS.get(name)
    inputs = {(row.reference is not None, row.reference_image is not None) for row in rows}
    can = {name for given in inputs for name in wanted(None, *given)}
    names = tuple(name for name in METRICS if name in can and (chosen is None or name in chosen))
    if not names:
        raise ConfigError("None of the chosen metrics can be had without a reference video; name it.")
    return names


@lru_cache(maxsize=1)  # a portal meets many options, and each set of networks takes hundreds of MB
def _networks(options: Options) -> Networks:
    """Loaded once for a batch."""
    return load_networks(options.metrics or (), options.syncnet, options.lpips)


def _fingerprint(row: Row, options: Options, networks: Networks) -> str:
    """Changes with anything that changes the row's scores: files, options, weights, protocol."""
    audio = row.control.audio if row.control else None
    files = [
        (str(path), path.stat().st_size, path.stat().st_mtime_ns)
        for path in (row.generated, row.reference, row.reference_image, audio)
        if path is not None and path.is_file()
    ]
    control = asdict(row.control) if row.control else None
    said = [
        VERSION,
        files,
        control,
        asdict(options),
        sorted(networks.hashes.items()),
        sorted(networks.names.items()),
    ]
    return hashlib.sha256(json.dumps(said, default=str).encode()).hexdigest()[:16]


def _finished(job: Job) -> dict[str, Any] | None:
    """The row's result from an earlier run with the same inputs, if it had one."""
    try:
        result = json.loads(job.result.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    fits = isinstance(result, dict) and result.get("fingerprint") == job.fingerprint
    return result if fits and "error" not in result else None


def _in_processes(jobs: list[Job], workers: int) -> Iterator[tuple[Job, dict[str, Any]]]:
    """Results as they come. When a worker dies its rows are tried again, then counted as failed."""
    threads = max(1, (multiprocessing.cpu_count() or 1) // workers)
    waiting = [(replace(job, threads=threads), 1) for job in jobs]
    while waiting:
        # Spawned, not forked: a fork of a process with torch's threads can hang.
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
            running: dict[Future[dict[str, Any]], tuple[Job, int]] = {}
            broken = False
            while (waiting or running) and not broken:
                while waiting and len(running) < workers:
                    job, attempt = waiting.pop(0)
                    running[pool.submit(run_job, job)] = (job, attempt)
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


def _again(job: Job, attempt: int, waiting: list[tuple[Job, int]]) -> Iterator[tuple[Job, dict[str, Any]]]:
    if attempt < ATTEMPTS:
        waiting.insert(0, (job, attempt + 1))
        return
    reason = "The process that scored it died, perhaps for want of memory; use fewer workers."
    result = {"fingerprint": job.fingerprint, "item": job.row.item, "method": job.row.method,
              "control": job.row.control is not None, "error": reason}  # fmt: skip
    write_text(job.result, json.dumps(result, indent=1) + "\n")
    yield job, result


def _on_ray(jobs: list[Job], address: str) -> Iterator[tuple[Job, dict[str, Any]]]:
    """The same rows as tasks of a Ray cluster, one thread each."""
    try:
        import ray
    except ImportError as problem:
        raise ConfigError("Ray is not installed: `pip install ray`, or use --workers instead.") from problem
    try:
        ray.init(
            address=None if address == "local" else address, ignore_reinit_error=True, log_to_driver=False
        )
    except (ConnectionError, ValueError, RuntimeError) as problem:
        raise ConfigError(f"No Ray cluster can be reached at {address!r} ({problem}).") from problem
    task = ray.remote(num_cpus=1, max_retries=ATTEMPTS - 1)(run_job)
    running = {task.remote(replace(job, threads=1)): job for job in jobs}
    while running:
        (ready,), _ = ray.wait(list(running), num_returns=1)
        job = running.pop(ready)
        try:
            yield job, ray.get(ready)
        except ray.exceptions.RayError:
            yield from _again(job, ATTEMPTS, [])
