"""A rater as a program: goes through a study the way a browser does."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from eval.study.server.service import Service
from eval.study.server.views import TrialView

START = 1_700_000_000.0


@dataclass
class Clock:
    """Seconds since 1970 that stand still until they are moved."""

    now: float = START

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Rater:
    """One simulated person.

    Args:
        service: the verbs.
        link: of the study.
        clock: is moved by the length of every clip.
    """

    service: Service
    link: str
    clock: Clock
    code: str = ""
    session: str = ""
    view: TrialView | None = None
    sent: list[tuple[str, dict[str, int], str]] = field(default_factory=list)

    def begin(self) -> Rater:
        """Consent and get the first clip."""
        started = self.service.consent(self.link)
        self.code, self.session = started.code, started.session
        self.view = self.service.next(self.session)
        return self

    def vote(
        self,
        mark: Callable[[TrialView], int] = lambda view: 3,
        keys: tuple[str, ...] = ("sync", "quality", "overall"),
    ) -> TrialView:
        """Play the clip to its end and answer every question."""
        view = self.view
        assert view is not None
        assert view.stage != "end"
        self.clock.wait(view.wait)
        marks = dict.fromkeys(keys, mark(view))
        token = uuid.uuid4().hex
        self.view = self.service.rate(self.session, view.trial, marks, token)
        self.sent.append((view.trial, marks, token))
        return self.view

    def run(self, most: int = 1000) -> Rater:
        """Vote until the end, or ``most`` times."""
        while most and self.view is not None and self.view.stage != "end":
            self.vote()
            most -= 1
        return self
