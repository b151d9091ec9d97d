"""The design of a study: its clips by kind, and how often each was rated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from eval.study.storage.assignment import Candidate, Key, order_of_kinds
from eval.study.storage.models import CATCH, RATED, REFERENCE, TRAINING, Rater, Stimulus, Study, Trial
from eval.study.storage.spec import Spec

ANSWERING = 8.0  # s that people take for the marks of a clip, to say how long a study takes


@dataclass(frozen=True)
class Design:
    """A study's clips as they are handed out; nothing here changes once the study is made.

    Attributes:
        spec: what the author chose.
        clips: all clips by their ids.
        candidates: what is rated: each clip, or each pair of methods on one item.
        training, catches: what is shown besides, in pairwise mode pairs too.
        groups: methods (pairs of methods) of the candidates, in the order in which raters take turns at them.
    """

    spec: Spec
    clips: dict[int, Stimulus]
    candidates: tuple[Candidate, ...]
    training: tuple[Candidate, ...]
    catches: tuple[Candidate, ...]
    groups: tuple[str, ...]

    @property
    def per_rater(self) -> int:
        """Rated clips (pairs) that each rater gets."""
        wanted = self.spec.stimuli_per_rater
        return min(wanted, len(self.candidates)) if wanted else len(self.candidates)

    @property
    def total(self) -> int:
        """All trials of a rater."""
        return len(self.training) + self.per_rater + len(self.catches)

    @property
    def seconds(self) -> float:
        """About how long the clips of one rater play."""
        mean = sum(self.playing(entry.key) for entry in self.candidates) / max(1, len(self.candidates))
        return mean * self.per_rater + sum(self.playing(e.key) for e in (*self.training, *self.catches))

    @property
    def length(self) -> float:
        """About how many seconds a rater takes, answers included."""
        return self.seconds + ANSWERING * self.total

    @property
    def reservation(self) -> float:
        """Seconds of silence after which a rater has left: what the author chose, or the study's length.

        A rater is heard at every clip, so more than a quarter of an hour is never needed; less than two
        minutes would take the place of someone who only looks up.
        """
        chosen = self.spec.reservation
        return min(900.0, max(120.0, self.length)) if chosen is None else chosen

    def kinds(self, seed: int) -> list[str]:
        """The kind of every trial of a rater."""
        return order_of_kinds(len(self.training), self.per_rater, len(self.catches), seed)

    def playing(self, key: Key) -> float:
        """Seconds that a clip plays, or both of a pair one after the other."""
        return sum(self.clips[part].seconds for part in key if part is not None)

    @cached_property
    def by_key(self) -> dict[Key, Candidate]:
        """Everything that can be assigned."""
        return {entry.key: entry for entry in (*self.candidates, *self.training, *self.catches)}


def load_design(session: Session, study: Study) -> Design:
    """The design of a stored study."""
    spec = Spec.from_dict(study.spec)
    clips = session.scalars(select(Stimulus).where(Stimulus.study_id == study.id).order_by(Stimulus.id)).all()
    of_kind = {
        kind: [clip for clip in clips if clip.kind == kind] for kind in (TRAINING, RATED, REFERENCE, CATCH)
    }
    # In the order of ids, so that the two methods of a pair come in the same order everywhere.
    rated = sorted((*of_kind[RATED], *of_kind[REFERENCE]), key=lambda clip: clip.id)
    make = _pairs if spec.mode == "pairwise" else _singles
    by_id = {clip.id: clip for clip in clips}
    candidates = make(rated)
    return Design(
        spec, by_id, candidates, make(of_kind[TRAINING]), make(of_kind[CATCH]), _groups(candidates, by_id)
    )  # fmt: skip


def _groups(candidates: Sequence[Candidate], clips: Mapping[int, Stimulus]) -> tuple[str, ...]:
    """The groups in the order of their clips' random file names: a rater can guess alphabetical order."""
    drawn = sorted(candidates, key=lambda entry: [clips[part].file for part in entry.key if part is not None])
    return tuple(dict.fromkeys(entry.group for entry in drawn))


def _singles(clips: list[Stimulus]) -> tuple[Candidate, ...]:
    return tuple(Candidate((clip.id, None), clip.item, clip.method) for clip in clips)


def _pairs(clips: list[Stimulus]) -> tuple[Candidate, ...]:
    items: dict[str, list[Stimulus]] = {}
    for clip in clips:
        items.setdefault(clip.item, []).append(clip)
    return tuple(
        Candidate((one.id, two.id), item, f"{one.method}\n{two.method}")
        for item, members in items.items()
        for one, two in combinations(members, 2)
    )


def rated(session: Session, study_id: str, without: Collection[str] = ()) -> Counter[Key]:
    """How often each clip (pair) was rated, by how many raters.

    Args:
        session: of the database.
        study_id: the study's id.
        without: raters who do not count.
    """
    rows = session.execute(RATED_TIMES, {"study": study_id})
    found = Counter({(one, two): number for one, two, number in rows})
    if without:
        theirs = RATED_TIMES.join(Rater, Trial.rater_id == Rater.id).where(Rater.name.in_(without))
        rows = session.execute(theirs, {"study": study_id})
        found.subtract({(one, two): number for one, two, number in rows})
    return found


def reserved(session: Session, study_id: str, since: float) -> Counter[Key]:
    """How many raters, seen since then, have each clip (pair) before them right now."""
    rows = session.execute(RESERVED, {"study": study_id, "since": since})
    return Counter({(one, two): number for one, two, number in rows})


# Asked for at every vote, so put together once.
RATED_TIMES = (
    select(Trial.stimulus_id, Trial.other_id, func.count(Trial.rated))
    .join_from(Trial, Stimulus, Trial.stimulus_id == Stimulus.id)
    .where(Stimulus.study_id == bindparam("study"), Stimulus.kind.in_((RATED, REFERENCE)))
    .group_by(Trial.stimulus_id, Trial.other_id)
)
RESERVED = (
    select(Trial.stimulus_id, Trial.other_id, func.count())
    .join_from(Trial, Rater, Trial.rater_id == Rater.id)
    .where(Rater.study_id == bindparam("study"), Rater.seen > bindparam("since"), Trial.rated.is_(None))
    .group_by(Trial.stimulus_id, Trial.other_id)
)
