"""Stages that run side by side: order, failures, early ends, times."""

import threading
import time
from types import SimpleNamespace

import pytest

from lipsync.stream import Clock, background


def test_items_keep_their_order():
    with background(iter(range(1000)), depth=3) as items:
        assert list(items) == list(range(1000))


def test_a_failure_reaches_the_reader_after_the_items_before_it():
    def failing():
        yield 1
        raise ValueError("broken")

    with background(failing(), depth=5) as items:
        assert next(items) == 1
        with pytest.raises(ValueError, match="broken"):
            next(items)


def test_never_more_than_depth_ahead():
    made = []

    def counting():
        for k in range(100):
            made.append(k)
            yield k

    with background(counting(), depth=4) as items:
        next(items)
        time.sleep(0.3)
        assert len(made) <= 1 + 4 + 1  # taken, waiting, in the hand of the thread


def test_leaving_early_ends_the_thread_and_closes_the_source():
    closed = threading.Event()

    def endless():
        try:
            while True:
                yield 0
        finally:
            closed.set()

    before = set(threading.enumerate())  # of which others' may end meanwhile
    with background(endless(), depth=2) as items:
        next(items)
    assert closed.is_set()
    assert set(threading.enumerate()) <= before


def test_chained_stages_end_together():
    def endless():
        while True:
            yield 1

    before = set(threading.enumerate())
    with background(endless(), 2) as first, background((2 * x for x in first), 2) as second:
        assert next(second) == 2
    assert set(threading.enumerate()) <= before


def test_clock_gives_each_nested_stage_its_own_time(monkeypatch):
    clock, now = Clock(), [0.0]  # s; on a busy machine a real sleep takes any time
    monkeypatch.setattr("lipsync.stream.time", SimpleNamespace(perf_counter=lambda: now[0]))

    def slow():
        for k in range(3):
            now[0] += 0.02
            yield k

    def slower(items):
        for item in items:
            now[0] += 0.04
            yield item

    assert list(clock.over("outer", slower(clock.over("inner", slow())))) == [0, 1, 2]
    own = clock.exclusive(("inner", "outer"))
    assert own["inner"] == pytest.approx(0.06)
    assert own["outer"] == pytest.approx(0.12)
    assert clock.seconds["outer"] == pytest.approx(0.18)
