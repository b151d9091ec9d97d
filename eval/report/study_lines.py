"""The numbers of a user study as flat tables: a head, and one line for each thing said."""

from __future__ import annotations

from collections.abc import Mapping

from eval.study.statistics.agreement import Coefficient
from eval.study.statistics.correlation import Correlation
from eval.study.statistics.mos import Opinion
from eval.study.statistics.results import Outcome, Results
from lipsync.texts import Message

Line = list[str | int | float | None]

OPINION = (
    "marks", "raters", "clips", "mos", "low", "high", "low (other clips too)", "high (other clips too)", "sd",
    "1", "2", "3", "4", "5", "dmos", "dmos low", "dmos high",
)  # fmt: skip
COEFFICIENT = (
    "Spearman", "low", "high", "p", "Kendall", "low (Kendall)", "high (Kendall)", "p (Kendall)",
)  # fmt: skip
COEFFICIENTS = ("ICC(1,1)", "ICC(2,1)", "ICC(3,1)", "ICC(1,k)", "ICC(2,k)", "ICC(3,k)")


def by_method(results: Results) -> list[Line]:
    """One line per question and method: n, MOS and its intervals, spread, histogram, DMOS, corrected MOS."""
    lines: list[Line] = [["question", "method", "hidden reference", *OPINION, _corrected(results)]]
    for (question, method), outcome in results.outcomes.items():
        lines.append([question, method, _yes(method == results.reference), *_opinion(outcome)])
    return lines


def by_clip(results: Results) -> list[Line]:
    """The same per clip."""
    lines: list[Line] = [["question", "item", "method", "hidden reference", *OPINION, _corrected(results)]]
    for (question, item, method), outcome in results.clips.items():
        lines.append([question, item, method, _yes(method == results.reference), *_opinion(outcome)])
    return lines


def strengths(results: Results) -> list[Line]:
    """One line per question and method of a study of pairs."""
    lines: list[Line] = [["question", "method", "votes", "won", "tied", "strength", "low", "high"]]
    for question, found in results.preference.items():
        for method, s in found.methods.items():
            lines.append([question, method, s.votes, s.won, s.tied, s.strength, s.low, s.high])
    return lines


def duels(results: Results) -> list[Line]:
    """One line per question and two methods that were shown side by side."""
    head = ["question", "a", "b", "a better", "b better", "tied", "strength a - b", "p", "p (Holm)"]
    lines: list[Line] = [[*head]]
    for question, found in results.preference.items():
        for d in found.duels:
            votes = (d.a_better, d.b_better, d.tied)
            lines.append([question, d.a, d.b, *votes, d.difference, d.p, d.p_holm])
    return lines


def contrasts(results: Results) -> list[Line]:
    """One line per question and two methods: Wilcoxon's test on raters, Holm per question; raters needed."""
    head = ["question", "a", "b", "a - b", "raters", "p", "p (Holm)", "raters for 80 % power", "more raters"]
    lines: list[Line] = [[*head]]
    for question, found in results.contrasts.items():
        for contrast in found:
            test = contrast.test
            numbers = (test.difference, test.pairs, test.p, test.p_holm)
            lines.append([question, test.a, test.b, *numbers, contrast.needed, contrast.more])
    return lines


def friedman(results: Results) -> list[Line]:
    """One line per question with Friedman's test."""
    lines: list[Line] = [["question", "raters", "methods", "Friedman's χ²", "p", "Kendall's W"]]
    for question, test in results.friedman.items():
        if test is not None:
            lines.append([question, test.raters, test.methods, test.chi2, test.p, test.w])
    return lines


def agreement(results: Results) -> list[Line]:
    """One line per question and coefficient, hidden reference included."""
    lines: list[Line] = [
        ["question", "coefficient", "value", "low", "high", "clips", "raters", "marks", "note"]
    ]  # fmt: skip
    for question, found in results.agreement.items():
        counts = (found.clips, found.raters, found.marks)
        note = "" if found.complete else Message("report.cells_missing")
        named: Mapping[str, Coefficient] = dict(
            zip(COEFFICIENTS, (*found.singles, *found.averages), strict=True)
        )
        for name, c in ((Message("report.krippendorff"), found.alpha), *named.items()):
            if c.value is not None:
                remark = note if name in named else ""
                lines.append([question, name, c.value, c.low, c.high, *counts, remark])
        if found.reason:
            lines.append([question, "", None, None, None, *counts, found.reason])
    return lines


def correlations(results: Results) -> list[Line]:
    """One line per question and metric, clip by clip."""
    lines: list[Line] = [["question", "metric", "clips", *COEFFICIENT, "note"]]
    for c in results.correlations:
        lines.append([c.question, c.metric, c.clips, *_coefficients(c), c.reason])
    return lines


def method_correlations(results: Results) -> list[Line]:
    """One line per question and metric, method by method."""
    lines: list[Line] = [["question", "metric", "methods", "clips", *COEFFICIENT, "note"]]
    for c in results.method_correlations:
        lines.append([c.question, c.metric, c.methods, c.clips, *_coefficients(c), c.reason])
    return lines


def predicted_mos(results: Results) -> list[Line]:
    """One line per question: how far predictions from the metrics were off in cross-validation."""
    head = (
        "question", "videos", "items", "methods", "RMSE", "low", "high", "RMSE of the mean", "Spearman",
        "RMSE, unseen methods", "RMSE of the mean, unseen methods", "offered", "note",
    )  # fmt: skip
    lines: list[Line] = [[*head]]
    for p in results.predictions:
        e, offered = p.error, _yes(p.model is not None)
        errors: Line = [None] * 7
        if e is not None:
            errors = [e.rmse, e.low, e.high, e.mean_rmse, e.spearman, e.unseen_rmse, e.unseen_mean_rmse]
        lines.append([p.question, p.videos, p.items, p.methods, *errors, offered, p.reason])
    return lines


def predicted_mos_weights(results: Results) -> list[Line]:
    """One line per question and metric: what it adds to the predicted MOS, or why it takes no part."""
    lines: list[Line] = [["question", "metric", "weight", "mean", "sd", "note"]]
    for p in results.predictions:
        for m in p.model.metrics if p.model else ():
            lines.append([p.question, m.label, m.weight, m.mean, m.scale, ""])
        for label, reason in p.left_out.items() if p.error else ():
            lines.append([p.question, label, None, None, None, reason])
    return lines


def exclusions(results: Results) -> list[Line]:
    """One line per rater left out, or who would be."""
    lines: list[Line] = [["rater", "rule", "reason"]]
    lines += [[entry.rater, entry.rule, entry.reason] for entry in results.excluded]
    return lines


def _coefficients(c: Correlation) -> Line:
    return [
        c.spearman, c.low, c.high, c.spearman_p, c.kendall, c.kendall_low, c.kendall_high, c.kendall_p,
    ]  # fmt: skip


def _opinion(outcome: Outcome) -> Line:
    o = outcome.opinion
    d = outcome.dmos or Opinion(0, 0, 0, None)
    return [
        o.marks, o.raters, o.clips, o.mos, o.low, o.high, o.wide_low, o.wide_high, o.sd, *o.histogram,
        d.mos, d.low, d.high, outcome.corrected,
    ]  # fmt: skip


def _corrected(results: Results) -> str:
    return "corrected mos (shrunk)" if results.shrunk else "corrected mos"


def _yes(value: bool) -> str:
    return "yes" if value else ""
