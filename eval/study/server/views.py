"""The replies that a rater's browser receives: plain values, none of which names a method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eval.study.storage.labels import BilingualText, Question
from eval.study.storage.spec import Mode


@dataclass(frozen=True)
class StudyView:
    """A study as the holder of its link sees it.

    Attributes:
        state: "new": ask for consent; "going": the code was right, go on with :meth:`Service.next`;
            "finished": all is rated, show ``completion``.
        session: proves who asks from now on, where state is not "new"; else "".
        completion: the completion code where state is "finished"; else "".
        clips: how many clips (pairs) there will be, training and catch included.
        minutes: about how long it takes.
        arena: whoever comes from the leaderboard gets a pair at once.
    """

    title: BilingualText
    instructions: BilingualText
    consent: BilingualText
    languages: tuple[str, ...]
    mode: Mode
    questions: tuple[Question, ...]
    comments: bool
    clips: int
    minutes: int
    state: str
    session: str
    completion: str
    arena: bool


@dataclass(frozen=True)
class Started:
    """A new rater's keys.

    Attributes:
        code: the rater code: to come back later, and to delete the data. Shown to the rater, kept by the
            browser; the portal keeps only its hash.
        session: proves who asks from now on; it ends when the study is opened again with the code.
    """

    code: str
    session: str


@dataclass(frozen=True)
class TrialView:
    """What to show now.

    Attributes:
        stage: "training", "rating", or "end": all is rated, ask for :meth:`Service.finish`.
        trial: name of the hand-out, to be given back with the marks; "" at the end.
        media: the clip, or the left and the right one: "<study>/<random name>.mp4" under
            :attr:`Store.clips`; empty at the end.
        seconds: playing time (of a pair: both clips, one after the other).
        wait: seconds until marks for it are taken; 0.0 when it was played before.
        marks: what this rater has answered to it already, by question; empty when it is new.
        position, total: 0-based place of this trial, and how many there are.
        rated: how many of them are rated.
        back: there is a trial before this one.
    """

    stage: str
    trial: str
    media: tuple[str, ...]
    seconds: float
    wait: float
    marks: Mapping[str, int]
    position: int
    total: int
    rated: int
    back: bool


@dataclass(frozen=True)
class Completion:
    """The end.

    Attributes:
        completion: the completion code that a crowdsourcing platform asks for.
    """

    completion: str


@dataclass(frozen=True)
class Deleted:
    """A rater's data is gone."""

    deleted: bool = True
