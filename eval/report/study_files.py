"""A user study as Markdown, LaTeX, CSV and JSON, and all of it as files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from eval.report import study_lines
from eval.report.files import csv_text, number, plain
from eval.report.grid import MARK, Cell
from eval.report.latex import bold, environment, escape, underline
from eval.report.markdown import pipe_table
from eval.report.opinions import (
    LEGEND,
    LEGEND_CORRELATIONS,
    LEGEND_DMOS,
    LEGEND_METHOD_CORRELATIONS,
    LEGEND_PREDICTED,
    LEGEND_STRENGTH,
    Sheet,
    differences,
    opinions,
    strengths,
)
from eval.report.study_lines import Line
from eval.scoring.scores import write_text
from eval.study.statistics.prediction.model_file import write_model
from eval.study.statistics.results import Results
from lipsync.texts import Message

LEGENDS = {
    "correlations": LEGEND_CORRELATIONS,
    "method_correlations": LEGEND_METHOD_CORRELATIONS,
    "predicted_mos": LEGEND_PREDICTED,
}
MAIN_AGREEMENT = (Message("report.krippendorff"), "ICC(2,1)", "ICC(2,k)")

Format = Literal["csv", "json", "latex", "md"]
Titles = Mapping[str, str] | None


def render(results: Results, form: Format, titles: Titles = None) -> str:
    """The study in one format; CSV holds the numbers per method and question.

    Args:
        results: of a study.
        form: csv, json, latex or md.
        titles: what questions are called in headings.
    """
    if form == "csv":
        return as_csv((study_lines.strengths if results.pairwise else study_lines.by_method)(results))
    if form == "json":
        return as_json(results)
    return as_latex(results, titles) if form == "latex" else as_markdown(results, titles)


def write_study(results: Results, folder: Path, titles: Titles = None, study: str = "") -> list[Path]:
    """Write every table into a folder; gives back the files. Empty tables are left out.

    Where a predicted MOS is offered, there is a file of it, too, which names the study by its title.

    Raises:
        ConfigError: the folder cannot be written to.
    """
    texts = {
        "results.md": as_markdown(results, titles),
        "results.tex": as_latex(results, titles),
        "results.json": as_json(results),
    }
    for name, table in _tables(results).items():
        if len(table) > 1:
            texts[f"{name}.csv"] = as_csv(table)
    for name, text in texts.items():
        write_text(folder / name, text)
    return [*(folder / name for name in texts), *_write_models(results, folder, study)]


def as_csv(lines: Sequence[Line]) -> str:
    """A flat table as CSV; a missing number is an empty cell."""
    return csv_text([[_cell(cell, number) for cell in row] for row in lines])


def as_markdown(results: Results, titles: Titles = None) -> str:
    """All tables of a study but those per clip, with legend and notes."""
    lines: list[str] = []
    if results.outcomes:
        lines += ["MOS:", "", *_pipes(opinions(results, titles)), "", *LEGEND, ""]
    if _with_reference(results):
        lines += ["DMOS:", "", *_pipes(differences(results, titles)), "", LEGEND_DMOS, ""]
    if results.preference:
        lines += ["Strengths:", "", *_pipes(strengths(results, titles)), "", LEGEND_STRENGTH, ""]
    out = "Raters left out" if results.screened else "Raters whom screening would leave out"
    tables = _tables(results)
    for heading, name in (
        ("Every two methods (Wilcoxon on the raters' means, Holm per question)", "contrasts"),
        ("All methods", "friedman"),
        ("Side by side", "duels"),
        ("Agreement of the raters", "agreement"),
        ("Metrics and MOS, clip by clip", "correlations"),
        ("Metrics and MOS, method by method", "method_correlations"),
        ("MOS predicted from all metrics, in cross-validation", "predicted_mos"),
        ("Metrics in the predicted MOS", "predicted_mos_weights"),
        (out, "exclusions"),
    ):
        head, *rows = [[_cell(cell, _short) for cell in row] for row in tables[name]]
        if name == "agreement":  # the others are in the files
            rows = [row for row in rows if row[1] in (*MAIN_AGREEMENT, "")]
        if rows:
            lines += [f"{heading}:", "", *pipe_table(head, rows), ""]
            lines += [LEGENDS[name], ""] if name in LEGENDS else []
    lines += [f"- {note}" for note in results.caveats]
    return "\n".join(lines).rstrip() + "\n"


def as_latex(results: Results, titles: Titles = None) -> str:
    """The table of MOS (or of strengths) in booktabs, that of DMOS below; notes as comments."""
    if results.preference:
        return _booktabs(strengths(results, titles), [LEGEND_STRENGTH], results.caveats)
    if not results.outcomes:
        return "".join(f"% {note}\n" for note in results.caveats)
    text = _booktabs(opinions(results, titles), LEGEND, results.caveats)
    if _with_reference(results):
        text += "\n" + _booktabs(differences(results, titles), [LEGEND_DMOS], ())
    return text


def as_json(results: Results) -> str:
    """Everything; a missing number is null."""
    data: dict[str, Any] = {
        "legend": [LEGEND_STRENGTH] if results.pairwise else [*LEGEND, LEGEND_DMOS],
        "metrics_legend": LEGENDS if results.method_correlations else {},
        "questions": results.questions,
        "methods": results.methods,
        "reference": results.reference,
        "items": results.items,
        "raters": len(results.raters),
        "used": results.used,
        "screened": results.screened,
        "shrunk": results.shrunk,
        "excluded": [asdict(entry) for entry in results.excluded],
        "results": [
            {"question": question, "method": method, **asdict(outcome)}
            for (question, method), outcome in results.outcomes.items()
        ],
        "clips": [
            {"question": question, "item": item, "method": method, **asdict(outcome)}
            for (question, item, method), outcome in results.clips.items()
        ],
        "agreement": {question: asdict(found) for question, found in results.agreement.items()},
        "friedman": {question: asdict(test) if test else None for question, test in results.friedman.items()},
        "contrasts": {
            question: [{**asdict(c.test), "needed": c.needed, "more": c.more} for c in found]
            for question, found in results.contrasts.items()
        },
        "preference": {question: asdict(found) for question, found in results.preference.items()},
        "correlations": [asdict(entry) for entry in results.correlations],
        "method_correlations": [asdict(entry) for entry in results.method_correlations],
        "predicted_mos": [asdict(entry) for entry in results.predictions],
        "notes": results.caveats,
    }
    return json.dumps(plain(data), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _write_models(results: Results, folder: Path, study: str) -> list[Path]:
    date = datetime.now(UTC).isoformat(timespec="seconds")
    written = []
    for model in (prediction.model for prediction in results.predictions if prediction.model):
        written.append(folder / f"predicted_mos-{model.question}.json")
        write_model(replace(model, study=study, date=date), written[-1])
    return written


def _tables(results: Results) -> dict[str, list[Line]]:
    return {
        "methods": study_lines.by_method(results),
        "clips": study_lines.by_clip(results),
        "strengths": study_lines.strengths(results),
        "duels": study_lines.duels(results),
        "contrasts": study_lines.contrasts(results),
        "friedman": study_lines.friedman(results),
        "agreement": study_lines.agreement(results),
        "correlations": study_lines.correlations(results),
        "method_correlations": study_lines.method_correlations(results),
        "predicted_mos": study_lines.predicted_mos(results),
        "predicted_mos_weights": study_lines.predicted_mos_weights(results),
        "exclusions": study_lines.exclusions(results),
    }


def _with_reference(results: Results) -> bool:
    return any(outcome.dmos for outcome in results.outcomes.values())


def _cell(value: str | int | float | None, show: Callable[[float], str]) -> str:
    if value is None:
        return ""
    return show(value) if isinstance(value, float) else str(value)


def _short(value: float) -> str:
    """Three digits for people."""
    return f"{value:.3g}" if abs(value) < 1e-3 else f"{value:.3f}"


def _pipes(sheet: Sheet) -> list[str]:
    rows = [[marked(cell) if isinstance(cell, Cell) else cell for cell in row] for row in sheet.rows]
    if sheet.reference:
        first, *rest = (marked(cell) if isinstance(cell, Cell) else cell for cell in sheet.reference)
        rows.insert(0, [f"*{first}* (hidden reference)", *rest])
    return pipe_table(sheet.head, rows)


def marked(cell: Cell) -> str:
    """A cell in Markdown: best bold, second underlined, ± half its interval or both ends."""
    text = f"**{cell.text}**" if cell.best else f"<u>{cell.text}</u>" if cell.second else cell.text
    text = f"{text} ± {cell.half}" if cell.half else f"{text} ({cell.interval})" if cell.interval else text
    return f"{text} {MARK}" if cell.differs else text


def _booktabs(sheet: Sheet, caption: Sequence[str], caveats: Sequence[str]) -> str:
    def row(cells: Sequence[str | Cell]) -> list[str]:
        return [_latex_cell(cell) if isinstance(cell, Cell) else escape(cell) for cell in cells]

    groups = [[row(cells) for cells in sheet.rows]]
    if sheet.reference:
        groups.insert(0, [row((f"{sheet.reference[0]} (hidden reference)", *sheet.reference[1:]))])
    return environment([escape(cell) for cell in sheet.head], groups, caveats, _caption(caption))


def _latex_cell(cell: Cell) -> str:
    text = cell.text if cell.text == "-" else _minus(escape(cell.text))
    text = bold(text) if cell.best else underline(text) if cell.second else text
    if cell.differs:
        text += r"$^{\dagger}$"
    if cell.half:
        return f"{text} {{\\scriptsize $\\pm$ {cell.half}}}"
    return f"{text} {{\\scriptsize ({_minus(escape(cell.interval))})}}" if cell.interval else text


def _minus(text: str) -> str:
    return text.replace("-", "$-$")


def _caption(sentences: Sequence[str]) -> str:
    return escape(" ".join(sentences)).replace(MARK, r"$^{\dagger}$")
