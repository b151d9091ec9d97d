"""Pairwise votes of many raters as strengths of methods, with ranks and with the bias towards one side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import scipy  # its parts load when they are first used: scipy.stats takes half a second

from eval.study.statistics.preference import LEVEL, preference
from eval.study.statistics.screening import chose_left

MINIMUM = 30  # votes from which on a method is ranked


@dataclass(frozen=True)
class MethodVotes:
    """One method among its rivals.

    Attributes:
        method: its name.
        rank: 1 + how many ranked methods are stronger, the 95 % interval of the difference lying above 0;
            None: too few votes, no interval, or the real video, which competes with nobody.
        strength: log worth, mean 0 over the methods: a is preferred to b with odds exp(difference).
        low, high: 95 % interval, raters as clusters; None where one person cast all votes of the method, or
            all votes were ties.
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
        shrunk: votes alone do not order all methods; see `eval.study.statistics.preference.PreferenceFit`.
    """

    methods: tuple[MethodVotes, ...]
    votes: int
    raters: int
    excluded: int
    minimum: int
    bias: SideBias | None
    shrunk: bool = False


def vote_table(
    votes: pd.DataFrame, minimum: int = MINIMUM, real: Sequence[str] = (), excluded: int = 0
) -> VoteTable | None:
    """Strengths of all methods, their ranks, and how often the left one of two was preferred.

    Strengths and intervals are those that the Results page shows of a study of pairs.

    Args:
        votes: one row per vote: rater, first, second, left, outcome (1 first is better, 0 second is, 0.5 no
            difference) and time, as `eval.study.storage.store.Store.pairs` gives them.
        minimum: votes from which on a method is ranked.
        real: methods that are the real video.
        excluded: raters who failed the screening; said in the table.

    Returns:
        None without a vote.
    """
    found = preference(votes)
    if found is None:
        return None
    rows = []
    for name, fitted in found.methods.items():
        own = votes[(votes["first"] == name) | (votes["second"] == name)]
        low, high = (fitted.low, fitted.high) if own["rater"].nunique() > 1 else (None, None)
        counts = (fitted.votes, fitted.won, fitted.tied)
        rows.append(MethodVotes(name, None, fitted.strength, low, high, *counts, last_day(own), name in real))
    able = {row.method for row in rows if row.votes >= minimum and row.low is not None and not row.real}
    ranked = tuple(
        replace(row, rank=1 + len(able & {*found.methods[row.method].below})) if row.method in able else row
        for row in rows
    )
    bias = _side_bias(votes)
    return VoteTable(ranked, found.votes, found.raters, excluded, minimum, bias, found.shrunk)


def last_day(rows: pd.DataFrame) -> str:
    """The day of the last of some votes or marks, UTC, ISO 8601."""
    return str(rows["time"].max().date().isoformat())


def _side_bias(votes: pd.DataFrame) -> SideBias | None:
    """Wilson's interval, of as many independent votes as the raters' votes amount to."""
    sides = votes[votes["outcome"] != 0.5]
    if sides.empty:
        return None
    left = chose_left(sides).groupby(sides["rater"]).agg(["sum", "size"]).to_numpy(float)  # (raters, 2)
    (chosen, count), raters = left.sum(0), len(left)
    share = chosen / count
    if raters < 2:
        return SideBias(int(count), share, None, None)
    variance = share * (1 - share)
    between = ((left[:, 0] - share * left[:, 1]) ** 2).sum() * raters / (raters - 1) / count
    independent = count * variance / max(variance, between) if variance else raters
    reach = scipy.stats.t(raters - 1).ppf((1 + LEVEL) / 2) ** 2 / independent
    middle = (share + reach / 2) / (1 + reach)
    margin = np.sqrt(reach * (variance + reach / 4)) / (1 + reach)
    return SideBias(int(count), float(share), float(middle - margin), float(middle + margin))
