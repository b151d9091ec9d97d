"""Many videos by many methods, so that a run can stop anywhere and go on."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from lipsync.batch.batch_method import BatchMethod, batch_methods, forget_networks
from lipsync.batch.engines import Engine
from lipsync.batch.generated_video import GeneratedVideo, GenerationJob, run_job
from lipsync.batch.row_records import file_state, fingerprint
from lipsync.data.face_speech_pairs import FaceSpeechPair
from lipsync.errors import ConfigError

LONGEST = 120  # characters of an item, and 255 bytes, which file systems take

Reported = Callable[[int, int, GeneratedVideo | None], None]


def generate_batch(
    rows: Sequence[FaceSpeechPair],
    methods: Sequence[str | BatchMethod],
    folder: Path,
    engine: Engine | None = None,
    report: Reported | None = None,
    settings: Mapping[str, Any] | None = None,
) -> list[GeneratedVideo]:
    """Make the videos of all rows by all methods that are not there yet; every one of them, row by row.

    ``folder/ITEM/METHOD.mp4`` is a video, ``ITEM/METHOD.json`` what is known of it, ``ITEM/reference.*`` the
    real one where a row has it. A row that fails is a result too, with the reason; it is tried again by the
    next run. Whether a video is there already is told by the paths, lengths and times of its face and audio,
    the settings and the hash of the weights. Another reference takes the place of the one before.

    Args:
        methods: see `batch_methods`.
        engine: where; None: in this process.
        report: called with (videos done, videos in all, video) after each one, and at the start with None.
        settings: fields of `lipsync.request.Request` for all videos, such as ``{"length": "video"}``.

    Raises:
        ConfigError: two rows or two methods have one name, no file can have it, an input would be written
            over, the folder cannot be written to, its disk is full, or the Ray cluster cannot be used.
        ArtefactError: weights are unavailable.
    """
    settings, folder = dict(settings or {}), folder.absolute()
    _check_items(rows)
    chosen = batch_methods(methods, settings.get("mouth_opening", 1) != 1)
    jobs = _jobs([_absolute(row) for row in rows], chosen, folder, settings)
    _check_inputs(jobs)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise ConfigError("file.cannot_write_choose", path=folder, problem=problem.strerror) from problem
    found = {job.path: video for job in jobs if (video := job.finished()) is not None}
    todo = [job for job in jobs if job.path not in found]
    done = len(found)
    if report is not None:
        report(done, len(jobs), None)
    engine = (engine or Engine()).for_rows(len(todo))
    if engine.elsewhere:
        forget_networks()  # the workers load their own
    for number, (job, video) in enumerate(engine.results(todo, run_job), start=done + 1):
        found[job.path] = video
        if report is not None:
            report(number, len(jobs), video)
    ordered = [jobs[at + number] for number in range(len(rows)) for at in range(0, len(jobs), len(rows))]
    return [found[job.path] for job in ordered]


def _jobs(
    rows: Sequence[FaceSpeechPair], methods: Sequence[BatchMethod], folder: Path, settings: dict[str, Any]
) -> list[GenerationJob]:
    """One method after the other, so that a worker keeps its networks as long as possible."""
    state = cache(file_state)  # many rows share a face or a speech
    # Another batch size takes other memory, and makes the same video.
    asked = {name: value for name, value in settings.items() if name != "batch_size"}
    jobs = []
    for method in methods:
        for row in rows:
            inputs = tuple(found for path in row.inputs if (found := state(path)) is not None)
            mark = fingerprint([inputs, asked, method.method, method.weights_sha256])
            jobs.append(GenerationJob(row, method, settings, folder, inputs, mark))
    return jobs


def _absolute(row: FaceSpeechPair) -> FaceSpeechPair:
    """The same, wherever the process that works on it is."""
    return replace(
        row,
        face=row.face.absolute(),
        audio=row.audio and row.audio.absolute(),
        reference=row.reference and row.reference.absolute(),
    )


def _check_items(rows: Sequence[FaceSpeechPair]) -> None:
    """That every item can be the name of a folder of its own.

    Raises:
        ConfigError: one cannot.
    """
    taken = set()
    for row in rows:
        name = unicodedata.normalize("NFC", row.item)
        if name in taken:
            raise ConfigError("batch.item_twice", item=row.item)
        taken.add(name)
        unseen = any(unicodedata.category(sign) in ("Cc", "Cs") or sign in "/\\" for sign in name)
        if unseen or not 0 < len(name) <= LONGEST or len(os.fsencode(name)) > 255 or name[0] == ".":
            raise ConfigError("batch.item_name", item=row.item, most=LONGEST)


def _check_inputs(jobs: Sequence[GenerationJob]) -> None:
    """That no video is written over what another one, or it itself, is made of.

    Raises:
        ConfigError: one is.
    """
    made = {os.path.realpath(job.path) for job in jobs}
    for path in {path for job in jobs for path in job.row.files}:
        if os.path.realpath(path) in made:
            raise ConfigError("batch.input_is_result", path=path)
