"""Strengths of pooled votes against other implementations of the same model, and what is said of them."""

from itertools import combinations

import choix
import evalica
import numpy as np
import pandas as pd
import pytest

from eval.leaderboard.strengths import vote_table
from eval.study.statistics.preference import bradley_terry
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


def strengths(table):
    return {row.method: row.strength for row in table.methods}


def test_strengths_are_those_of_evalica() -> None:
    frame = cast(raters=12)
    ties = frame["outcome"] == 0.5
    assert ties.sum() > 25
    said = frame["outcome"].map({0.5: evalica.Winner.Draw, 1.0: evalica.Winner.X, 0.0: evalica.Winner.Y})
    fit = np.log(evalica.newman([*frame["first"]], [*frame["second"]], [*said], tolerance=1e-9).scores)
    assert strengths(vote_table(frame)) == pytest.approx((fit - fit.mean()).to_dict(), abs=1e-6)


def test_without_ties_strengths_are_those_of_choix() -> None:
    frame = cast(raters=12, tie=-50.0)
    assert not (frame["outcome"] == 0.5).any()
    turned = frame["outcome"] == 0
    winner, loser = (frame[a].where(~turned, frame[b]) for a, b in (("first", "second"), ("second", "first")))
    data = [*zip(winner.str[1:].astype(int), loser.str[1:].astype(int), strict=True)]
    fit = choix.opt_pairwise(len(TRUTH), data)
    expected = {f"m{number}": value for number, value in enumerate(fit - fit.mean())}
    assert strengths(vote_table(frame)) == pytest.approx(expected, abs=1e-4)


def test_of_votes_that_all_say_the_same_the_order_is_right_and_neighbours_share_ranks() -> None:
    """Here evalica's iteration ends at other strengths, with the third behind the fourth."""
    names = [f"m{number}" for number in range(6)]
    table = vote_table(votes([(f"r{k}", a, b, 1.0) for k in range(5) for a, b in combinations(names, 2)]), 1)
    assert [row.method for row in table.methods] == names
    assert table.shrunk
    assert table.methods[0].rank == table.methods[1].rank < table.methods[-1].rank
    assert all(row.high - row.low > 2 for row in table.methods)


def test_what_all_people_say_alike_is_not_certain() -> None:
    a, b = vote_table(votes([(f"r{k % 2}", "a", "b", float(k % 3 > 0)) for k in range(40)])).methods
    assert (a.method, a.rank, b.rank) == ("a", 1, 1)
    assert a.low < b.strength < a.strength < b.high


def test_methods_that_were_never_compared_are_not_ranked_one_before_the_other() -> None:
    rng = np.random.default_rng(0)
    pairs = [(f"r{k % 15}", *two, float(rng.random() < 0.85)) for two in ("ab", "cd") for k in range(60)]
    table = vote_table(votes(pairs))
    assert table.shrunk
    assert {row.method: row.rank for row in table.methods} == {"a": 1, "b": 2, "c": 1, "d": 2}


def test_a_newcomer_with_one_vote_takes_no_rank_from_the_others() -> None:
    frame = cast(raters=25)
    before = [row.rank for row in vote_table(frame).methods]
    newcomer = votes([("r0", "m3", "new", 1.0)])
    table = vote_table(pd.concat([frame, newcomer], ignore_index=True))
    assert table.shrunk
    assert [row.rank for row in table.methods if row.method != "new"] == before


def test_a_method_that_one_person_voted_on_has_no_rank() -> None:
    rows = [*cast(raters=6)[["rater", "first", "second", "outcome"]].itertuples(index=False, name=None)]
    found = vote_table(votes([*rows, *[("r0", "own", "m0", 1.0)] * 40])).methods
    assert {row.method for row in found if row.rank is None} == {"own"}


def test_intervals_are_about_those_of_resampled_raters_and_follow_their_tastes() -> None:
    widths = []
    for own in (0.0, 1.0):
        frame = cast(raters=25, own=own)
        people = [rows for _, rows in frame.groupby("rater")]
        wins, ties = np.zeros((2, len(people), 4, 4))
        for person, rows in enumerate(people):
            for _, first, second, outcome in rows[["rater", "first", "second", "outcome"]].itertuples(
                index=False
            ):
                i, j = int(first[1:]), int(second[1:])
                table = ties if outcome == 0.5 else wins
                table[(person, i, j) if outcome else (person, j, i)] += 1
        ties = ties + ties.transpose(0, 2, 1)
        drawn = np.random.default_rng(0).multinomial(len(people), [1 / len(people)] * len(people), 200)
        fits = [bradley_terry(*(np.tensordot(draw, side, 1) for side in (wins, ties))) for draw in drawn]
        spread = np.std([fit.strength for fit in fits], axis=0)
        mine = vote_table(frame).methods
        for row in mine:
            expected = 2 * 2.064 * spread[int(row.method[1:])]  # t with 24 degrees of freedom
            assert row.high - row.low == pytest.approx(expected, rel=0.35), (own, row.method)
        widths.append(sum(row.high - row.low for row in mine))
    assert widths[1] > 1.2 * widths[0]


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
    people = {name: {row[0] for row in rows if name in row} for name in "abcd"}
    sure = any(row[3] != 0.5 for row in rows)
    for row in table.methods:
        assert (row.rank is None) is (row.low is None) is not (sure and len(people[row.method]) > 1)


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
    always = vote_table(votes([(f"r{k}", "a", "b", 1.0) for k in range(6)])).bias
    assert (always.left, always.low < 0.7, always.high) == (1, True, pytest.approx(1))
