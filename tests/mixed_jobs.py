"""``python -m tests.mixed_jobs FOLDER``: small jobs of every kind on a portal's queues, and what it holds.

Prints a line of JSON for the portal at its start and after each job: what was done and the MB it holds. The
portal is the real one, with its page, but is not served: what a request would ask for is put into the queue
that it would reach. Every job has a face in a size of its own and speech of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path

import app  # first: it sets what a portal sets before its libraries are loaded
from lipsync.nn.memory import bound_memory

FPS = 25
LONGEST = 300.0  # s that one job may take on a busy machine
REST = 1.0  # s after a job in which its worker tidies up


def resident() -> float:
    """MB of memory that this process holds, pages of files included."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Portal:
    """The portal's queues, and jobs for them.

    Args:
        folder: empty, for its data and for what is uploaded.
        frames: of every face video.
    """

    def __init__(self, folder: Path, frames: int) -> None:
        from eval.compare.sets import Sets
        from eval.study.server.admin import Admin
        from eval.study.server.hub_backup import mirrored
        from eval.study.storage.store import Store
        from eval.ui.access import Access
        from eval.ui.compare.compare_context import CompareContext
        from eval.ui.score.score_queue import ScoreQueue
        from lipsync.ui.generate_queue import Jobs
        from lipsync.ui.jobs.batch_queue import VideoBatches

        self.folder, self.frames, self.number = folder, frames, 0
        (folder / "data").mkdir()
        store = Store(folder=folder / "data")
        self.sets = Sets(store.folder)
        access = Access(self.sets, store, Admin(), private=True)
        self.jobs, self.scores = Jobs(), ScoreQueue()
        self.batches = VideoBatches(self.jobs)
        self.context = CompareContext.of(store.folder, access, self.jobs)
        studies, _ = mirrored(store, {})
        self.page = app.build(self.jobs, self.batches, self.scores, self.context, studies, None)

    def close(self) -> None:
        """Stop all queues."""
        for part in (self.context, self.scores, self.batches, self.jobs):
            part.close()

    def upload(self) -> tuple[Path, Path]:
        """A face video and a recording that no other job has."""
        import cv2
        import numpy as np
        import soundfile

        from lipsync.assets import asset
        from lipsync.media import VideoWriter, read_frames
        from lipsync.media.sound import read_audio

        self.number += 1
        size = 192 + 16 * (self.number * 5 % 9)
        face, speech = (self.folder / f"{self.number}{end}" for end in (".mp4", ".wav"))
        with VideoWriter(face, size, size, FPS) as writer:
            for frame in islice(read_frames(asset("examples", "portrait.mp4")), self.frames):
                writer.write(cv2.resize(frame.image, (size, size), interpolation=cv2.INTER_AREA))
        sound = read_audio(asset("examples", "english.wav"))
        first = 4_000 + 800 * self.number % 16_000
        soundfile.write(speech, np.asarray(sound[first : first + 16_000 * self.frames // FPS]), 16_000)
        return face, speech

    def generate(self, core: str) -> tuple[Path, Path]:
        """Face and result of a job of one core; the result is the visitor's copy."""
        from lipsync.request import Request

        face, speech = self.upload()
        job = _done(self.jobs.submit(Request(face, speech, Path("result.mp4"), core)))
        copy = self.folder / f"{self.number}-result.mp4"
        copy.write_bytes(job.result.path.read_bytes())
        self.jobs.delete(job)
        return face, copy

    def score(self, face: Path, result: Path) -> None:
        """A table of one row with all metrics."""
        from eval.batch.batch_manifest import ManifestRow
        from eval.batch.rows import Options

        job = _done(self.scores.submit([ManifestRow("one", "A", result, face)], Options()))
        assert job.table.columns, job.table
        self.scores.delete(job)

    def compare(self, face: Path, result: Path) -> None:
        """A set of a result and its face, and all charts beside its players."""
        from eval.compare.names import REFERENCE
        from eval.compare.sets import Entry
        from eval.ui.compare import analysis

        entries = [Entry("one", "A", result), Entry("one", REFERENCE, face)]
        set_ = self.sets.open(self.sets.create(f"set {self.number}", entries))
        lanes = [REFERENCE, "A"]
        works: tuple[Callable[..., object], ...] = (analysis.quick, analysis.full)
        for work in works:
            task = self.context.tasks._join(None, lambda task, work=work: work(
                set_, set_.items[0], lanes, task.report
            ), False)  # fmt: skip
            _done(task)
        self.sets.delete(set_.id)


def _done(job):  # type: ignore[no-untyped-def]
    """The job, when it is over and went well."""
    end = time.monotonic() + LONGEST
    while not job.over and time.monotonic() < end:
        time.sleep(0.02)
    assert job.state == "done", (job.state, job.error)
    time.sleep(REST)
    return job


@contextmanager
def portal(folder: Path, frames: int) -> Iterator[Portal]:
    """A portal, closed at the end."""
    opened = Portal(folder, frames)
    try:
        yield opened
    finally:
        opened.close()


def cores() -> list[str]:
    """The names of those that ship and have all that they need on this machine."""
    from lipsync.methods import METHODS

    entries = [METHODS.get(name) for name in METHODS]
    return [entry.card.name for entry in entries if entry.folder is not None and entry.ready]


def work_through(opened: Portal, names: Sequence[str], count: int) -> Iterator[tuple[str, float]]:
    """What was done and the MB held after it: one job of every kind first, ``count`` in all.

    Args:
        names: of cores.
    """
    made: list[tuple[Path, Path]] = []
    for kind in islice(cycle([*names, "score", "compare"]), count):
        if kind == "score":
            opened.score(*made[-1])
        elif kind == "compare":
            opened.compare(*made[-1])
        else:
            made.append(opened.generate(kind))
        yield kind, resident()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jobs", type=int, default=50)
    parser.add_argument("--cores", nargs="+", metavar="NAME", help="in place of all that ship")
    parser.add_argument("--frames", type=int, default=15, help="of each face video")
    options = parser.parse_args()
    bound_memory()  # as the program does
    with portal(options.folder, options.frames) as opened:
        print(json.dumps(("start", resident())), flush=True)
        for entry in work_through(opened, options.cores or cores(), options.jobs):
            print(json.dumps(entry), flush=True)


if __name__ == "__main__":
    main()
