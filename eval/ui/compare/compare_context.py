"""The context of the Compare page, and how another page sends a video to it."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from eval.compare.names import REFERENCE
from eval.compare.rights import PersonalSets
from eval.compare.sets import Entry, Sets
from eval.ui.access import Access
from eval.ui.compare.background_tasks import BackgroundTasks
from eval.ui.compare.links import Links
from eval.ui.compare.multi_method_run import MultiMethodRuns
from lipsync.errors import LipSyncError
from lipsync.methods import METHODS
from lipsync.ui.generate_queue import Jobs
from lipsync.ui.public.visitor_limits import VisitorLimits
from lipsync.ui.uploads import is_photo


@dataclass(frozen=True)
class CompareContext:
    """What the tab works with.

    Attributes:
        access: tells whose comparison sets are whose.
        links: how the browser gets their files.
        tasks: do what takes seconds.
        jobs: the queue on which methods run.
        runs: several methods on one upload.
        sent: the set that was made of a result, by (name of the visitor who sent it, path of the result).
    """

    access: Access
    links: Links
    tasks: BackgroundTasks
    jobs: Jobs
    runs: MultiMethodRuns
    sent: dict[tuple[str, str], str] = field(default_factory=dict)

    @staticmethod
    def of(data: Path, access: Access, jobs: Jobs, visitors: VisitorLimits | None = None) -> CompareContext:
        """All of it over a data folder, with what one visitor may have at once."""
        tasks = BackgroundTasks(workers=2, keep=60.0, most=100, visitors=visitors)
        return CompareContext(access, Links(data), tasks, jobs, MultiMethodRuns(Sets(data), jobs, visitors))

    def close(self) -> None:
        """Stop all running tasks."""
        self.runs.close()
        self.tasks.close()


def set_of_result(
    context: CompareContext, sets: PersonalSets, result: str, source: str
) -> tuple[str, str, str]:
    """The set of one generated video beside the one it was made from, for `CompareTab.made`.

    It is made when the person first sends the result; after that the same one is opened.

    Args:
        context: has the jobs.
        sets: of the person who asks.
        result: path of a job's result.
        source: the face it was made from; a photo is left out.
    """
    path, face = Path(result), Path(source)
    known = (sets.visitor.name, result)
    if known in context.sent:
        with suppress(LipSyncError):  # it was deleted since
            return sets.open(context.sent[known]).id, path.stem, secrets.token_hex(4)
    job = context.jobs.get(path.parent.name)
    # Of the result: the request may have left the choice to ``auto``.
    method = METHODS.get(job.result.method).card.title if job and job.result else "generated"
    entries = [Entry(path.stem, method, path, method)]
    if not is_photo(face):
        # With the video's own sound the video itself is what the result should be.
        own = job is not None and job.request.audio is None
        entries.append(Entry(path.stem, REFERENCE if own else "input", face, face.name))
    id = context.sent[known] = sets.create(path.stem, entries)
    return id, path.stem, secrets.token_hex(4)
