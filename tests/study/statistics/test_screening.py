"""Screening finds who clicks at random, and leaves honest people alone."""

from dataclasses import replace
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
import pytest

from eval.study.statistics.screening import Rules, bt500_counts, bt500_rejects, screen, screen_votes
from tests.study.simulated import study, table

ALONE = Rules(failed_catch=None, fast=None, flat=None, bt500=False, unlike=None)


def shares(studies: list[pd.DataFrame], honest: int, clickers: int) -> tuple[float, float]:
    """Share of clickers found, and of honest raters spared."""
    names = [entry.rater for marks in studies for entry in screen(marks)]
    found = sum(name.startswith("c") for name in names)
    return found / max(1, len(studies) * clickers), 1 - (len(names) - found) / (len(studies) * honest)


@pytest.mark.parametrize(
    "design",
    [
        {"catch": 2},  # the usual study
        {"catch": 2, "share": 0.5},  # half of the clips each
        {"catch": 2, "items": 3, "methods": 3},  # a short one
        {"catch": 0},  # no catch clips: the panel itself tells
    ],
)
def test_random_clickers_are_found_and_honest_raters_spared(design):
    rng = np.random.default_rng(11)
    found, spared = shares([study(rng, 24, 4, **design) for _ in range(12)], 24, 4)
    assert found >= 0.95
    assert spared >= 0.98


@pytest.mark.parametrize("spread", [0.05, 0.6])
def test_a_panel_of_honest_raters_is_left_alone_even_if_methods_are_alike(spread):
    rng = np.random.default_rng(12)
    _, spared = shares([study(rng, 24, 0, catch=2, spread=spread) for _ in range(12)], 24, 0)
    assert spared >= 0.98


def test_each_exclusion_says_the_rule_and_the_figures():
    marks = study(np.random.default_rng(1), 20, 1, catch=3)
    marks.loc[marks["rater"] == "r3", "mark"] = 4  # the same mark for everything
    marks.loc[(marks["rater"] == "r3") & (marks["kind"] == "catch"), "passed"] = True
    slow = marks["rater"] == "r5"
    marks.loc[slow, "seconds"] = 5.1  # a tenth of a second after the end of the clip
    reasons = {entry.rater: (entry.rule, entry.reason) for entry in screen(marks)}
    assert reasons["c0"][0] == "catch"
    assert reasons["c0"][1].endswith("of 3 attention checks.")
    assert reasons["r3"] == ("flat", "Gave nearly the same mark to 30 clips that others tell apart.")
    assert reasons["r5"][0] == "fast"
    assert set(reasons) <= {"c0", "r3", "r5"}


def test_one_slip_among_several_catch_clips_is_forgiven():
    rows = [(f"r{n}", "i0", "a", 3) for n in range(3)]
    marks = table(rows)
    answers = [("r0", "c0", False), ("r0", "c1", True), ("r1", "c0", False), ("r1", "c1", False)]
    catch = pd.DataFrame([*answers, ("r2", "c0", True)], columns=["rater", "stimulus", "passed"])
    catch = catch.assign(kind="catch", item="c", method="catch", question="sync", mark=2, seconds=8.0)
    catch["time"] = marks["time"][0]
    assert [entry.rater for entry in screen(pd.concat([marks, catch]))] == ["r1"]
    only = catch[catch["stimulus"] == "c0"]
    assert [entry.rater for entry in screen(pd.concat([marks, only]))] == ["r0", "r1"]
    assert screen(pd.concat([marks, catch]), ALONE) == ()


def test_flat_marks_of_clips_that_are_alike_are_no_fault():
    rng = np.random.default_rng(2)
    rows = [(f"r{r}", f"i{i}", "a", int(rng.choice([3, 4]))) for r in range(1, 12) for i in range(20)]
    rows += [("r0", f"i{i}", "a", 3) for i in range(20)]
    assert screen(table(rows)) == ()


def exact_bt500(values: np.ndarray) -> tuple[list[int], list[int]]:
    """The procedure of BT.500-15, annex 1, 2.3.1, in whole numbers: nothing is rounded, no root is taken."""
    above, below = [0] * values.shape[1], [0] * values.shape[1]
    for clip in values:
        marks = {rater: int(mark) for rater, mark in enumerate(clip) if not np.isnan(mark)}
        count, total = len(marks), sum(marks.values())
        off = {rater: count * mark - total for rater, mark in marks.items()}  # times the number of marks
        second, fourth = (sum(distance**power for distance in off.values()) for power in (2, 4))
        reach = 4 if 2 * second**2 <= count * fourth <= 4 * second**2 else 20  # in variances
        for rater, distance in off.items():
            outside = second > 0 and count * distance**2 >= reach * second
            above[rater] += outside and distance > 0
            below[rater] += outside and distance < 0
    return above, below


def test_bt500_counts_equal_the_procedure_in_whole_numbers():
    rng = np.random.default_rng(4)
    outside = 0
    for _ in range(50):
        values = rng.choice([1, 2, 3, 4, 5], (15, 20), p=[0.05, 0.1, 0.6, 0.2, 0.05]).astype(float)
        values[rng.random(values.shape) < 0.2] = np.nan
        above, below = bt500_counts(values)
        assert (above.tolist(), below.tolist()) == exact_bt500(values)
        outside += above.sum() + below.sum()
    assert outside > 100


@pytest.mark.parametrize("raters", [5, 8, 12, 15, 20])
def test_bt500_counts_are_exact_for_every_possible_clip(raters):
    """Among them all whose marks lie exactly on the edge, or whose kurtosis is exactly 2 or 4."""
    for marks in combinations_with_replacement((1.0, 2.0, 3.0, 4.0, 5.0), raters):
        above, below = bt500_counts(np.array([marks]))
        assert (above.tolist(), below.tolist()) == exact_bt500(np.array([marks])), marks


@pytest.mark.parametrize("count", range(1, 9))
@pytest.mark.parametrize("marks", [(1, 2), (4, 5), (5, 4), (3, 5), (1.1, 1.3)])
def test_marks_exactly_on_the_edge_of_bt500_are_outside(marks, count):
    few, most = marks
    a_fifth = bt500_counts(np.array([[few] * count + [most] * 4 * count], float))  # 2 standard deviations off
    one_of_21 = bt500_counts(np.array([[few] + [most] * 20] * count, float))  # √20 off, kurtosis 19.05
    edge = 0 if few > most else 1
    assert a_fifth[edge].tolist() == [1] * count + [0] * 4 * count
    assert one_of_21[edge].tolist() == [count] + [0] * 20
    assert not a_fifth[1 - edge].any()
    assert not one_of_21[1 - edge].any()


def test_bt500_decision():
    assert bt500_rejects(10, 9, 60)  # a third outside, to both sides
    assert not bt500_rejects(19, 0, 60)  # one-sided: a bias, not noise
    assert not bt500_rejects(2, 1, 60)  # 5 % and no more
    assert not bt500_rejects(1, 1, 30)  # 7 %: the bare rule would reject, chance explains it
    assert not bt500_rejects(0, 0, 60)
    for times in range(1, 9):  # exactly on a limit: kept, at any size
        assert not bt500_rejects(13 * times, 7 * times, 60 * times)
        assert not bt500_rejects(times, times, 40 * times)


def test_who_lies_exactly_on_a_limit_is_treated_alike_whatever_rounding_does():
    marks = study(np.random.default_rng(3), 12, 0)
    marks["clip_seconds"], marks["seconds"] = 5.0, 6.2
    marks.loc[marks["rater"] == "r4", "seconds"] = 5.3  # 0.3 s where others take 1.2 s: a quarter, not less
    assert screen(marks, replace(ALONE, fast=0.25)) == ()
    marks.loc[marks["rater"] == "r4", "seconds"] = 5.29
    assert [entry.rater for entry in screen(marks, replace(ALONE, fast=0.25))] == ["r4"]
    catch = pd.DataFrame({"rater": "r0", "stimulus": [f"c{n}" for n in range(100)], "passed": True})
    catch.loc[:6, "passed"] = False  # 7 of 100, where the product of the floats 0.07 and 100 is more than 7
    catch = catch.assign(kind="catch", item="c", method="catch", question="sync", mark=2, seconds=8.0)
    assert [entry.rater for entry in screen(catch, replace(ALONE, failed_catch=0.07))] == ["r0"]


def votes(rater: str, outcomes: list[float], seconds: float = 14.0) -> list[tuple[object, ...]]:
    """Votes for pairs with random sides."""
    sides = np.random.default_rng(sum(rater.encode())).choice(["a", "b"], len(outcomes))
    return [
        (rater, f"i{n}", "a", "b", side, outcome, seconds)
        for n, (side, outcome) in enumerate(zip(sides, outcomes, strict=True))
    ]


def test_votes_for_one_side_or_in_no_time_are_found():
    rng = np.random.default_rng(5)
    rows = [row for n in range(8) for row in votes(f"r{n}", rng.choice([1, 0, 0.5], 20).tolist())]
    rows += [
        (rater, item, a, b, side, float(side == a), s)
        for rater, item, a, b, side, _, s in votes("left", [1.0] * 20)
    ]
    rows += votes("fast", rng.choice([1.0, 0.0], 20).tolist(), 10.2)
    rows += votes("partial", [1.0] * 20)  # always method a, wherever it is: an opinion
    columns = ["rater", "item", "first", "second", "left", "outcome", "seconds"]
    frame = pd.DataFrame(rows, columns=columns).assign(kind="rated", question="overall", clip_seconds=10.0)
    reasons = {entry.rater: entry.reason for entry in screen_votes(frame)}
    assert reasons["left"] == "Preferred the left side in 20 of 20 votes."
    assert reasons["fast"] == "Answered in 5 % of the time that others took for the same clips."
    assert set(reasons) == {"left", "fast"}
    assert screen_votes(frame.iloc[:0]) == ()
