"""What the Compare page works with, and how another page puts a video on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eval.compare.names import REFERENCE
from eval.compare.sets import Entry, Sets
from eval.ui.compare.background_tasks import Errands
from eval.ui.compare.links import Links
from eval.ui.compare.multi_method_run import Rounds
from lipsync.methods import METHODS
from lipsync.ui.generate_queue import Jobs
from lipsync.ui.uploads import is_photo


@dataclass(frozen=True)
class Desk:
    """What the tab works with.

    Attributes:
        sets: the comparison sets.
        links: how the browser gets their files.
        errands: do what takes seconds.
        jobs: the queue on which methods run.
        rounds: several methods on one upload.
    """

    sets: Sets
    links: Links
    errands: Errands
    jobs: Jobs
    rounds: Rounds

    @staticmethod
    def of(data: Path, jobs: Jobs) -> Desk:
        """All of it over a data folder."""
        sets, errands = Sets(data), Errands(workers=2, keep=60.0, most=100)
        return Desk(sets, Links(data), errands, jobs, Rounds(sets, jobs))

    def close(self) -> None:
        """Stop what runs."""
        self.rounds.close()
        self.errands.close()


def set_of_result(desk: Desk, result: str, source: str) -> tuple[str, str, str]:
    """A new set of one generated video beside the one it was made from, for `CompareTab.made`.

    Args:
        result: path of a job's result.
        source: the face it was made from; a photo is left out.
    """
    path, face = Path(result), Path(source)
    job = desk.jobs.get(path.parent.name)
    # Of the result: the request may have left the choice to ``auto``.
    method = METHODS.get(job.result.method).card.title if job and job.result else "generated"
    entries = [Entry(path.stem, method, path, method)]
    if not is_photo(face):
        # With the video's own sound the video itself is what the result should be.
        own = job is not None and job.request.audio is None
        entries.append(Entry(path.stem, REFERENCE if own else "input", face, face.name))
    id = desk.sets.create(path.stem, entries)
    return id, path.stem, id
