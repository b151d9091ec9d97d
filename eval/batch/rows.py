"""Many videos: one file per scored row, so that a run can stop anywhere and go on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from eval.batch.batch_manifest import ManifestRow
from eval.batch.job import FeatureFiles, Options, ScoringJob, load_features
from eval.scoring.metrics import METRICS
from eval.scoring.networks import Networks, load_networks
from eval.scoring.protocol import VERSION
from eval.scoring.score import possible, score
from lipsync.batch.engines import Engine
from lipsync.batch.row_records import file_state, fingerprint, reason_of_failure
from lipsync.errors import ConfigError
from lipsync.nn.memory import CachedWhileUsed

__all__ = ["Engine", "Options", "ScoringJob", "load_features", "run", "run_job"]

log = logging.getLogger(__name__)


def run(
    rows: Sequence[ManifestRow],
    options: Options,
    folder: Path,
    engine: Engine | None = None,
    report: Callable[[int, int, dict[str, Any]], None] | None = None,
    report_frames: Callable[[ManifestRow, int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """Score all rows that are not finished yet; the results of all of them, in the order of ``rows``.

    A row that fails is a result too, with the reason; it is tried again by the next run.

    Args:
        engine: where; None: in this process.
        report: called with (rows done, rows in all, result) after each row.
        report_frames: in one process, called with (row, frames done, frames expected); a `Cancelled`
            that it raises ends the run.

    Raises:
        ConfigError: the options cannot be met, the disk is full, or the Ray cluster cannot be used.
    """
    rows = [row.absolute() for row in rows]  # a worker may be somewhere else
    syncnet = options.syncnet.absolute() if options.syncnet else None
    options = replace(options, metrics=possible_metrics(rows, options.metrics), syncnet=syncnet)
    networks = _networks(options)
    jobs = [ScoringJob(row, options, folder.resolve(), _fingerprint(row, options, networks)) for row in rows]
    del networks
    results = {job.key: result for job in jobs if (result := job.finished()) is not None}
    todo = [job for job in jobs if job.key not in results]
    first = {job.row.reference: number for number, job in reversed(list(enumerate(todo)))}
    todo.sort(key=lambda job: first[job.row.reference])  # what is known of a reference serves the next rows
    log.info("%d of %d rows are finished already", len(results), len(jobs))
    engine = (engine or Engine()).for_rows(len(todo))
    work: Callable[[ScoringJob], dict[str, Any]] = run_job
    if engine.elsewhere:
        _networks.clear()  # the workers load their own
    elif report_frames is not None:
        work = partial(run_job, report=report_frames)
    for job, result in engine.results(todo, work):
        results[job.key] = result
        if report is not None:
            report(len(results), len(jobs), result)
    return [results[job.key] for job in jobs]


def run_job(job: ScoringJob, report: Callable[[ManifestRow, int, int], None] | None = None) -> dict[str, Any]:
    """Score one row and write its files; what any engine runs. A bad row gives a result with the reason.

    Raises:
        ConfigError: the disk is full, so that no other row will fare better.
        Cancelled: ``report`` stopped the run.
    """
    row, options = job.row, job.options
    if job.threads:
        import torch

        torch.set_num_threads(job.threads)
    try:
        for path in (row.generated, row.reference, row.reference_image, row.speaker):
            if path is not None and not path.is_file():
                raise ConfigError("manifest.no_file", path=path)
        names = possible_metrics([row], row.metrics or options.metrics)
        with FeatureFiles(job) as features:
            scores = score(
                row.generated, row.reference, row.reference_image, speaker=row.speaker, metrics=names,
                region=options.region, variant=options.variant, resize=options.resize,
                networks=_networks(options), keep_features=features, control=row.control,
                progress=partial(report, row) if report else None,
            )  # fmt: skip
            job.path.unlink(missing_ok=True)  # from here on the files of an earlier run are replaced
        scores.write_frames(job.frames)
        return job.write(scores=scores.to_dict(), features=features.name, feature_kinds=features.kinds)
    except Exception as problem:
        return job.write(error=reason_of_failure(problem, job.folder))


def possible_metrics(rows: Iterable[ManifestRow], chosen: Sequence[str] | None) -> tuple[str, ...]:
    """The chosen metrics (None: the usual ones) that at least one of the rows can have, in the table's order.

    Raises:
        ConfigError: an unknown name, or nothing is left.
    """
    for name in chosen or ():
        METRICS.get(name)
    inputs = {
        (row.reference is not None, row.reference_image is not None, row.speaker is not None) for row in rows
    }
    can = {name for given in inputs for name in possible(*given)}
    among = METRICS.default() if chosen is None else chosen
    names = tuple(name for name in METRICS if name in can and name in among)
    if not names:
        raise ConfigError("metrics.all_need_reference")
    return names


@CachedWhileUsed  # a portal meets many options, and each set of networks takes hundreds of MB
def _networks(options: Options) -> Networks:
    """Loaded once for a batch, and let go when nobody scores any more."""
    return load_networks(options.metrics or (), options.syncnet, options.lpips)


def _fingerprint(row: ManifestRow, options: Options, networks: Networks) -> str:
    """Changes with anything that changes the row's scores: files, options, weights, protocol."""
    audio = row.control.audio if row.control else None
    files = (row.generated, row.reference, row.reference_image, row.speaker, audio)
    return fingerprint([
        VERSION,
        [state for path in files if path is not None and (state := file_state(path)) is not None],
        asdict(row.control) if row.control else None,
        asdict(replace(options, metrics=row.metrics or options.metrics)),
        sorted(networks.hashes.items()),
        sorted(networks.names.items()),
    ])  # fmt: skip
