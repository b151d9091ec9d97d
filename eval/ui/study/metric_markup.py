"""What objective metrics say of the clips of a study, as HTML: metrics down, questions across."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape

from eval.report import opinions
from eval.study.statistics.correlation import Correlation
from eval.study.statistics.prediction.mos_model import PredictionError
from eval.study.statistics.prediction.predicted_mos import MosPrediction
from eval.study.statistics.results import Results
from eval.ui.study.study_markup import headed_table, legend, question_title
from lipsync.ui.languages import localized


def metrics(found: Results) -> str:
    """Metrics against MOS, clip by clip and method by method, and what they predict together."""
    parts = [
        ("results.by_clip", _clips(found), opinions.LEGEND_CORRELATIONS),
        ("results.by_method", _methods(found), opinions.LEGEND_METHOD_CORRELATIONS),
        ("results.predicted", _predictions(found.predictions), opinions.LEGEND_PREDICTED),
        ("results.weights", _weights(found.predictions), opinions.LEGEND_WEIGHTS),
    ]
    shown = [f"<h3>{localized(key)}</h3>{html}{legend([sentence])}" for key, html, sentence in parts if html]
    return "".join(shown) or f'<p class="figures">{localized("results.noscores")}</p>'


def _clips(found: Results) -> str:
    return _correlations("results.by_clip", found.correlations, "head.clips", lambda c: c.clips)


def _methods(found: Results) -> str:
    return _correlations("results.by_method", found.method_correlations, "head.methods", lambda c: c.methods)


def _correlations(
    name: str, entries: Sequence[Correlation], head: str, count: Callable[[Correlation], int]
) -> str:
    if not entries:
        return ""
    questions = list(dict.fromkeys(entry.question for entry in entries))
    by_metric: dict[str, dict[str, Correlation]] = {}
    for entry in entries:
        by_metric.setdefault(entry.metric, {})[entry.question] = entry
    rows = []
    for metric, of_question in by_metric.items():
        counts = " / ".join(dict.fromkeys(str(count(entry)) for entry in of_question.values()))
        cells = [f"<td>{_coefficients(of_question[question])}</td>" for question in questions]
        rows.append(f'<tr><th scope="row">{escape(metric)}</th><td>{counts}</td>{"".join(cells)}</tr>')
    heads = [localized("head.metric"), localized(head), *map(question_title, questions)]
    return headed_table(name, heads, rows) + _reasons((entry.metric, entry.reason) for entry in entries)


def _coefficients(c: Correlation) -> str:
    """ρ and τ; below, the interval and p of each."""
    if c.spearman is None:
        return "-"
    values = f"ρ {opinions.show(c.spearman)}, τ {opinions.show(c.kendall)}"
    rho = _beside("ρ", c.low, c.high, c.spearman_p)
    return f"{values}<br>{rho}<br>{_beside('τ', c.kendall_low, c.kendall_high, c.kendall_p)}"


def _beside(sign: str, low: float | None, high: float | None, p: float | None) -> str:
    interval = "" if low is None else f"{opinions.show(low)} … {opinions.show(high)}, "
    chance = "" if p is None else "p &lt; 0.001" if p < 0.001 else f"p {p:.3f}"
    return f"<small>{sign} {interval}{chance}</small>"


def _predictions(predictions: Sequence[MosPrediction]) -> str:
    """Questions down: how far predictions were off, and why one is not offered."""
    if not predictions:
        return ""
    rows = []
    for p in predictions:
        offered = localized("results.offered") if p.model is not None else "-"
        rows.append(
            f'<tr><th scope="row">{question_title(p.question)}</th>'
            f"<td>{p.videos} / {p.items} / {p.methods}</td>{_errors(p.error)}<td>{offered}</td></tr>"
        )
    keys = ("RMSE", "RMSE of the mean", "Spearman", "RMSE, unseen methods", "offered")
    heads = [localized("head.question"), localized("results.counts")]
    heads += [localized(f"head.{key}") for key in keys]
    return headed_table("results.predicted", heads, rows) + _reasons(
        (p.question, p.reason) for p in predictions
    )


def _errors(error: PredictionError | None) -> str:
    if error is None:
        return "<td>-</td>" * 4
    interval = f"{opinions.show(error.low)} … {opinions.show(error.high)}"
    unseen = opinions.show(error.unseen_rmse)
    if error.unseen_mean_rmse is not None:
        unseen += f" <small>{localized('results.of_mean', rmse=error.unseen_mean_rmse)}</small>"
    return (
        f"<td>{opinions.show(error.rmse)} <small>{interval}</small></td>"
        f"<td>{opinions.show(error.mean_rmse)}</td><td>{opinions.show(error.spearman)}</td><td>{unseen}</td>"
    )


def _weights(predictions: Sequence[MosPrediction]) -> str:
    """Metrics down, questions across: what a standard deviation adds to the prediction."""
    models = {p.question: p.model for p in predictions if p.model is not None}
    if not models:
        return ""
    weights = {
        question: {fitted.label: fitted.weight for fitted in model.metrics}
        for question, model in models.items()
    }
    rows = []
    for label in dict.fromkeys(label for found in weights.values() for label in found):
        cells = (f"<td>{opinions.show(found.get(label))}</td>" for found in weights.values())
        rows.append(f'<tr><th scope="row">{escape(label)}</th>{"".join(cells)}</tr>')
    left_out = ((label, why) for p in predictions for label, why in p.left_out.items() if p.model)
    heads = [localized("head.metric"), *map(question_title, models)]
    return headed_table("results.weights", heads, rows) + _reasons(left_out)


def _reasons(found: Iterable[tuple[str, str]]) -> str:
    """Each reason once, after what it is the reason of; alone where it is that of everything."""
    by_reason: dict[str, list[str]] = {}
    names = set()
    for name, reason in found:
        names.add(name)
        if reason and name not in by_reason.setdefault(reason, []):
            by_reason[reason].append(name)
    lines = [
        ("" if len(of) == len(names) else f"{', '.join(map(question_title, of))}: ") + localized(reason)
        for reason, of in by_reason.items()
    ]
    return f'<ul class="notes">{"".join(f"<li>{line}</li>" for line in lines)}</ul>' if lines else ""
