"""Pairwise votes of many raters as strengths of methods, fitted by evalica, with intervals over raters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import scipy  # its parts load when they are first used: scipy.stats takes half a second

LEVEL = 0.95
RESAMPLES = 500
MINIMUM = 30  # votes from which on a method is ranked
# Votes for and against an average rival that every method is given, so that one that won or lost all its
# votes has a finite strength, too; as in `eval.study.statistics.preference`, which needs them only there.
PSEUDO = 0.5
SEED = 0  # of the resamples, so that the same votes give the same table


@dataclass(frozen=True)
class MethodVotes:
    """One method among its rivals.

    Attributes:
        method: its name.
        rank: 1 + how many ranked methods are better beyond their intervals; None: too few votes, or the real
            video, which competes with nobody.
        strength: log worth, mean 0 over the methods: a is preferred to b with odds exp(difference).
        low, high: 95 % interval, raters as clusters; None with a single rater.
        votes, won, tied: votes it was part of, won, and "no difference".
        date: of the last of them, UTC, ISO 8601.
        real: the real video, shown among the methods without being named.
    """

    method: str
    rank: int | None
    strength: float
    low: float | None
    high: float | None
    votes: int
    won: int
    tied: int
    date: str
    real: bool = False

    @property
    def share(self) -> float:
        """Of votes won, 0-1, ties as half."""
        return (self.won + self.tied / 2) / self.votes


@dataclass(frozen=True)
class SideBias:
    """How often the left one of two was preferred; sides are drawn at random, so about one half.

    Attributes:
        votes: that prefer one of the two.
        left: share of the left one, 0-1.
        low, high: 95 % interval, raters as clusters; None with a single rater.
    """

    votes: int
    left: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class VoteTable:
    """All votes.

    Attributes:
        methods: the strongest first.
        votes, raters: how many counted.
        excluded: raters who failed the screening.
        minimum: votes from which on a method is ranked.
        bias: None where nobody preferred a side.
    """

    methods: tuple[MethodVotes, ...]
    votes: int
    raters: int
    excluded: int
    minimum: int
    bias: SideBias | None


def vote_table(
    votes: pd.DataFrame, minimum: int = MINIMUM, real: Sequence[str] = (), excluded: int = 0
) -> VoteTable | None:
    """Strengths of all methods (Bradley & Terry 1952, ties as Davidson 1970), intervals and side bias.

    The fit is `evalica.newman` (Newman 2023), whose model is Davidson's. Intervals: the spread over resamples
    of raters, because the votes of one rater belong together, with t on their number less one; percentiles of
    the resamples would be too narrow with few raters (``python -m tests.benchmarks.vote_intervals``).

    Args:
        votes: one row per vote: rater, first, second, left, outcome (1 first is better, 0 second is, 0.5 no
            difference) and time, as `eval.study.storage.store.Store.pairs` gives them.
        minimum: votes from which on a method is ranked.
        real: methods that are the real video.
        excluded: raters who failed the screening; said in the table.

    Returns:
        None without a vote.
    """
    if votes.empty:
        return None
    ballots = _Ballots.of(votes)
    strength = ballots.fit(ballots.counts.sum(0))
    draws = ballots.resamples()
    margin = _margin(np.array([ballots.fit(draw @ ballots.counts) for draw in draws]), len(ballots.counts))
    rows = []
    for number in np.argsort(-strength, kind="stable"):
        name = ballots.methods[number]
        own = votes[(votes["first"] == name) | (votes["second"] == name)]
        won = (own["outcome"] == 1) & (own["first"] == name) | (own["outcome"] == 0) & (own["second"] == name)
        low, high = _around(strength[number], None if margin is None else margin[number])
        rows.append(
            MethodVotes(
                name, None, float(strength[number]), low, high, len(own), int(won.sum()),
                int((own["outcome"] == 0.5).sum()), last_day(own), name in real,
            )
        )  # fmt: skip
    bias = _side_bias(votes, draws)
    return VoteTable(_ranked(rows, minimum), len(votes), len(ballots.counts), excluded, minimum, bias)


@dataclass(frozen=True, eq=False)
class _Ballots:
    """Votes counted by rater and kind; a kind is two methods and what was said of them.

    Attributes:
        methods: names, sorted.
        first, second, winner: (kinds,) numbers of methods; 0 tie, 1 the first, 2 the second.
        counts: (raters, kinds) how often.
    """

    methods: tuple[str, ...]
    first: tuple[int, ...]
    second: tuple[int, ...]
    winner: tuple[int, ...]
    counts: np.ndarray

    @classmethod
    def of(cls, votes: pd.DataFrame) -> _Ballots:
        methods = tuple(sorted({*votes["first"], *votes["second"]}))
        place = {method: number for number, method in enumerate(methods)}
        given = [
            (place[first], place[second], {0.5: 0, 1.0: 1, 0.0: 2}[outcome])
            for first, second, outcome in zip(votes["first"], votes["second"], votes["outcome"], strict=True)
        ]
        kinds = sorted(set(given))
        column = {kind: number for number, kind in enumerate(kinds)}
        people = pd.factorize(votes["rater"])[0]
        counts = np.zeros((people.max() + 1, len(kinds)))
        np.add.at(counts, (people, [column[kind] for kind in given]), 1)
        first, second, winner = zip(*kinds, strict=True)
        return cls(methods, first, second, winner, counts)

    def fit(self, weights: np.ndarray) -> np.ndarray:
        """(methods,) strengths with mean 0 of so many votes of each kind."""
        from evalica import Winner, newman  # loads SciPy's statistics

        count = len(self.methods)
        rival, all_of_them = [count] * count, [*range(count)]
        result = newman(
            [*self.first, *all_of_them, *rival],
            [*self.second, *rival, *all_of_them],
            [*map(Winner, self.winner), *[Winner.X] * (2 * count)],
            index=pd.RangeIndex(count + 1),
            weights=[*weights.tolist(), *[PSEUDO] * (2 * count)],
            tolerance=1e-9,
            limit=10_000,
        )
        logs = np.log(result.scores.reindex(range(count)).to_numpy(float))
        return logs - logs.mean()

    def resamples(self) -> np.ndarray:
        """(RESAMPLES, raters) how often each rater is drawn; without rows for a single rater."""
        raters = len(self.counts)
        if raters < 2:
            return np.zeros((0, raters))
        return np.random.default_rng(SEED).multinomial(raters, [1 / raters] * raters, RESAMPLES)


def last_day(rows: pd.DataFrame) -> str:
    """The day of the last of some votes or marks, UTC, ISO 8601."""
    return str(rows["time"].max().date().isoformat())


def _ranked(rows: Sequence[MethodVotes], minimum: int) -> tuple[MethodVotes, ...]:
    """The rows with their ranks; see :class:`MethodVotes`."""
    lows = {row: row.low for row in rows if row.low is not None and row.votes >= minimum and not row.real}
    return tuple(
        replace(row, rank=1 + sum(low > row.high for low in lows.values()))
        if row in lows and row.high is not None
        else row
        for row in rows
    )


def _side_bias(votes: pd.DataFrame, draws: np.ndarray) -> SideBias | None:
    people = pd.factorize(votes["rater"])[0]
    decided = (votes["outcome"] != 0.5).to_numpy(float)
    to_left = ((votes["outcome"] == 1) == (votes["left"] == votes["first"])).to_numpy(float) * decided
    left, all_ = np.bincount(people, to_left), np.bincount(people, decided)
    if not all_.sum():
        return None
    drawn = draws @ all_
    shares = (draws @ left)[drawn > 0, None] / drawn[drawn > 0, None]
    margin = _margin(shares, len(all_))
    share = float(left.sum() / all_.sum())
    low, high = _around(share, None if margin is None else margin[0])
    if low is not None and high is not None:
        low, high = max(0.0, low), min(1.0, high)
    return SideBias(int(all_.sum()), share, low, high)


def _margin(samples: np.ndarray, raters: int) -> np.ndarray | None:
    """(columns,) half the width of the intervals from (resamples, columns); None without resamples."""
    if not len(samples):
        return None
    spread = samples.std(0, ddof=1) * np.sqrt(raters / (raters - 1))
    return scipy.stats.t(raters - 1).ppf((1 + LEVEL) / 2) * spread


def _around(value: float, margin: float | None) -> tuple[float, float] | tuple[None, None]:
    return (None, None) if margin is None else (float(value - margin), float(value + margin))
