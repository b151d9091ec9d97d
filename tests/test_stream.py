"""Stages that run side by side: order, failures, early ends, times."""

import queue
import threading
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


def test_depth_items_wait_and_one_more_is_in_the_hand_of_the_thread(monkeypatch):
    full = threading.Event()

    class Queue(queue.Queue):
        def put(self, item, *args, **keywords):
            if self.queue and self.queue[0] == (1, None) and self.full():  # 0 is taken
                full.set()
            super().put(item, *args, **keywords)

    made = []

    def counting():
        for k in range(100):
            made.append(k)
            yield k

    monkeypatch.setattr(
        "lipsync.stream.queue", SimpleNamespace(Queue=Queue, Full=queue.Full, Empty=queue.Empty)
    )
    with background(counting(), depth=4) as items:
        next(items)
        assert full.wait(30), "one is taken, four wait, and the sixth finds no place"
        assert made == list(range(6))


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
