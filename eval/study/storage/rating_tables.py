"""The tables that the statistics read, with one row per mark, vote, clip or rater."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Subquery, func, select
from sqlalchemy.orm import Session

from eval.study.storage.models import RATED, TRAINING, Rater, Rating, Stimulus, Trial

STIMULI = {
    "stimulus": "random file name of the clip without its ending: str",
    "kind": "training, rated, reference (hidden) or catch",
    "item": "which clip; joins methods",
    "method": "who made it",
    "seconds": "how long it plays",
}
RATERS = {
    "rater": "pseudonym",
    "language": "en or zh",
    "began": "UTC, datetime64",
    "finished": "UTC, NaT while under way",
    "completion": "code shown at the end, None while under way",
    "address": "keyed hash of the network address (equal: the same), None where it is not kept",
    "comment": "remark at the end, None without",
}
RATINGS = {
    "rater": "pseudonym",
    "trial": "random name of the hand-out: the marks of one clip by one rater have the same",
    "stimulus": "as in STIMULI",
    "kind": "training, rated, reference (hidden) or catch",
    "item": "which clip; joins methods",
    "method": "who made it",
    "question": "key of the question, such as sync",
    "mark": "1 (bad) to 5 (excellent), int",
    "passed": "for catch clips: the mark is one that was asked for (True, False); None where nothing was",
    "position": "place in this rater's order, from 0, training and catch clips included",
    "seconds": "from handing the clip out to the rater's first answer",
    "clip_seconds": "how long the clip plays",
    "time": "UTC when this mark arrived, datetime64",
    "counted": "False for a mark that the rater changed later",
}
PAIRS = {
    "rater": "pseudonym",
    "trial": "random name of the hand-out",
    "kind": "training or rated",
    "item": "which clip",
    "first": "one method",
    "second": "the other one; first and second are always in the same order",
    "left": "the method that was on the left",
    "question": "key of the question",
    "outcome": "1.0: first is better, 0.0: second is, 0.5: no difference",
    "position": "place in this rater's order, from 0",
    "seconds": "from handing the pair out to the rater's first answer",
    "clip_seconds": "how long both clips play, one after the other",
    "time": "UTC when this vote arrived, datetime64",
}


def stimuli(session: Session, study_id: str) -> pd.DataFrame:
    """The clips of a study, in the order they were added; columns: :data:`STIMULI`."""
    query = (
        select(Stimulus.file, Stimulus.kind, Stimulus.item, Stimulus.method, Stimulus.seconds)
        .where(Stimulus.study_id == study_id)
        .order_by(Stimulus.id)
    )
    rows = [(Path(file).stem, *rest) for file, *rest in session.execute(query)]
    return _frame(rows, STIMULI)


def raters(session: Session, study_id: str) -> pd.DataFrame:
    """The raters of a study, in the order they began; columns: :data:`RATERS`."""
    query = (
        select(
            Rater.name,
            Rater.language,
            Rater.began,
            Rater.done,
            Rater.completion,
            Rater.address,
            Rater.comment,
        )
        .where(Rater.study_id == study_id)
        .order_by(Rater.id)
    )
    return _frame(session.execute(query), RATERS)


def ratings(session: Session, study_id: str, superseded: bool = False) -> pd.DataFrame:
    """The marks of a study in the order they arrived; columns: :data:`RATINGS`."""
    last = _last(study_id)
    query = (
        select(
            Rater.name, Trial.name, Trial.stimulus_id, Trial.position, Trial.handed, Trial.rated,
            Rating.question, Rating.mark, Rating.at, last.c.id.is_not(None),
        )
        .join_from(Rating, Trial)
        .join(Rater)
        .join(last, last.c.id == Rating.id, isouter=superseded)
        .where(Rater.study_id == study_id, Trial.other_id.is_(None))
        .order_by(Rating.id)
    )  # fmt: skip
    clips = _clips(session, study_id)
    names = {key: Path(clip.file).stem for key, clip in clips.items()}
    rows = []
    for rater, trial, clip_id, position, handed, done, question, mark, at, counted in session.execute(query):
        clip = clips[clip_id]
        asked = (clip.expected or {}).get(question)
        rows.append(
            (
                rater, trial, names[clip_id], clip.kind, clip.item, clip.method, question,
                mark, None if asked is None else mark in asked, position, _seconds(handed, done),
                clip.seconds, at, counted,
            )
        )  # fmt: skip
    return _frame(rows, RATINGS)


def pairs(session: Session, study_id: str) -> pd.DataFrame:
    """The votes of a pairwise study in the order they arrived; columns: :data:`PAIRS`."""
    last = _last(study_id)
    query = (
        select(
            Rater.name, Trial.name, Trial.stimulus_id, Trial.other_id, Trial.swapped, Trial.position,
            Trial.handed, Trial.rated, Rating.question, Rating.mark, Rating.at,
        )
        .join_from(Rating, Trial)
        .join(Rater)
        .join(last, last.c.id == Rating.id)
        .where(Rater.study_id == study_id, Trial.other_id.is_not(None))
        .order_by(Rating.id)
    )  # fmt: skip
    clips = _clips(session, study_id)
    rows = []
    for rater, trial, one, two, swapped, position, handed, done, question, mark, at in session.execute(query):
        first, second = clips[one], clips[two]
        left = second.method if swapped else first.method
        outcome = {0: 0.5, 1: 1.0, 2: 0.0}[mark]
        kind = TRAINING if first.kind == TRAINING else RATED
        rows.append(
            (
                rater, trial, kind, first.item, first.method, second.method, left, question, outcome,
                position, _seconds(handed, done), first.seconds + second.seconds, at,
            )
        )  # fmt: skip
    return _frame(rows, PAIRS)


def _clips(session: Session, study_id: str) -> dict[int | None, Stimulus]:
    """The clips of a study by their ids: read once, not with each of thousands of marks."""
    return {clip.id: clip for clip in session.scalars(select(Stimulus).where(Stimulus.study_id == study_id))}


def _last(study_id: str) -> Subquery:
    """Ids of the marks that count: the last of each trial and question."""
    return (
        select(func.max(Rating.id).label("id"))
        .join_from(Rating, Trial)
        .join(Rater)
        .where(Rater.study_id == study_id)
        .group_by(Rating.trial_id, Rating.question)
        .subquery()
    )


def _seconds(handed: float, rated: float | None) -> float:
    """Seconds from assignment to the first answer."""
    return (rated or handed) - handed


def _frame(rows: Iterable[Any], columns: dict[str, str]) -> pd.DataFrame:
    frame = pd.DataFrame([tuple(row) for row in rows], columns=list(columns))
    for name in frame.columns:
        if name in ("time", "began", "finished"):
            frame[name] = pd.to_datetime(frame[name].astype(float), unit="s", utc=True)
        elif name in ("mark", "position"):
            frame[name] = frame[name].astype(int)
        elif name in ("seconds", "clip_seconds", "outcome"):
            frame[name] = frame[name].astype(float)
        elif name == "counted":
            frame[name] = frame[name].astype(bool)
        else:  # texts, and "passed" with its None; object, so that None stays None
            frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
    return frame
