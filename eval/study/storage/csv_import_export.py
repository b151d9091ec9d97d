"""All marks of a study as one CSV, and back: merging what was collected in several places.

One row per mark, also of those that were changed later. Raters are pseudonyms; codes, sessions, addresses and
completion codes are not in it. Taking the same file in twice changes nothing the second time.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from eval.study.storage.design import Design, load_design
from eval.study.storage.labels import LANGUAGES
from eval.study.storage.models import Rater, Rating, Stimulus, Study, Trial
from eval.study.storage.store import Store, find
from lipsync.errors import ConfigError, MessageError, StudyError

COLUMNS = (
    "rater", "language", "began", "finished", "trial", "position", "kind", "item", "method", "other_method",
    "left", "handed", "question", "mark", "time", "token",
)  # fmt: skip
NAME = re.compile(r"[0-9a-z]{1,32}")
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")


class _Fault(MessageError):
    """What is wrong with one row."""


@dataclass(frozen=True)
class Taken:
    """What an import added; 0 everywhere when all was there already."""

    raters: int
    trials: int
    marks: int


def export_csv(store: Store, study_id: str) -> str:
    """All marks of a study as CSV text with the columns :data:`COLUMNS`.

    In pairwise mode ``method`` and ``other_method`` are the two, ``left`` the one that was on the left, and
    ``mark`` is 0 for no difference, 1 for ``method``, 2 for ``other_method``. Times are UTC.

    Raises:
        StudyError: there is no such study.
    """
    other = aliased(Stimulus)
    with store.database.read() as db:
        study = find(db, study_id)
        query = (
            select(Rater, Trial, Stimulus, other, Rating)
            .join_from(Rating, Trial)
            .join(Rater)
            .join(Stimulus, Trial.stimulus_id == Stimulus.id)
            .join(other, Trial.other_id == other.id, isouter=True)
            .where(Rater.study_id == study.id)
            .order_by(Rating.id)
        )
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for rater, trial, one, two, rating in db.execute(query):
            left = "" if two is None else (two if trial.swapped else one).method
            writer.writerow(
                (
                    rater.name, rater.language, _stamp(rater.began), _stamp(rater.done), trial.name,
                    trial.position, one.kind, one.item, one.method, two.method if two else "", left,
                    _stamp(trial.handed), rating.question, rating.mark, _stamp(rating.at), rating.token,
                )
            )  # fmt: skip
    return text.getvalue()


def import_csv(store: Store, study_id: str, path: Path) -> Taken:
    """Add the marks of an export of the same study, made here or elsewhere; all of them or none.

    Raises:
        ConfigError: the file cannot be read, or a row does not fit the study.
        StudyError: there is no such study.
    """
    rows = list(_read(path))
    with store.database.write() as db:
        study = find(db, study_id, lock=True)
        merge = _Merge(db, study, path.name)
        before = merge.counts()
        for row in rows:
            merge.add(row)
        return Taken(*(now - then for now, then in zip(merge.counts(), before, strict=True)))


@dataclass(frozen=True)
class _Row:
    line: int
    rater: str
    language: str
    began: float
    finished: float | None
    trial: str
    position: int
    clip: tuple[str, str, str]  # kind, item, method
    other_method: str
    left: str
    handed: float
    question: str
    mark: int
    time: float
    token: str


class _Merge:
    """One import: what is there already, and what each row adds to it."""

    def __init__(self, db: Session, study: Study, name: str) -> None:
        self.db, self.study, self.name = db, study, name
        self.design = load_design(db, study)
        self.clips = {(clip.kind, clip.item, clip.method): clip for clip in self.design.clips.values()}
        of_study = Rater.study_id == study.id
        self.raters = {rater.name: rater for rater in db.scalars(select(Rater).where(of_study))}
        self.trials: dict[tuple[str, str], Trial] = {}
        for rater, trial in db.execute(select(Rater.name, Trial).join_from(Trial, Rater).where(of_study)):
            self.trials[rater, trial.name] = trial
        self.places = {(rater, trial.position) for (rater, _), trial in self.trials.items()}
        marks = select(Rating.trial_id, Rating.token, Rating.question).join_from(Rating, Trial).join(Rater)
        self.marks = {(trial, token, key) for trial, token, key in db.execute(marks.where(of_study))}

    def counts(self) -> tuple[int, int, int]:
        """Raters, trials and marks of the study by now."""
        return len(self.raters), len(self.trials), len(self.marks)

    def add(self, row: _Row) -> None:
        """Store what is new in a row.

        Raises:
            ConfigError: it does not fit the study, or what is there.
        """
        one, two = _clips_of(row, self.clips, self.design, self.name)
        trial = self._trial(row, self._rater(row), one, two)
        if (trial.id, row.token, row.question) in self.marks:
            return
        self.marks.add((trial.id, row.token, row.question))
        trial.rated = row.time if trial.rated is None else min(trial.rated, row.time)
        self.db.add(
            Rating(trial_id=trial.id, token=row.token, question=row.question, mark=row.mark, at=row.time)
        )

    def _rater(self, row: _Row) -> Rater:
        rater = self.raters.get(row.rater)
        if rater is None:
            rater = self.raters[row.rater] = Rater(
                study_id=self.study.id, name=row.rater, language=row.language, number=len(self.raters),
                seed=0, began=row.began, seen=row.began, done=None,
            )  # fmt: skip
            self.db.add(rater)
            self.db.flush()
        rater.done = rater.done or row.finished
        return rater

    def _trial(self, row: _Row, rater: Rater, one: Stimulus, two: Stimulus | None) -> Trial:
        other_id = two.id if two else None
        trial = self.trials.get((row.rater, row.trial))
        if trial is None:
            if (row.rater, row.position) in self.places:
                raise ConfigError("exchange.other_position", path=self.name, line=row.line)
            self.places.add((row.rater, row.position))
            trial = self.trials[row.rater, row.trial] = Trial(
                rater_id=rater.id, name=row.trial, position=row.position, stimulus_id=one.id,
                other_id=other_id, swapped=two is not None and row.left == two.method, handed=row.handed,
                rated=row.time,
            )  # fmt: skip
            self.db.add(trial)
            self.db.flush()
        if (trial.stimulus_id, trial.other_id) != (one.id, other_id):
            raise ConfigError("exchange.other_trial", path=self.name, line=row.line, trial=row.trial)
        return trial


def _clips_of(
    row: _Row, clips: dict[tuple[str, str, str], Stimulus], design: Design, name: str
) -> tuple[Stimulus, Stimulus | None]:
    """The clips of a row; checks the question and the mark too."""
    where = f"{name}, line {row.line}"
    try:
        design.spec.question(row.question).check(row.mark)
    except (ConfigError, StudyError) as problem:
        raise ConfigError("exchange.line", path=name, line=row.line, problem=problem) from problem
    kind, item, method = row.clip
    one = clips.get(row.clip)
    two = clips.get((kind, item, row.other_method)) if row.other_method else None
    if two is None and row.other_method and one is not None:  # one of a pair may be the hidden reference
        two = next((c for c in clips.values() if (c.item, c.method) == (item, row.other_method)), None)
    if one is None or (two is None) == (design.spec.mode == "pairwise"):
        raise ConfigError("exchange.no_clip", where=where, kind=kind, item=item, method=method)
    if two is not None and (one.id > two.id or row.left not in (one.method, two.method)):
        raise ConfigError("exchange.pair_differs", where=where)
    return one, two


def _read(path: Path) -> Iterator[_Row]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            lacking = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
            if lacking:
                raise ConfigError("exchange.no_export", path=path.name, column=lacking[0])
            for number, line in enumerate(reader, 2):
                yield _row(line, path.name, number)
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise ConfigError("table.not_csv", path=path.name, problem=problem) from problem


def _row(line: dict[str, Any], name: str, number: int) -> _Row:
    values = {column: line.get(column) or "" for column in COLUMNS}
    try:
        if not NAME.fullmatch(values["rater"]) or not NAME.fullmatch(values["trial"]):
            raise _Fault("exchange.names")
        if not TOKEN.fullmatch(values["token"]):
            raise _Fault("exchange.token")
        if values["language"] not in LANGUAGES:
            raise _Fault("exchange.language", language=values["language"])
        position, mark = _whole(values["position"]), _whole(values["mark"])
        if not 0 <= position < 100_000:
            raise _Fault("exchange.position", position=position)
        return _Row(
            number, values["rater"], values["language"], _seconds(values["began"]),
            _seconds(values["finished"]) if values["finished"] else None, values["trial"], position,
            (values["kind"], values["item"], values["method"]), values["other_method"], values["left"],
            _seconds(values["handed"]), values["question"], mark, _seconds(values["time"]), values["token"],
        )  # fmt: skip
    except (_Fault, ValueError, OverflowError) as problem:
        raise ConfigError("exchange.row", path=name, line=number, problem=problem) from problem


def _stamp(seconds: float | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def _whole(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,9}", text):
        raise _Fault("exchange.whole_number", text=text)
    return int(text)


def _seconds(stamp: str) -> float:
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError as problem:
        raise _Fault("exchange.time", time=stamp) from problem
    if moment.tzinfo is None:
        raise _Fault("exchange.zone", time=stamp)
    return moment.timestamp()
