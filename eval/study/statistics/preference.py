"""Pairwise votes: which method is preferred, by the Bradley–Terry model with ties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy  # its parts load when they are first used: scipy.stats takes half a second

from eval.functional.aggregate import holm

LEVEL = 0.95
ROUNDS = 200
STILL = 1e-10
# Votes for and against an average rival that every method is given where votes alone have no finite answer.
PSEUDO = 0.5


@dataclass(frozen=True, eq=False)
class PreferenceFit:
    """Strengths of methods.

    Attributes:
        strength: (methods,) log worth, mean 0: a is preferred to b with odds exp(difference).
        covariance: (methods, methods) of the strengths, from the observed information.
        tie: log of Davidson's ν; None without a tie. Two equal methods tie with probability ν / (2 + ν).
        shrunk: votes alone had no finite answer (a method won or lost all its votes, or methods were never
            compared), so each method was given half a vote for and half against an average rival.
        bread: (parameters, parameters) inverse information of strengths and tie; for :func:`strengths`.
    """

    strength: np.ndarray
    covariance: np.ndarray
    tie: float | None
    shrunk: bool
    bread: np.ndarray


@dataclass(frozen=True)
class Strength:
    """One method among its rivals.

    Attributes:
        votes, won, tied: votes it was part of, won, and "no difference".
        strength: log worth, mean 0 over the methods.
        low, high: 95 % interval, raters as clusters; None where every vote was a tie.
        below: methods that are stronger: the 95 % interval of the difference lies above 0.
    """

    votes: int
    won: int
    tied: int
    strength: float
    low: float | None
    high: float | None
    below: tuple[str, ...] = ()


@dataclass(frozen=True)
class Duel:
    """Two methods that were shown side by side.

    Attributes:
        a_better, b_better, tied: votes.
        difference: strength of a less that of b.
        p: two-sided, that they are equal; None where every vote was a tie.
        p_holm: after Holm's correction over all pairs.
    """

    a: str
    b: str
    a_better: int
    b_better: int
    tied: int
    difference: float
    p: float | None
    p_holm: float | None


@dataclass(frozen=True)
class Preference:
    """All votes of one question.

    Attributes:
        votes, raters: how many.
        methods: name to strength, the strongest first.
        duels: every two methods with a vote between them.
        tie: probability that two equal methods tie.
        shrunk: see :class:`PreferenceFit`.
    """

    votes: int
    raters: int
    methods: dict[str, Strength]
    duels: tuple[Duel, ...]
    tie: float
    shrunk: bool


def bradley_terry(wins: np.ndarray, ties: np.ndarray | None = None) -> PreferenceFit:
    """Maximum likelihood strengths (Bradley & Terry 1952), with ties as Davidson (1970).

    P(i before j) : P(j before i) : P(tie) = w_i : w_j : ν √(w_i w_j). Without a tie in the data this is
    the plain Bradley–Terry model. Newton's method; the likelihood is concave in the log worths.

    Args:
        wins: (methods, methods) how often the row was preferred to the column; diagonal 0.
        ties: (methods, methods) symmetric, how often the two tied; None: never.

    Raises:
        ValueError: tables that do not fit each other, or fewer than two methods.
    """
    wins = np.asarray(wins, float)
    ties = np.zeros_like(wins) if ties is None else np.asarray(ties, float)
    if wins.shape != ties.shape or wins.ndim != 2 or wins.shape[0] != wins.shape[1] or len(wins) < 2:
        raise ValueError("wins and ties must be square tables of the same two or more methods")
    beaten = (wins + ties) > 0
    shrunk = scipy.sparse.csgraph.connected_components(beaten, directed=True, connection="strong")[0] > 1
    count = len(wins)
    if shrunk:
        wins = np.pad(wins, (0, 1))
        wins[:count, -1] = wins[-1, :count] = PSEUDO
        ties = np.pad(ties, (0, 1))
    if not wins.any():  # every vote is a tie: all are equal, and nothing says how surely
        flat = np.zeros((count, count))
        return PreferenceFit(np.zeros(count), flat, np.inf, False, np.zeros((count + 1, count + 1)))
    strength, tie, bread = _newton(wins, ties)
    centre = np.eye(count) - 1 / count
    keep = np.r_[:count, len(bread) - 1]  # the rival for pseudo votes is no method
    bread = bread[np.ix_(keep, keep)]
    covariance = centre @ bread[:count, :count] @ centre
    return PreferenceFit(centre @ strength[:count], covariance, tie, bool(shrunk), bread)


def _newton(wins: np.ndarray, ties: np.ndarray) -> tuple[np.ndarray, float | None, np.ndarray]:
    """Log worths with mean 0, log ν (None without ties), inverse information of both."""
    count = len(wins)
    tied = bool(ties.any())
    strength, tie = np.zeros(count), 0.0
    inverse: Any = np.zeros((count + 1, count + 1))
    total = wins + wins.T + ties
    for _ in range(ROUNDS):
        first, same = _chances(strength, tie if tied else -np.inf)
        score = 0.5 * ((wins - wins.T) - total * (first - first.T)).sum(1)
        # Second derivatives along the difference of two log worths, along log ν, and across.
        along = total * 0.25 * ((first + first.T) - (first - first.T) ** 2)
        across = total * 0.5 * (-(first - first.T) * same)
        information = np.zeros((count + 1, count + 1))
        information[:count, :count] = np.diag(along.sum(1)) - along
        information[:count, :count] += 1 / count  # fixes the mean, which no vote determines
        gradient = np.append(score, 0.0)
        information[count, count] = 1.0
        if tied:
            information[:count, count] = information[count, :count] = across.sum(1)
            information[count, count] = (total * same * (1 - same)).sum() / 2
            gradient[count] = (ties - total * same).sum() / 2
        inverse = np.linalg.inv(information)
        step = inverse @ gradient
        step *= min(1.0, 2.0 / max(np.abs(step).max(), 1e-300))
        strength, tie = strength + step[:count], tie + step[count]
        if np.abs(step).max() < STILL:
            break
    if not tied:
        inverse[count] = inverse[:, count] = 0.0
    return strength - strength.mean(), tie if tied else None, inverse


def _chances(strength: np.ndarray, tie: float) -> tuple[np.ndarray, np.ndarray]:
    """(methods, methods) probabilities that the row is preferred, and of a tie."""
    half = (strength[:, None] - strength[None, :]) / 2
    top = np.maximum(np.abs(half), tie)
    parts = np.exp(half - top), np.exp(-half - top), np.exp(tie - top)
    whole = parts[0] + parts[1] + parts[2]
    return parts[0] / whole, parts[2] / whole


def preference(votes: pd.DataFrame) -> Preference | None:
    """Strengths of all methods with intervals, and every pair.

    Intervals: the votes of one rater belong together, so the covariance is the sandwich of the raters'
    summed scores times R / (R - 1) with t on R - 1 degrees of freedom (Liang & Zeger 1986); with one rater,
    and for any method where it is smaller, that of independent votes is used.

    Args:
        votes: one row per vote of one question: rater, first, second, outcome (1 first is better, 0 second
            is, 0.5 no difference), as `eval.study.storage.store.Store.pairs` gives them.

    Returns:
        None without a vote.
    """
    if votes.empty:
        return None
    methods = sorted({*votes["first"], *votes["second"]})
    place = {method: number for number, method in enumerate(methods)}
    first = votes["first"].map(place).to_numpy(int)
    second = votes["second"].map(place).to_numpy(int)
    outcome = votes["outcome"].to_numpy(float)
    wins = np.zeros((len(methods), len(methods)))
    ties = np.zeros_like(wins)
    np.add.at(wins, (first[outcome == 1], second[outcome == 1]), 1)
    np.add.at(wins, (second[outcome == 0], first[outcome == 0]), 1)
    np.add.at(ties, (first[outcome == 0.5], second[outcome == 0.5]), 1)
    ties = ties + ties.T
    fit = bradley_terry(wins, ties)
    people = pd.factorize(votes["rater"])[0]
    covariance = _clustered(fit, first, second, outcome, people)
    raters = int(people.max()) + 1
    known = bool(fit.covariance.any())
    law = scipy.stats.t(raters - 1) if raters > 1 else scipy.stats.norm
    reach = law.ppf((1 + LEVEL) / 2)
    own = np.diag(covariance)
    apart = reach * np.sqrt((own[:, None] + own - 2 * covariance).clip(0))
    behind = (fit.strength[:, None] + apart < fit.strength) & known  # the row the column
    found = {}
    for number in np.argsort(-fit.strength, kind="stable"):
        value, margin = float(fit.strength[number]), float(reach * np.sqrt(own[number]))
        found[methods[number]] = Strength(
            int((wins[number] + wins[:, number] + ties[number]).sum()),
            int(wins[number].sum()),
            int(ties[number].sum()),
            value,
            value - margin if known else None,
            value + margin if known else None,
            tuple(method for method, stronger in zip(methods, behind[number], strict=True) if stronger),
        )
    tie = 0.0 if fit.tie is None else 1.0 if np.isinf(fit.tie) else float(1 / (1 + 2 * np.exp(-fit.tie)))
    duels = _duels(methods, wins, ties, fit, covariance, law)
    return Preference(len(votes), raters, found, duels, tie, fit.shrunk)


def _clustered(
    fit: PreferenceFit, first: np.ndarray, second: np.ndarray, outcome: np.ndarray, people: np.ndarray
) -> np.ndarray:
    """Covariance of the strengths with raters as clusters; nowhere below that of independent votes."""
    count, raters = len(fit.strength), int(people.max()) + 1
    if raters < 2 or fit.tie == np.inf:
        return fit.covariance
    chance, same = _chances(fit.strength, -np.inf if fit.tie is None else fit.tie)
    ahead, even = chance[first, second], same[first, second]
    behind = 1 - ahead - even
    pull = 0.5 * ((outcome == 1).astype(float) - (outcome == 0) - (ahead - behind))
    scores = np.zeros((raters, count + 1))
    np.add.at(scores, (people, first), pull)
    np.add.at(scores, (people, second), -pull)
    np.add.at(scores, (people, np.full(len(people), count)), (outcome == 0.5) - even)
    full = fit.bread @ (scores.T @ scores) @ fit.bread * raters / (raters - 1)
    centre = np.eye(count) - 1 / count
    robust = centre @ full[:count, :count] @ centre
    # The larger of the two in every direction: the difference without its negative part is added.
    size, axes = np.linalg.eigh(robust - fit.covariance)
    return fit.covariance + (axes * np.maximum(size, 0.0)) @ axes.T


def _duels(
    methods: Sequence[str],
    wins: np.ndarray,
    ties: np.ndarray,
    fit: PreferenceFit,
    covariance: np.ndarray,
    law: Any,
) -> tuple[Duel, ...]:
    pairs = [
        (a, b)
        for a in range(len(methods))
        for b in range(a + 1, len(methods))
        if wins[a, b] + wins[b, a] + ties[a, b]
    ]
    chances: list[float] = []
    for a, b in pairs:
        variance = covariance[a, a] + covariance[b, b] - 2 * covariance[a, b]
        apart = abs(fit.strength[a] - fit.strength[b])
        chances.append(float(2 * law.sf(apart / np.sqrt(variance))) if variance > 0 else np.nan)
    corrected = holm(chances) if not np.isnan(chances).any() else [np.nan] * len(pairs)
    return tuple(
        Duel(
            methods[a], methods[b], int(wins[a, b]), int(wins[b, a]), int(ties[a, b]),
            float(fit.strength[a] - fit.strength[b]),
            None if np.isnan(p) else p,
            None if np.isnan(p_holm) else p_holm,
        )
        for (a, b), p, p_holm in zip(pairs, chances, corrected, strict=True)
    )  # fmt: skip
