"""The store of studies: the studies themselves, their clips and their raters' marks."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from eval.study.storage import rating_tables
from eval.study.storage.database import Database, database_url
from eval.study.storage.design import load_design, rated
from eval.study.storage.models import (
    CLOSED,
    DRAFT,
    OPEN,
    RATED,
    REFERENCE,
    Rater,
    Rating,
    Stimulus,
    Study,
    Trial,
)
from eval.study.storage.spec import Spec
from lipsync.data_folder import data_folder
from lipsync.errors import StudyError

CLIPS = "study"  # folder of the clips in the data folder


@dataclass(frozen=True)
class StudyClip:
    """A clip to be put into a study; the fields are those of :class:`eval.study.storage.models.Stimulus`."""

    file: str
    kind: str
    item: str
    method: str
    seconds: float
    expected: dict[str, list[int]] | None = None


@dataclass(frozen=True)
class StudyInfo:
    """A study as lists show it.

    Attributes:
        id: names it on the command line and in results.
        link: token of the raters' link, ``?study=<link>``.
        state: "draft", "open" or "closed".
        spec: what it is.
        made: seconds since 1970, UTC.
        clips: clips that are rated, hidden reference included.
        raters, finished: people who began, and who came to the end.
        ratings: clips (pairs) rated, without training and catch clips.
        counted: those of raters who pass the screening.
        wanted: how many of these are wanted.
    """

    id: str
    link: str
    state: str
    spec: Spec
    made: float
    clips: int
    raters: int
    finished: int
    ratings: int
    counted: int
    wanted: int


@dataclass(frozen=True)
class ListedStudy:
    """A study on the leaderboard.

    Attributes:
        id, link, state, spec: as of :class:`StudyInfo`.
        marks: a value that changes with every mark that arrives or is deleted.
    """

    id: str
    link: str
    state: str
    spec: Spec
    marks: tuple[int | None, ...]


class Store:
    """The studies of one database and one folder of clips.

    Args:
        url: of the database; None: ``DATABASE_URL``, or SQLite in the folder.
        folder: None: the data folder.

    Raises:
        ConfigError: ``DATABASE_URL`` is not possible, or the database was made by a newer version.
        StudyError: the database cannot be reached.
    """

    def __init__(self, url: str | None = None, folder: Path | None = None) -> None:
        self.folder = folder or data_folder()
        self.database = Database(database_url(url, self.folder))
        self.database.migrate()
        self._out: dict[str, tuple[object, frozenset[str]]] = {}

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

    @property
    def clips(self) -> Path:
        """The folder under which all clips lie, a folder for each study; nothing else lies there."""
        folder = self.folder / CLIPS
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def clip_folder(self, study_id: str) -> Path:
        """The folder of a study's clips; it may not exist yet."""
        return self.clips / study_id

    def clip(self, study_id: str, file: str) -> Path:
        """The path of a clip by the random name that raters see."""
        return self.clip_folder(study_id) / file

    # Studies

    def add(self, spec: Spec, clips: Iterable[StudyClip], study_id: str | None = None) -> StudyInfo:
        """Store a new study as a draft; its clips lie in :meth:`clip_folder` already."""
        study = Study(
            id=study_id or new_id(),
            link=secrets.token_urlsafe(16),
            state=DRAFT,
            spec=spec.to_dict(),
            salt=None,
            made=time.time(),
            stimuli=[Stimulus(**vars(clip)) for clip in clips],
        )
        with self.database.write() as session:
            session.add(study)
        return self.get(study.id)

    def studies(self) -> list[StudyInfo]:
        """All studies, the newest first."""
        with self.database.read() as session:
            found = session.scalars(select(Study).order_by(Study.made.desc(), Study.id)).all()
            return [self._info(session, study) for study in found]

    def get(self, study_id: str) -> StudyInfo:
        """The study of that id, or of that link.

        Raises:
            StudyError: there is none.
        """
        with self.database.read() as session:
            return self._info(session, find(session, study_id))

    def sets_in_use(self) -> frozenset[str]:
        """The comparison sets whose clips an open study shows, as the specs name them: by id or title."""
        with self.database.read() as session:
            specs = session.scalars(select(Study.spec).where(Study.state == OPEN)).all()
        return frozenset(name for spec in specs if (name := spec["source"].get("set")))

    def open_study(self, study_id: str) -> StudyInfo:
        """Let raters in.

        Raises:
            StudyError: there is no such study.
        """
        with self.database.write() as session:
            study = find(session, study_id, lock=True)
            study.state = OPEN
            study.salt = study.salt or secrets.token_hex(32)
        return self.get(study_id)

    def close_study(self, study_id: str) -> StudyInfo:
        """Close a study: no rater gets in or goes on, and addresses can no longer be compared.

        Raises:
            StudyError: there is no such study.
        """
        with self.database.write() as session:
            study = find(session, study_id, lock=True)
            study.state = CLOSED
            study.salt = None
        return self.get(study_id)

    def put_on_leaderboard(self, study_id: str, there: bool) -> StudyInfo:
        """Put a study on the leaderboard, or take it off.

        Raises:
            StudyError: there is no such study.
        """
        with self.database.write() as session:
            study = find(session, study_id, lock=True)
            study.spec = {**study.spec, "leaderboard": there}
        return self.get(study_id)

    def on_leaderboard(self) -> list[ListedStudy]:
        """The studies on the leaderboard, the oldest first."""
        counts = select(func.count(), func.max(Rating.id)).join_from(Rating, Trial).join(Rater)
        with self.database.read() as session:
            found = session.scalars(select(Study).order_by(Study.made, Study.id)).all()
            return [
                ListedStudy(
                    study.id,
                    study.link,
                    study.state,
                    Spec.from_dict(study.spec),
                    tuple(session.execute(counts.where(Rater.study_id == study.id)).one()),
                )
                for study in found
                if study.spec.get("leaderboard")
            ]

    def delete_study(self, study_id: str) -> None:
        """Remove a study with all its marks and clips.

        Raises:
            StudyError: there is no such study.
        """
        with self.database.write() as session:
            study = find(session, study_id, lock=True)
            session.delete(study)
        shutil.rmtree(self.clip_folder(study.id), ignore_errors=True)
        self._out.pop(study.id, None)

    # What the statistics read

    def stimuli(self, study_id: str) -> pd.DataFrame:
        """One row per clip; see :data:`eval.study.storage.rating_tables.STIMULI` for the columns."""
        with self.database.read() as session:
            return rating_tables.stimuli(session, find(session, study_id).id)

    def raters(self, study_id: str) -> pd.DataFrame:
        """One row per rater; see :data:`eval.study.storage.rating_tables.RATERS` for the columns."""
        with self.database.read() as session:
            return rating_tables.raters(session, find(session, study_id).id)

    def ratings(self, study_id: str, superseded: bool = False) -> pd.DataFrame:
        """One row per counted mark; see :data:`eval.study.storage.rating_tables.RATINGS` for the columns.

        Args:
            study_id: the study's id.
            superseded: also the marks that were changed later, marked in the column ``counted``.
        """
        with self.database.read() as session:
            return rating_tables.ratings(session, find(session, study_id).id, superseded)

    def pairs(self, study_id: str) -> pd.DataFrame:
        """One row per counted vote of a pairwise study; :data:`eval.study.storage.rating_tables.PAIRS`."""
        with self.database.read() as session:
            return rating_tables.pairs(session, find(session, study_id).id)

    def screened_out(self, session: Session, study_id: str) -> frozenset[str]:
        """Pseudonyms of raters who fail the screening, as of now; the marks are read where they changed."""
        from eval.study.statistics.screening import failing  # loads SciPy

        of_study = select(func.count(), func.max(Rating.id)).join_from(Rating, Trial).join(Rater)
        state = tuple(session.execute(of_study.where(Rater.study_id == study_id)).one())
        known = self._out.get(study_id)
        if known is None or known[0] != state:
            marks, votes = rating_tables.ratings(session, study_id), rating_tables.pairs(session, study_id)
            known = self._out[study_id] = state, frozenset(entry.rater for entry in failing(marks, votes))
        return known[1]

    def known_out(self, study_id: str) -> frozenset[str]:
        """What :meth:`screened_out` found last: good enough to choose a clip by, and free."""
        return self._out.get(study_id, (None, frozenset()))[1]

    def _info(self, session: Session, study: Study) -> StudyInfo:
        raters, finished = session.execute(
            select(func.count(), func.count(Rater.done)).where(Rater.study_id == study.id)
        ).one()
        design = load_design(session, study)
        spec, given = design.spec, rated(session, study.id)
        counted = rated(session, study.id, self.screened_out(session, study.id)) if raters else given
        return StudyInfo(
            id=study.id,
            link=study.link,
            state=study.state,
            spec=spec,
            made=study.made,
            clips=sum(clip.kind in (RATED, REFERENCE) for clip in design.clips.values()),
            raters=raters,
            finished=finished,
            ratings=sum(given.values()),
            counted=sum(counted.values()),
            wanted=len(design.candidates) * spec.ratings_per_stimulus,
        )


def new_id() -> str:
    """A random id of a study; it names a folder."""
    return secrets.token_hex(8)


def find(session: Session, study_id: str, lock: bool = False, by_link: bool = False) -> Study:
    """The study of an id or a link.

    Args:
        session: of the database.
        study_id: what names it.
        by_link: only the link will do.
        lock: wait for other changes of this study, and keep them out until this one is done.

    Raises:
        StudyError: there is none.
    """
    named = Study.link == study_id
    query = select(Study).where(named if by_link else named | (Study.id == study_id))
    study = session.scalar(query.with_for_update() if lock else query)
    if study is None:
        raise StudyError("study.missing")
    return study
