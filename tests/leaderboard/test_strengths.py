"""Strengths of pooled votes against other implementations of the same model, and what is said of them."""

import choix
import numpy as np
import pandas as pd
import pytest

from eval.leaderboard.strengths import vote_table
from eval.study.statistics.preference import bradley_terry, preference
from tests.study.statistics.test_preference import ballots

TRUTH = np.array([0.9, 0.2, 0.0, -1.1])
DAY = pd.Timestamp("2026-01-02 23:30", tz="UTC")


def votes(rows, left=None):
    """Rows of rater, first, second, outcome as votes; ``left``: the method on the left, by row."""
    frame = pd.DataFrame(rows, columns=["rater", "first", "second", "outcome"])
    frame["left"] = frame["first"] if left is None else left
    return frame.assign(time=DAY)


def cast(seed=1, **values):
    return votes(ballots(np.random.default_rng(seed), TRUTH, **values).to_numpy().tolist())


def tables(frame):
    """(methods + 1, methods + 1) wins and ties, with half a vote for and against a rival as the last one."""
    names = sorted({*frame["first"], *frame["second"]})
    wins, ties = np.zeros((2, len(names) + 1, len(names) + 1))
    for first, second, outcome in frame[["first", "second", "outcome"]].itertuples(index=False):
        i, j = names.index(first), names.index(second)
        if outcome == 0.5:
            ties[i, j] += 1
            ties[j, i] += 1
        else:
            wins[(i, j) if outcome else (j, i)] += 1
    wins[:-1, -1] = wins[-1, :-1] = 0.5
    return names, wins, ties


def strengths(table):
    return {row.method: row.strength for row in table.methods}


def test_strengths_are_davidsons_as_newtons_method_finds_them() -> None:
    frame = cast(raters=12)
    names, wins, ties = tables(frame)
    assert ties.sum() > 50
    fit = bradley_terry(wins, ties).strength[:-1]
    found = strengths(vote_table(frame))
    assert [found[name] for name in names] == pytest.approx(fit - fit.mean(), abs=1e-6)


def test_without_ties_strengths_are_those_of_choix() -> None:
    frame = cast(raters=12, tie=-50.0)
    names, wins, ties = tables(frame)
    assert not ties.any()
    whole = (2 * wins).astype(int)  # choix knows no half votes
    data = [(i, j) for i, j in zip(*np.nonzero(whole), strict=True) for _ in range(whole[i, j])]
    fit = choix.opt_pairwise(len(whole), data)[:-1]
    found = strengths(vote_table(frame))
    assert [found[name] for name in names] == pytest.approx(fit - fit.mean(), abs=1e-4)


def test_intervals_are_about_those_of_the_sandwich_and_follow_the_tastes_of_raters() -> None:
    widths = []
    for own in (0.0, 1.0):
        frame = cast(raters=25, own=own)
        other = preference(frame).methods
        mine = {row.method: row for row in vote_table(frame).methods}
        for name, row in mine.items():
            assert row.low < row.strength < row.high
            expected = other[name].high - other[name].low
            assert row.high - row.low == pytest.approx(expected, rel=0.35), (own, name)
        widths.append(sum(row.high - row.low for row in mine.values()))
    assert widths[1] > 1.3 * widths[0]


def test_the_same_votes_in_any_order_give_the_same_table() -> None:
    frame = cast(raters=8)
    table = vote_table(frame)
    assert vote_table(frame) == table
    turned = frame.rename(columns={"first": "second", "second": "first"}).assign(outcome=1 - frame["outcome"])
    again = vote_table(turned)
    assert strengths(again) == pytest.approx(strengths(table), abs=1e-6)
    assert [row.votes for row in again.methods] == [row.votes for row in table.methods]


def test_a_method_is_ranked_from_the_minimum_on_and_shares_its_rank_where_nothing_tells_it_apart() -> None:
    table = vote_table(cast(raters=25))
    assert [row.method for row in table.methods][::3] == ["m0", "m3"]
    assert [row.rank for row in table.methods] == [1, 2, 2, 4]
    middle = table.methods[1:3]
    assert middle[0].low < middle[1].high
    least = table.methods[0].votes
    assert [row.rank for row in vote_table(cast(raters=25), minimum=least).methods] == [1, 2, 2, 4]
    assert {row.rank for row in vote_table(cast(raters=25), minimum=least + 1).methods} == {None}
    real = vote_table(cast(raters=25), real=["m0"])
    assert [(row.real, row.rank) for row in real.methods] == [
        (True, None),
        (False, 1),
        (False, 1),
        (False, 3),
    ]


def test_counts_days_and_shares() -> None:
    rows = [("r0", "a", "b", 1.0), ("r1", "a", "b", 1.0), ("r2", "a", "b", 0.0), ("r3", "a", "b", 0.5)]
    table = vote_table(votes(rows), minimum=4, excluded=2)
    a, b = table.methods
    assert (a.method, a.votes, a.won, a.tied, a.share, a.date) == ("a", 4, 2, 1, 0.625, "2026-01-02")
    assert (b.method, b.votes, b.won, b.tied, b.share) == ("b", 4, 1, 1, 0.375)
    assert (table.votes, table.raters, table.excluded) == (4, 4, 2)
    assert vote_table(votes([])) is None


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "rows",
    [
        [("r0", "a", "b", 1.0), ("r1", "a", "b", 1.0)],  # one wins always
        [("r0", "a", "b", 1.0), ("r1", "c", "d", 0.0)],  # never compared
        [("r0", "a", "b", 0.5), ("r1", "a", "b", 0.5)],  # only ties
        [("r0", "a", "b", 1.0)],  # one vote
    ],
)
def test_few_votes_have_a_finite_answer(rows) -> None:
    table = vote_table(votes(rows), minimum=1)
    assert all(np.isfinite(row.strength) for row in table.methods)
    alone = len({row[0] for row in rows}) == 1
    assert all((row.low is None) is alone and (row.rank is None) is alone for row in table.methods)


def test_a_bias_towards_one_side_is_seen() -> None:
    rng = np.random.default_rng(0)
    rows = [(f"r{k % 20}", "a", "b", 0.5 if k % 5 == 4 else float(rng.random() < 0.5)) for k in range(400)]
    frame = votes(rows)
    left = [row[1] if (row[3] == 1) == (k % 10 < 8) else row[2] for k, row in enumerate(rows)]
    bias = vote_table(votes(rows, left)).bias
    assert bias.votes == 320
    assert bias.left == pytest.approx(np.mean([k % 10 < 8 for k in range(400) if k % 5 != 4]))
    assert 0.5 < bias.low < bias.left < bias.high <= 1
    fair = vote_table(frame.assign(left=rng.choice(["a", "b"], 400))).bias
    assert fair.low < 0.5 < fair.high
    assert vote_table(votes([("r0", "a", "b", 0.5)])).bias is None
