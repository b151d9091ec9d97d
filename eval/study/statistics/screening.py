"""Which raters are left out of the results, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy  # its parts load when they are first used: scipy.stats takes half a second

from eval.study.statistics.marks import Marks, last_marks, marks_of, rated
from lipsync.texts import Message

# Share of a limit by which rounding may move what lies exactly on it. Marks are whole numbers, so their means
# and spreads lie exactly on a limit often.
EDGE = 1e-9


@dataclass(frozen=True)
class Rules:
    """What a rater must meet. Every rule can be switched off with None (``bt500``: False).

    Attributes:
        failed_catch: left out from this share of failed catch clips on, but never for a single slip among
            two or more: honest people slip too.
        fast: left out if the median of the rater's times from the end of the clip to the answer, each divided
            by the median of all raters for that clip, is below this.
        flat: left out if the variance of the rater's marks is below this (the value of Microsoft's P.910
            toolkit) while others' mean marks of the same clips vary at least twice as much. Of pairs: if nine
            of ten preferences are for the same side, and that by chance in less than 1 of 1000 cases.
        fewest: marks a rater must have given before the rules above but the first say anything.
        bt500: the outlier rule of Recommendation ITU-R BT.500-15, see :func:`bt500_counts`.
        unlike: left out if the correlation of the rater's marks with the others' means is below this share
            of the panel's median correlation (in the spirit of ITU-T P.913, annex A, whose fixed 0.75 is
            meant for laboratories); only where an honest rater would fail in less than 1 % by chance.
    """

    failed_catch: float | None = 0.5
    fast: float | None = 0.25
    flat: float | None = 0.15
    fewest: int = 8
    bt500: bool = True
    unlike: float | None = 0.5


@dataclass(frozen=True)
class Exclusion:
    """One rater who is left out.

    Attributes:
        rater: pseudonym.
        rule: "catch", "fast", "flat", "bt500" or "unlike".
        reason: one sentence with the figures.
    """

    rater: str
    rule: str
    reason: str


def failing(ratings: pd.DataFrame, votes: pd.DataFrame, rules: Rules | None = None) -> tuple[Exclusion, ...]:
    """Everyone who breaks a rule in a study of either kind.

    Args:
        ratings, votes: as `eval.study.storage.store.Store` gives them; one of the two is empty.
        rules: None: the default ones.
    """
    marks = last_marks(ratings)
    if len(marks):
        return screen(marks, rules)
    return screen_votes(votes[votes["kind"] != "training"] if len(votes) else votes, rules)


def screen(ratings: pd.DataFrame, rules: Rules | None = None) -> tuple[Exclusion, ...]:
    """Everyone who breaks a rule, with the first rule broken.

    Catch clips, speed and flat marks are checked first, each rater alone; the two rules that compare a rater
    with the panel are then applied once, to the panel that is left, as BT.500 demands.

    Args:
        ratings: rows that count, from `eval.study.statistics.marks.last_marks`. Catch rows say in
            ``passed`` (bool) whether the mark was one that passes; without that column no catch clip counts.
    """
    rules = rules or Rules()
    found = {**_flat(ratings, rules), **_fast(ratings, rules), **_catch(ratings, rules)}
    left = rated(ratings[~ratings["rater"].isin(list(found))])
    if not left.empty:
        tables = [marks_of(left, question) for question in dict.fromkeys(left["question"])]
        alone = {**_unlike(tables, rules), **_outliers(tables, rules)}
        found.update(alone)
    order = {rater: place for place, rater in enumerate(dict.fromkeys(ratings["rater"]))}
    return tuple(sorted(found.values(), key=lambda exclusion: order[exclusion.rater]))


def screen_votes(votes: pd.DataFrame, rules: Rules | None = None) -> tuple[Exclusion, ...]:
    """Everyone in a study of pairs who is too fast, or always chooses the same side.

    Args:
        votes: as `eval.study.storage.store.Store.pairs` gives them, without training.
    """
    rules = rules or Rules()
    if votes.empty:
        return ()
    sides = votes[votes["outcome"] != 0.5]
    sides = sides.assign(to_left=chose_left(sides))
    found = {}
    for rater, own in sides.groupby("rater", sort=False):
        count, left = len(own), int(own["to_left"].sum())
        most = max(left, count - left)
        chance = scipy.stats.binomtest(most, count).pvalue
        if rules.flat is not None and count >= rules.fewest and 10 * most >= 9 * count and chance < 0.001:
            side = "left" if left == most else "right"
            found[str(rater)] = Exclusion(
                str(rater), "flat", Message(f"screening.preferred_{side}", votes=most, all=count)
            )
    as_clips = votes.assign(stimulus=votes["item"] + "\0" + votes["first"] + "\0" + votes["second"])
    found = {**found, **_fast(as_clips, rules)}
    order = {rater: place for place, rater in enumerate(dict.fromkeys(votes["rater"]))}
    return tuple(sorted(found.values(), key=lambda exclusion: order[exclusion.rater]))


def chose_left(sides: pd.DataFrame) -> pd.Series:
    """Whether the left one was preferred, of votes for one of two."""
    return (sides["outcome"] == 1) == (sides["left"] == sides["first"])


def _catch(ratings: pd.DataFrame, rules: Rules) -> dict[str, Exclusion]:
    if rules.failed_catch is None or "passed" not in ratings.columns:
        return {}
    rows = ratings[(ratings["kind"] == "catch") & ratings["passed"].notna()]
    found = {}
    for rater, own in rows.groupby("rater", sort=False):
        clips = own.assign(passed=own["passed"].astype(bool)).groupby("stimulus")["passed"].all()
        failed, shown = int((~clips).sum()), len(clips)
        many = not _below(failed, rules.failed_catch * shown)
        if failed and many and not (failed == 1 and shown > 1):
            reason = Message("screening.failed", failed=failed, count=shown)
            found[str(rater)] = Exclusion(str(rater), "catch", reason)
    return found


def _fast(ratings: pd.DataFrame, rules: Rules) -> dict[str, Exclusion]:
    rows = rated(ratings)
    rows = rows[rows["seconds"].notna()].drop_duplicates(["rater", "stimulus"])
    if rules.fast is None or rows.empty:
        return {}
    if "clip_seconds" in rows.columns:
        rows = rows.assign(seconds=(rows["seconds"] - rows["clip_seconds"].fillna(0.0)).clip(lower=0.0))
    usual = rows.groupby("stimulus")["seconds"].transform("median")
    people = rows.groupby("stimulus")["rater"].transform("nunique")
    known = (people >= 3) & (usual > 0)
    rows = rows[known].assign(share=rows["seconds"][known] / usual[known])
    found = {}
    for rater, own in rows.groupby("rater", sort=False):
        share = float(own["share"].median())
        if len(own) >= rules.fewest and _below(share, rules.fast):
            reason = Message("screening.hasty", percent=100 * share)
            found[str(rater)] = Exclusion(str(rater), "fast", reason)
    return found


def _flat(ratings: pd.DataFrame, rules: Rules) -> dict[str, Exclusion]:
    rows = rated(ratings)
    if rules.flat is None or rows.empty:
        return {}
    own_spread: dict[str, list[tuple[float, float, int]]] = {}
    for question in dict.fromkeys(rows["question"]):
        table = marks_of(rows, question)
        others = _others_means(table.values)
        for place, rater in enumerate(table.raters):
            both = ~np.isnan(table.values[:, place]) & ~np.isnan(others[:, place])
            if both.sum() >= rules.fewest:
                mine, theirs = table.values[both, place], others[both, place]
                own_spread.setdefault(rater, []).append(
                    (mine.var(ddof=1), theirs.var(ddof=1), int(both.sum()))
                )
    found = {}
    for rater, spreads in own_spread.items():
        mine, theirs, marks = (float(np.mean(part)) for part in zip(*spreads, strict=True))
        if _below(mine, rules.flat) and not _below(theirs, 2 * rules.flat):
            reason = Message("screening.uniform", clips=marks)
            found[rater] = Exclusion(rater, "flat", reason)
    return found


def bt500_counts(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How often each rater lies above and below the others' range (ITU-R BT.500-15, annex 1, 2.3.1).

    For each clip: kurtosis β2 = m4 / m2²; the range is the mean ± 2 standard deviations where
    2 ≤ β2 ≤ 4 (marks are spread normally), else ± √20 standard deviations; its ends count as outside.
    Of a clip whose marks are all equal none is outside.

    Args:
        values: (clips, raters), NaN where missing.

    Returns:
        P, Q: (raters,) counts above and below.
    """
    centred = values - np.nanmean(values, 1, keepdims=True)
    second = np.nanmean(centred**2, 1)
    fourth = np.nanmean(centred**4, 1)
    spread = second > 0
    kurtosis = np.divide(fourth, second**2, out=np.zeros_like(second), where=spread)
    normal = ~_below(kurtosis, 2.0) & ~_below(4.0, kurtosis)
    reach = (np.where(normal, 2.0, np.sqrt(20)) * np.sqrt(second))[:, None]
    distance = np.where(np.isnan(values), 0.0, np.abs(centred))  # a missing mark is nowhere
    outside = ~_below(distance, reach) & spread[:, None]
    return (outside & (centred > 0)).sum(0), (outside & (centred < 0)).sum(0)


def bt500_rejects(above: int, below: int, marks: int) -> bool:
    """BT.500's decision: more than 5 % of the marks outside, and to both sides (|P - Q| < 0.3 (P + Q)).

    As the recommendation wants; besides, so many outside that a rater of whom 5 % are would show them in
    less than 1 % of cases (binomial). BT.500 is made for long sessions; with 30 marks its bare rule throws
    out 4 % of simulated honest raters.
    """
    outside = above + below
    if not outside or outside / marks <= 0.05 or abs(above - below) / outside >= 0.3:
        return False
    return bool(scipy.stats.binom.sf(outside - 1, marks, 0.05) < 0.01)


def _outliers(tables: list[Marks], rules: Rules) -> dict[str, Exclusion]:
    if not rules.bt500:
        return {}
    sums: dict[str, np.ndarray] = {}
    for table in tables:
        above, below = bt500_counts(table.values)
        marks = (~np.isnan(table.values)).sum(0)
        for rater, *three in zip(table.raters, above, below, marks, strict=True):
            sums[rater] = sums.get(rater, np.zeros(3, int)) + np.array(three)
    found = {}
    for rater, (above, below, marks) in sums.items():
        if bt500_rejects(int(above), int(below), int(marks)):
            reason = Message("screening.outside", count=above + below, marks=marks)
            found[rater] = Exclusion(rater, "bt500", reason)
    return found


def _unlike(tables: list[Marks], rules: Rules) -> dict[str, Exclusion]:
    if rules.unlike is None:
        return {}
    agreement = correlations(tables)
    usual = float(np.median([r for r, _ in agreement.values()])) if len(agreement) >= 3 else 0.0
    if usual <= 0:
        return {}
    limit = rules.unlike * usual
    gap = np.arctanh(min(usual, 0.999)) - np.arctanh(min(limit, 0.999))
    found = {}
    for rater, (r, clips) in agreement.items():
        apart = clips > max(3, rules.fewest) and gap * np.sqrt(clips - 3) > scipy.stats.norm.ppf(0.99)
        if _below(r, limit) and apart:
            reason = Message("screening.correlation", own=r, usual=usual)
            found[rater] = Exclusion(rater, "unlike", reason)
    return found


def correlations(tables: list[Marks]) -> Mapping[str, tuple[float, int]]:
    """For each rater Pearson's r of their marks with the means of all others, and the number of clips.

    The marks of several questions are averaged per clip first: they are no independent witnesses. A rater
    whose marks never vary has r = 0.
    """
    own: dict[str, dict[tuple[str, str], list[tuple[float, float]]]] = {}
    for table in tables:
        others = _others_means(table.values)
        both = ~np.isnan(table.values) & ~np.isnan(others)
        clips = list(zip(table.items, table.methods, strict=True))
        for row, column in zip(*np.nonzero(both), strict=True):
            pair = (table.values[row, column], others[row, column])
            own.setdefault(table.raters[column], {}).setdefault(clips[row], []).append(pair)
    found = {}
    for rater, by_clip in own.items():
        mine, theirs = np.array([np.mean(pairs, 0) for pairs in by_clip.values()]).T
        varies = len(mine) > 2 and mine.std() > 0 and theirs.std() > 0
        found[rater] = (float(np.corrcoef(mine, theirs)[0, 1]) if varies else 0.0, len(mine))
    return found


def _below(value: Any, limit: Any) -> Any:
    """Whether numbers are below a limit by more than rounding; what lies on the limit is not below it."""
    return value < limit - EDGE * np.abs(limit)


def _others_means(values: np.ndarray) -> np.ndarray:
    """(clips, raters): mean of a clip's marks without that rater's; NaN where nobody else saw it."""
    there = ~np.isnan(values)
    rest = there.sum(1, keepdims=True) - there
    sums = np.nansum(values, 1, keepdims=True) - np.where(there, values, 0.0)
    return np.divide(sums, rest, out=np.full(values.shape, np.nan), where=rest > 0)
