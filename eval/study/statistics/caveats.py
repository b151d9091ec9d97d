"""Sentences to read beside the tables of a study: what is missing, and what not to conclude."""

from __future__ import annotations

from eval.study.statistics.outcomes import Results

SPREADLESS = "raters never differ"
LONELY = "no clip has marks from two raters"


def notes(results: Results) -> tuple[str, ...]:
    """All that applies; the Chinese of each is in `eval.sentences`."""
    if not results.raters:
        return ("There are no marks yet.",)
    found = [_screening(results)] if results.excluded else []
    if not results.used:
        return (*found, "Nobody is left: look at the marks without screening.")
    return (*found, *_intervals(results), *_tests(results), *_pairs(results))


def _screening(results: Results) -> str:
    left_out, everybody = len(results.excluded), len(results.raters)
    if results.screened:
        return f"Left out of the numbers: {left_out} of {everybody} raters."
    return f"Nobody is left out; the screening would leave out {left_out} of {everybody} raters."


def _intervals(results: Results) -> list[str]:
    """Which means have no interval, those with the same reason together."""
    lacking: dict[str, list[str]] = {}
    for (question, method), outcome in results.outcomes.items():
        given = outcome.opinion
        if given.mos is not None and given.margin is None:
            why = SPREADLESS if given.marks > given.clips else LONELY
            lacking.setdefault(why, []).append(f"{method} ({question})")
    every = len(results.outcomes)
    found = [
        f"No interval, because {why}: {'all methods' if len(names) == every else ', '.join(names)}."
        for why, names in lacking.items()
    ]
    if results.reference is not None and not any(o.dmos for o in results.outcomes.values()):
        found.append("No DMOS: nobody has rated a clip and its hidden reference.")
    seen = {m: {item for _, item, method in results.clips if method == m} for m in results.methods}
    if len({frozenset(items) for items in seen.values()}) > 1:
        found.append("The methods have different clips: compare their means with care.")
    return found


def _tests(results: Results) -> list[str]:
    """Which tests cannot be made, and which cannot succeed."""
    found = []
    judged = [question for question, test in results.friedman.items() if test is not None]
    if len(results.methods) > 2 and results.friedman and not judged:
        found.append("Friedman's test needs two raters who have rated all methods and tell them apart.")
    raters = [contrast.test.pairs for group in results.contrasts.values() for contrast in group]
    if raters and max(raters) == 1:
        found.append("One rater cannot show a significant difference between methods.")
    elif raters and max(raters) <= 5:
        found.append(f"With {max(raters)} raters no difference between methods can reach p < 0.05.")
    return found


def _pairs(results: Results) -> list[str]:
    """What votes alone could not decide."""
    found = []
    for question, votes in results.preference.items():
        if votes.shrunk:
            found.append(
                f"Votes alone give no finite strengths ({question}): a method won or lost all of them, or "
                "some were never compared. Each got half a vote for and half against."
            )
        if all(strength.low is None for strength in votes.methods.values()):
            found.append(f"No interval of the strengths ({question}): every vote says no difference.")
    return found
