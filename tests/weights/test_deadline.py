"""Downloads that are given up when nothing comes."""

from __future__ import annotations

import threading

import pytest

from lipsync.weights import deadline
from lipsync.weights.deadline import promptly
from lipsync.weights.download import SourceError


def ignore(done: int, total: int | None) -> None:
    pass


def test_what_the_work_gives_or_raises_is_the_callers() -> None:
    told: list[tuple[int, int | None]] = []
    assert promptly(lambda report: report(3, 9) or "file", lambda *now: told.append(now)) == "file"
    assert all(now in {(0, None), (3, 9)} for now in told)
    with pytest.raises(ZeroDivisionError):
        promptly(lambda report: 1 / 0, ignore)


def test_work_that_goes_on_may_take_longer_than_the_wait_for_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deadline, "FIRST", 0.3)
    pause = threading.Event()

    def work(report: deadline.Progress) -> str:
        report(0, None)  # it answers, and then needs a while for its first bytes
        pause.wait(0.9)
        return "file"

    assert promptly(work, ignore) == "file"


def test_work_that_was_given_up_ends_with_the_next_thing_it_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "FIRST", 0.2)
    answer, ended = threading.Event(), threading.Event()

    def work(report: deadline.Progress) -> None:
        answer.wait(60)
        try:
            report(1, 2)
        finally:
            ended.set()
        raise AssertionError("it went on")

    with pytest.raises(SourceError, match="no answer within"):
        promptly(work, ignore)
    assert not ended.is_set()
    answer.set()
    assert ended.wait(60)


def test_telling_the_same_again_is_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "BETWEEN", 0.3)
    end = threading.Event()

    def work(report: deadline.Progress) -> None:
        while not end.wait(0.02):
            report(5, 10)

    with pytest.raises(SourceError, match="no answer within"):
        promptly(work, ignore)
    end.set()
