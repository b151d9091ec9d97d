"""Bradley–Terry strengths against published fits."""

import numpy as np
import pandas as pd
import pytest

from eval.study.statistics.preference import bradley_terry, preference

# Wins of the row over the column: American League East, 1987 (Agresti 2002, section 10.6, both grounds).
TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
BASEBALL = np.array(
    [
        [0, 7, 9, 7, 7, 9, 11],
        [6, 0, 7, 5, 11, 9, 9],
        [4, 6, 0, 7, 7, 8, 12],
        [6, 8, 6, 0, 6, 7, 10],
        [6, 2, 6, 7, 0, 7, 12],
        [4, 4, 5, 6, 6, 0, 6],
        [2, 4, 1, 3, 1, 7, 0],
    ]
)
# Davidson (1970), example 2, chocolate puddings: i, j, preferred i, preferred j, no preference.
PUDDINGS = (
    (1, 2, 19, 22, 16), (1, 3, 16, 19, 12), (2, 3, 19, 19, 10), (1, 4, 18, 23, 13), (2, 4, 23, 19, 9),
    (3, 4, 19, 20, 15), (1, 5, 13, 19, 18), (2, 5, 16, 20, 12), (3, 5, 16, 15, 17), (4, 5, 17, 14, 16),
    (1, 6, 18, 21, 12), (2, 6, 22, 20, 12), (3, 6, 13, 18, 10), (4, 6, 14, 19, 18), (5, 6, 11, 21, 12),
)  # fmt: skip


def against(fit, base):
    """Strengths and standard errors relative to one method."""
    c = fit.covariance
    error = np.sqrt(np.diag(c) + c[base, base] - 2 * c[:, base])
    return fit.strength - fit.strength[base], error


def test_strengths_equal_agrestis_baseball_example():
    # Agresti 2002, section 10.6, as the R package BradleyTerry2 prints it, relative to Baltimore.
    strength, error = against(bradley_terry(BASEBALL), 6)
    assert strength[:6] == pytest.approx([1.5814, 1.4364, 1.2945, 1.2476, 1.1077, 0.6839], abs=1e-4)
    assert error[:6] == pytest.approx([0.3433, 0.3396, 0.3367, 0.3359, 0.3339, 0.3319], abs=1e-4)


def test_ties_equal_davidsons_pudding_example():
    wins, ties = np.zeros((6, 6)), np.zeros((6, 6))
    for i, j, first, second, none in PUDDINGS:
        wins[i - 1, j - 1], wins[j - 1, i - 1] = first, second
        ties[i - 1, j - 1] = ties[j - 1, i - 1] = none
    fit = bradley_terry(wins, ties)
    # Davidson's worths and ν, and the errors that the R package PlackettLuce prints for them.
    worth = np.exp(fit.strength) / np.exp(fit.strength).sum()
    assert worth == pytest.approx([0.1388, 0.1730, 0.1617, 0.1654, 0.1587, 0.2024], abs=1e-4)
    assert np.exp(fit.tie) == pytest.approx(0.7468, abs=1e-4)
    strength, error = against(fit, 0)
    assert strength[1:] == pytest.approx([0.2202, 0.1530, 0.1753, 0.1339, 0.3771], abs=3e-4)
    assert error[1:] == pytest.approx([0.1872, 0.1935, 0.1882, 0.1927, 0.1924], abs=1e-4)
    assert np.sqrt(fit.bread[6, 6]) == pytest.approx(0.0825, abs=1e-4)


def ballots(rng, truth, raters=20, runs=3, own=0.0, tie=-0.7):
    """Votes on all pairs; every rater has strengths of his own around the truth."""
    rows = []
    for rater in range(raters):
        felt = truth + rng.normal(0, own, len(truth))
        for _ in range(runs):
            for a in range(len(truth)):
                for b in range(a + 1, len(truth)):
                    half = (felt[a] - felt[b]) / 2
                    chances = np.exp([half, -half, tie])
                    outcome = rng.choice([1.0, 0.0, 0.5], p=chances / chances.sum())
                    rows.append((f"r{rater}", f"m{a}", f"m{b}", outcome))
    return pd.DataFrame(rows, columns=["rater", "first", "second", "outcome"])


def test_intervals_cover_the_truth_with_independent_votes_and_with_raters_of_their_own_taste():
    truth = np.array([-0.6, 0.0, 0.2, 0.4])
    for own, shrink in ((0.0, 1.0), (0.5, 0.93)):  # tastes that differ flatten the average odds
        rng = np.random.default_rng(6)
        hits = total = 0
        for _ in range(60):
            said = preference(ballots(rng, truth, own=own))
            for method, strength in said.methods.items():
                hits += strength.low <= shrink * truth[int(method[1:])] <= strength.high
                total += 1
        assert 0.92 < hits / total < 0.99, own


def test_tastes_of_raters_widen_the_intervals():
    truth = np.zeros(3)
    alike = preference(ballots(np.random.default_rng(0), truth, 15, 8)).methods["m0"]
    apart = preference(ballots(np.random.default_rng(0), truth, 15, 8, own=1.0)).methods["m0"]
    assert apart.high - apart.low > 1.4 * (alike.high - alike.low)


def test_counts_order_and_duels():
    rows = [("r0", "a", "b", 1.0), ("r1", "a", "b", 1.0), ("r2", "a", "b", 0.0), ("r3", "a", "b", 0.5)]
    said = preference(pd.DataFrame(rows, columns=["rater", "first", "second", "outcome"]))
    assert list(said.methods) == ["a", "b"]
    assert (said.methods["a"].votes, said.methods["a"].won, said.methods["a"].tied) == (4, 2, 1)
    (duel,) = said.duels
    assert (duel.a_better, duel.b_better, duel.tied) == (2, 1, 1)
    assert duel.difference == pytest.approx(2 * said.methods["a"].strength)
    assert duel.difference == pytest.approx(np.log(2))  # two methods: the odds of the decided votes
    assert duel.p == duel.p_holm
    assert said.tie == pytest.approx(0.25, abs=0.02)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize(
    "rows",
    [
        [("r0", "a", "b", 1.0)],  # one vote
        [("r0", "a", "b", 1.0), ("r1", "a", "b", 1.0)],  # one wins always
        [("r0", "a", "b", 1.0), ("r1", "b", "c", 1.0)],  # a chain
        [("r0", "a", "b", 1.0), ("r1", "c", "d", 0.0)],  # never compared
        [("r0", "a", "b", 0.5), ("r1", "c", "d", 0.0)],
    ],
)
def test_votes_without_a_finite_answer_get_one_and_say_so(rows):
    said = preference(pd.DataFrame(rows, columns=["rater", "first", "second", "outcome"]))
    assert said.shrunk
    for strength in said.methods.values():
        assert np.isfinite([strength.strength, strength.low, strength.high]).all()
        assert strength.low < strength.strength < strength.high
    assert all(0 < duel.p <= duel.p_holm <= 1 for duel in said.duels)


def test_only_ties_are_equal_strengths_without_an_interval():
    rows = [("r0", "a", "b", 0.5), ("r1", "a", "b", 0.5)]
    said = preference(pd.DataFrame(rows, columns=["rater", "first", "second", "outcome"]))
    assert {(s.strength, s.low, s.high) for s in said.methods.values()} == {(0.0, None, None)}
    assert said.tie == 1.0
    assert said.duels[0].p is None
    assert preference(pd.DataFrame()) is None
    with pytest.raises(ValueError, match="same two or more"):
        bradley_terry(np.zeros((2, 3)))
