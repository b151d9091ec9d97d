"""One video of a batch: what it is made of, and the files that keep it and what is known of it."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lipsync.batch.batch_method import REFERENCE, BatchMethod, load_for_job
from lipsync.batch.row_records import (
    FileState,
    file_state,
    finished_record,
    reason_of_failure,
    stored_record,
    write_record,
)
from lipsync.data.face_speech_pairs import FaceSpeechPair
from lipsync.errors import ConfigError, disk_is_full
from lipsync.generate import Request, Result, generate
from lipsync.media.source import check_file
from lipsync.texts import Message


@dataclass(frozen=True)
class GeneratedVideo:
    """What came of a face, a speech and a method.

    Attributes:
        item: of the pair.
        method: name of the method's files.
        path: of the video; there is none where there is an ``error``.
        weights_sha256: of the method.
        frames: of the video, and how many of them show no face.
        seconds: that it took.
        notes: sentences about what was changed or could not be done.
        error: why there is no video.
    """

    item: str
    method: str
    path: Path
    weights_sha256: str
    frames: int = 0
    frames_without_face: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class GenerationJob:
    """A video to make; all that a worker anywhere needs.

    Attributes:
        settings: fields of the `Request` that are the same for all.
        inputs: the state of each file that the video is made of.
        fingerprint: changes with anything that changes the video.
        threads: of PyTorch and OpenCV; 0: as they like.
    """

    row: FaceSpeechPair
    method: BatchMethod
    settings: Mapping[str, Any]
    folder: Path
    inputs: tuple[FileState, ...]
    fingerprint: str
    threads: int = 0

    @property
    def path(self) -> Path:
        """The video."""
        return self.folder / self.row.item / f"{self.method.name}.mp4"

    @property
    def record(self) -> Path:
        """What is known of it, beside it."""
        return self.path.with_suffix(".json")

    @property
    def scratch(self) -> Path:
        """Where the video grows."""
        return self.path.with_name(f".{self.method.name}")

    def finished(self) -> GeneratedVideo | None:
        """What an earlier run made of the same inputs, if it is all there; puts the reference beside it."""
        record = finished_record(self.record, self.fingerprint)
        state = file_state(self.path)
        if record is None or state is None or state[1] != record.get("bytes"):
            return None
        try:
            self.place_reference()
        except OSError:  # work on the row has the sentence for it
            return None
        return self._video(record)

    def clear(self) -> None:
        """Remove what earlier attempts left."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        for path in (self.record, self.path, self.path.with_suffix(".srt")):
            path.unlink(missing_ok=True)

    def keep(self, result: Result) -> GeneratedVideo:
        """Move the video, and its captions, to their place, and write down what is known of it."""
        for file in self.scratch.iterdir():
            file.replace(self.path.with_name(file.name))
        self.scratch.rmdir()
        place = f"{self.row.item}/{self.path.name}"
        return self._write(result.to_dict() | {"path": place, "bytes": self.path.stat().st_size})

    def write(self, *, error: Message) -> GeneratedVideo:
        """Keep the reason why there is no video.

        One that an earlier run finished stays where only files are away that it was made of: they may be back
        for the next run, as a disk that was not mounted.
        """
        if self.made_before():
            return self._video({"error": error})
        self.clear()
        return self._write({"error": error})

    def made_before(self) -> bool:
        """Whether there is the video of this job, as far as its inputs are there to be compared."""
        record = stored_record(self.record)
        if record is None or not self.path.is_file():
            return False
        then = [tuple(state) for state in record.get("inputs", ())]
        return (
            [path for path, *_ in then] == [str(path) for path in self.row.inputs]
            and set(self.inputs) <= set(then)
            and record.get("settings") == dict(self.settings)
            and record.get("weights_sha256") == self.method.weights_sha256
        )

    def check_inputs(self) -> None:
        """That every file is there.

        Raises:
            MediaError: one is not.
        """
        for path in self.row.files:
            check_file(path)

    def place_reference(self) -> None:
        """Put the real video beside those that are made, as another name of the file where that can be."""
        source = self.row.reference
        if source is None:
            return
        place = self.path.with_name(f"{REFERENCE}{source.suffix.lower()}")
        if place.exists() and (place.samefile(source) or _alike(place, source)):
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_name(f".{uuid.uuid4().hex}.part")
        try:
            try:
                os.link(source, part)
            except OSError:  # another disk, or one without links
                shutil.copy2(source, part)
            for old in place.parent.glob(f"{REFERENCE}.*"):
                if old not in self.row.inputs:
                    old.unlink(missing_ok=True)
            part.replace(place)
        finally:
            part.unlink(missing_ok=True)

    def _write(self, facts: dict[str, Any]) -> GeneratedVideo:
        record = {
            **facts, "fingerprint": self.fingerprint, "item": self.row.item, "method": self.method.name,
            "weights_sha256": self.method.weights_sha256, "settings": dict(self.settings),
            "inputs": self.inputs,
        }  # fmt: skip
        return self._video(write_record(self.record, record))

    def _video(self, record: Mapping[str, Any]) -> GeneratedVideo:
        return GeneratedVideo(
            self.row.item,
            self.method.name,
            self.path,
            self.method.weights_sha256,
            record.get("frames", 0),
            record.get("frames_without_face", 0),
            record.get("seconds", {}).get("total", 0.0),
            tuple(record.get("notes", ())),
            record.get("error"),
        )


def run_job(job: GenerationJob) -> GeneratedVideo:
    """Make one video and keep it; what any engine runs. A bad row gives a result with the reason.

    Raises:
        ConfigError: the disk is full, so that no other row will fare better.
    """
    if job.threads:
        _take_threads(job.threads)
    try:
        job.check_inputs()
        job.place_reference()
        job.clear()
        job.scratch.mkdir(parents=True)
        request = Request(
            job.row.face,
            job.row.audio,
            job.scratch / job.path.name,
            job.method.method,
            job.method.checkpoint,
            **job.settings,
        )
        result = generate(request, load=load_for_job)
        if result.weights_sha256 != job.method.weights_sha256:  # training may go on meanwhile
            raise ConfigError("batch.weights_changed", method=job.method.name)
        return job.keep(result)
    except Exception as problem:
        if disk_is_full(problem) and not job.made_before():
            job.clear()
        return job.write(error=reason_of_failure(problem, job.folder))
    finally:
        shutil.rmtree(job.scratch, ignore_errors=True)


def _alike(one: Path, other: Path) -> bool:
    """Whether two files have the same length and age, as a copy has."""
    first, second = one.stat(), other.stat()
    return (first.st_size, first.st_mtime_ns) == (second.st_size, second.st_mtime_ns)


def _take_threads(count: int) -> None:
    import cv2
    import torch

    cv2.setNumThreads(count)
    torch.set_num_threads(count)
