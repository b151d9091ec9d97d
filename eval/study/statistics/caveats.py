"""Caveats to read beside the tables of a study: what is missing, and what must not be concluded."""

from __future__ import annotations

from eval.study.statistics.outcomes import Results
from lipsync.texts import Message

SPREADLESS = "results.no_interval_equal"
LONELY = "results.no_interval_lonely"


def caveats_of(results: Results) -> tuple[str, ...]:
    """All caveats that apply to these results."""
    if not results.raters:
        return (Message("results.no_marks"),)
    found = [_screening(results)] if results.excluded else []
    if not results.used:
        return (*found, Message("results.nobody_left"))
    return (*found, *_intervals(results), *_tests(results), *_pairs(results))


def _screening(results: Results) -> str:
    left_out, raters = len(results.excluded), Message("count.raters", count=len(results.raters))
    if results.screened:
        return Message("screening.left_out", left_out=left_out, raters=raters)
    return Message("screening.would_leave_out", left_out=left_out, raters=raters)


def _intervals(results: Results) -> list[Message]:
    """Which means have no interval, those with the same reason together."""
    lacking: dict[str, list[str]] = {}
    for (question, method), outcome in results.outcomes.items():
        given = outcome.opinion
        if given.mos is not None and given.margin is None:
            why = SPREADLESS if given.marks > given.clips else LONELY
            lacking.setdefault(why, []).append(f"{method} ({question})")
    every = len(results.outcomes)
    found = [
        Message(why, methods=Message("results.all_methods") if len(names) == every else ", ".join(names))
        for why, names in lacking.items()
    ]
    if results.reference is not None and not any(o.dmos for o in results.outcomes.values()):
        found.append(Message("results.no_dmos"))
    seen = {m: {item for _, item, method in results.clips if method == m} for m in results.methods}
    if len({frozenset(items) for items in seen.values()}) > 1:
        found.append(Message("results.different_clips"))
    return found


def _tests(results: Results) -> list[Message]:
    """Which tests cannot be made, and which cannot succeed."""
    found: list[Message] = []
    measured = [question for question, test in results.friedman.items() if test is not None]
    if len(results.methods) > 2 and results.friedman and not measured:
        found.append(Message("results.friedman_needs"))
    raters = [contrast.test.pairs for group in results.contrasts.values() for contrast in group]
    if raters and max(raters) == 1:
        found.append(Message("results.one_rater"))
    elif raters and max(raters) <= 5:
        found.append(Message("results.few_raters", count=max(raters)))
    return found


def _pairs(results: Results) -> list[Message]:
    """What votes alone could not decide."""
    found: list[Message] = []
    for question, votes in results.preference.items():
        if votes.shrunk:
            found.append(Message("results.no_strengths", question=question))
        if all(strength.low is None for strength in votes.methods.values()):
            found.append(Message("results.no_strength_interval", question=question))
    return found
