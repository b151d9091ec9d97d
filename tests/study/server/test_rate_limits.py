"""How often something may be asked for."""

from __future__ import annotations

import pytest

from eval.study.server.rate_limits import MOST, Limit
from lipsync.errors import StudyError
from tests.study.rater import Clock


def test_so_many_times_in_any_such_stretch_for_each_key(clock: Clock) -> None:
    limit = Limit(3, 10.0, clock)
    for _ in range(3):
        limit.take("a")
        clock.wait(2)
    with pytest.raises(StudyError, match="Too many requests"):
        limit.take("a")
    limit.take("b")
    clock.wait(4)  # the first one is 10 s ago
    limit.take("a")
    with pytest.raises(StudyError, match="Too many requests"):
        limit.check("a")
    limit.take(None)  # nobody known, nobody limited


def test_a_look_uses_up_nothing_and_old_keys_are_forgotten(clock: Clock) -> None:
    limit = Limit(1, 10.0, clock)
    for _ in range(5):
        limit.check("a")
    for number in range(MOST):
        limit.take(f"{number}")
    clock.wait(11)
    limit.take("one more")
    assert list(limit._times) == ["one more"]
