"""The table of a user study as papers print it, before any format: methods down, questions across."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eval.report.grid import LEVEL, MARK, Cell, ranked
from eval.study.statistics.mos import Opinion
from eval.study.statistics.results import Outcome, Results
from lipsync.texts import Message

DECIMALS = 2
TITLES = {"sync": "Sync accuracy", "quality": "Visual quality", "overall": "Overall"}
LEGEND = (
    Message("legend.mos"),
    Message("legend.interval"),
    Message("legend.differs", mark=MARK),
)
LEGEND_DMOS = Message("legend.dmos")
LEGEND_STRENGTH = Message("legend.strength")
LEGEND_CORRELATIONS = Message("legend.correlations")
LEGEND_METHOD_CORRELATIONS = Message("legend.method_correlations")
LEGEND_PREDICTED = Message("legend.predicted_mos")
LEGEND_WEIGHTS = Message("legend.predicted_weights")


@dataclass(frozen=True)
class Sheet:
    """One table.

    Attributes:
        head: of the columns; the first is the method's.
        reference: the row of the hidden reference, which competes with nobody; None without one.
        rows: of the methods. The first cell is the name; those of questions are
            :class:`eval.report.grid.Cell`.
    """

    head: tuple[str, ...]
    reference: tuple[str | Cell, ...] | None
    rows: tuple[tuple[str | Cell, ...], ...]


def opinions(results: Results, titles: Mapping[str, str] | None = None) -> Sheet:
    """MOS ± half its interval: the user-study table of a paper.

    Args:
        results: of a study with marks.
        titles: what questions are called; default: `TITLES`, else their keys.
    """
    return _sheet(results, titles, lambda outcome: outcome.opinion)


def differences(results: Results, titles: Mapping[str, str] | None = None) -> Sheet:
    """DMOS ± half its interval, where there is a hidden reference."""
    return _sheet(results, titles, lambda outcome: outcome.dmos, against=True)


def strengths(results: Results, titles: Mapping[str, str] | None = None) -> Sheet:
    """Bradley–Terry strengths of a study of pairs, with the share of votes won (ties as half)."""
    questions = list(results.preference)
    columns = [text for question in questions for text in (f"{title(question, titles)} ↑", "won (%)")]
    places = {
        question: ranked({name: -round(s.strength, DECIMALS) for name, s in votes.methods.items()})
        for question, votes in results.preference.items()
    }
    rows = []
    for method in results.ranked:
        row: list[str | Cell] = [method]
        for question in questions:
            strength = results.preference[question].methods.get(method)
            if strength is None:
                row += [Cell("-"), "-"]
                continue
            best, second = (method in names for names in places[question])
            interval = "" if strength.low is None else f"{show(strength.low)} to {show(strength.high)}"
            row.append(Cell(show(strength.strength), interval, best=best, second=second))
            row.append(f"{100 * (strength.won + strength.tied / 2) / strength.votes:.0f}")
        rows.append(tuple(row))
    return Sheet(("Method", *columns), None, tuple(rows))


def title(question: str, titles: Mapping[str, str] | None = None) -> str:
    """What a question is called in a heading."""
    return (titles or {}).get(question) or TITLES.get(question, question)


def show(value: float | None) -> str:
    """A mean as printed; a rounded zero has no sign."""
    return "-" if value is None else f"{round(value, DECIMALS) + 0.0:.{DECIMALS}f}"


def _sheet(
    results: Results,
    titles: Mapping[str, str] | None,
    of: Callable[[Outcome], Opinion | None],
    against: bool = False,
) -> Sheet:
    asked = {question for question, _ in results.outcomes}
    questions = [question for question in results.questions if question in asked]
    by_method = {key: of(outcome) for key, outcome in results.outcomes.items()}
    places = {question: _places(results, question, by_method) for question in questions}
    if against:  # the tests are of marks, not of differences from the reference
        places = {question: (best, second, set()) for question, (best, second, _) in places.items()}

    def row(method: str) -> tuple[str | Cell, ...]:
        cells = []
        for question in questions:
            opinion, (best, second, worse) = by_method.get((question, method)), places[question]
            if opinion is None or opinion.mos is None:
                cells.append(Cell("-"))
                continue
            interval = "" if opinion.low is None else f"{show(opinion.low)} to {show(opinion.high)}"
            half = "" if opinion.margin is None else show(opinion.margin)
            cells.append(
                Cell(show(opinion.mos), interval, half, method in best, method in second, method in worse)
            )
        marks = [opinion.marks for question in questions if (opinion := by_method.get((question, method)))]
        return method, str(max(marks, default=0)), *cells

    shown = row(results.reference) if results.reference and not against else None
    head = ("Method", "marks", *(f"{title(question, titles)} ↑" for question in questions))
    return Sheet(head, shown, tuple(row(method) for method in results.methods))


def _places(
    results: Results, question: str, by_method: Mapping[tuple[str, str], Opinion | None]
) -> tuple[set[str], set[str], set[str]]:
    """The best methods, the next ones, and those that differ significantly from the best."""
    found = {method: by_method.get((question, method)) for method in results.methods}
    means = {method: o.mos for method, o in found.items() if o is not None and o.mos is not None}
    best, second = ranked({method: -round(mean, DECIMALS) for method, mean in means.items()})
    first = max(means, key=lambda method: means[method], default="")
    tests = [contrast.test for contrast in results.contrasts.get(question, ())]
    apart = [test for test in tests if first in (test.a, test.b) and test.p_holm < LEVEL]
    return best, second, {test.b if test.a == first else test.a for test in apart} - best
