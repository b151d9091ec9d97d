"""One request of one rater: locks the study, reads what it needs once, and assigns the next clip."""

from __future__ import annotations

import random
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from eval.study.server.views import TrialView
from eval.study.storage.assignment import Candidate, RaterProgress, choose
from eval.study.storage.design import Design, rated, reserved
from eval.study.storage.models import CATCH, RATED, REFERENCE, TRAINING, Rater, Rating, Stimulus, Study, Trial
from lipsync.errors import StudyError


@dataclass
class RaterSession:
    """What one request works on. While it lasts, no other request changes this study.

    Attributes:
        db: session of the database, for writing.
        study, rater: whose they are; both are locked.
        design: of the study.
        now: seconds since 1970.
        screened_out: raters whose ratings do not count.
        trials: all that was handed to the rater, by position; those before the last are rated.
    """

    db: Session
    study: Study
    rater: Rater
    design: Design
    now: float
    screened_out: Collection[str] = ()
    trials: list[Trial] = field(init=False)

    def __post_init__(self) -> None:
        query = select(Trial).where(Trial.rater_id == self.rater.id).order_by(Trial.position)
        self.trials = list(self.db.scalars(query))

    @property
    def rated(self) -> int:
        """How many trials are rated."""
        return sum(trial.rated is not None for trial in self.trials)

    def named(self, name: object) -> Trial:
        """The trial of this name.

        Raises:
            StudyError: this rater has none.
        """
        for trial in self.trials:
            if trial.name == name:
                return trial
        raise StudyError("session.other_clip")

    def show(self, position: int) -> TrialView:
        """The trial at a position, assigned now if it is new; after the last one, the end."""
        if position >= self.design.total:
            total = self.design.total
            return TrialView("end", "", (), 0.0, 0.0, {}, total, total, self.rated, total > 0)
        for trial in self.trials:
            if trial.position == position:
                return self._view(trial)
        return self._view(self._hand_out(position))

    def seconds(self, trial: Trial) -> float:
        """How long the clip of a trial plays, or both of a pair."""
        return self.design.playing((trial.stimulus_id, trial.other_id))

    def _hand_out(self, position: int) -> Trial:
        one, other = self._next(position).key
        sides = random.Random(f"{self.rater.seed} side {position}")
        trial = Trial(
            rater_id=self.rater.id,
            name=secrets.token_hex(8),
            position=position,
            stimulus_id=one,
            other_id=other,
            swapped=other is not None and sides.random() < 0.5,
            handed=self.now,
            rated=None,
        )
        self.db.add(trial)
        self.trials.append(trial)
        return trial

    def _next(self, position: int) -> Candidate:
        design, rater = self.design, self.rater
        past = [design.by_key[trial.stimulus_id, trial.other_id] for trial in self.trials]
        kind = design.kinds(rater.seed)[position]
        if kind == TRAINING:
            return design.training[position]
        before = past[-1].item if past else None
        rated_next = self._rated_next(past, before)  # for a catch clip too, or its answer came sooner
        if kind == CATCH:
            left = [entry for entry in design.catches if entry not in past]
            fresh = [entry for entry in left if entry.item != before] or left
            return random.Random(f"{rater.seed} catch {position}").choice(fresh)
        return rated_next

    def _rated_next(self, past: Sequence[Candidate], before: str | None) -> Candidate:
        """The clip (pair) to be rated next; after the last one, the last one again."""
        design, rater = self.design, self.rater
        had = [entry for entry in past if design.clips[entry.key[0]].kind in (RATED, REFERENCE)]
        had = had[: design.per_rater - 1]
        open_now = reserved(self.db, self.study.id, self.now - design.reservation)
        # A catch clip in between does not excuse showing an item again, but its own item is only avoided.
        last = next((entry.item for entry in reversed(past) if entry not in design.catches), None)
        loads = rated(self.db, self.study.id, self.screened_out) + open_now
        progress = RaterProgress(rater.number, rater.seed, had, design.per_rater - len(had), last, before)
        return choose(design.candidates, design.groups, loads, progress, others=bool(open_now))

    def _view(self, trial: Trial) -> TrialView:
        parts = [self.design.clips[part] for part in (trial.stimulus_id, trial.other_id) if part is not None]
        if trial.swapped:
            parts.reverse()
        seconds = self.seconds(trial)
        return TrialView(
            stage=TRAINING if parts[0].kind == TRAINING else "rating",
            trial=trial.name,
            media=tuple(f"{clip.study_id}/{clip.file}" for clip in parts),
            seconds=seconds,
            wait=0.0 if trial.rated is not None else max(0.0, trial.handed + seconds - self.now),
            marks=self._marks(trial),
            position=trial.position,
            total=self.design.total,
            rated=self.rated,
            back=trial.position > 0,
        )

    def _marks(self, trial: Trial) -> dict[str, int]:
        """The last mark of each question, as the rater gave it."""
        if trial.rated is None:
            return {}
        query = select(Rating.question, Rating.mark).where(Rating.trial_id == trial.id).order_by(Rating.id)
        return {question: turned(mark, trial) for question, mark in self.db.execute(query)}


def turned(mark: int, trial: Trial) -> int:
    """A side, 1 left and 2 right, as the number of a clip, or back; other marks as they are."""
    return 3 - mark if trial.swapped and mark in (1, 2) else mark


def has_room(
    db: Session, study: Study, design: Design, now: float, screened_out: Collection[str] = ()
) -> bool:
    """Whether someone new is needed: what is still wanted is more than the raters at work will give.

    Args:
        db: session of the database.
        study, design: which study.
        now: seconds since 1970.
        screened_out: raters of whom nothing counts, neither given nor to come.
    """
    wanted = design.spec.ratings_per_stimulus
    have = rated(db, study.id, screened_out)
    missing = sum(max(0, wanted - have[entry.key]) for entry in design.candidates)
    of_theirs = func.count(Trial.rated).filter(Stimulus.kind.in_((RATED, REFERENCE)))
    given = (
        select(of_theirs)
        .join_from(Rater, Trial, isouter=True)
        .join(Stimulus, Trial.stimulus_id == Stimulus.id, isouter=True)
        .where(Rater.study_id == study.id, Rater.done.is_(None), Rater.seen > now - design.reservation)
        .where(Rater.name.not_in(screened_out))
        .group_by(Rater.id)
    )
    promised = sum(max(0, design.per_rater - number) for number in db.scalars(given))
    return missing > promised
