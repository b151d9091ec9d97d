"""Pieces of HTML of the Rate and Results pages, in both languages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from html import escape

import segno

from eval.report import opinions, study_lines
from eval.report.grid import MARK, Cell
from eval.report.opinions import Sheet
from eval.report.study_lines import Line
from eval.study.statistics.results import Results
from eval.study.storage.labels import BilingualText
from eval.study.storage.store import StudyInfo
from lipsync.errors import LipSyncError
from lipsync.texts import Message, known
from lipsync.ui.languages import localized, spans
from lipsync.ui.markup import wide_table


def trouble(error: Exception) -> str:
    """An error as a sentence; a bug is only reported as such."""
    what = localized(error.message) if isinstance(error, LipSyncError) else localized("results.bug")
    return f'<div class="trouble" role="alert"><p>{what}</p></div>'


def good(key: str, **values: object) -> str:
    """What was done."""
    return f'<div class="done" role="status">{localized(key, **values)}</div>'


def bilingual(text_: BilingualText) -> str:
    """A text of a study in the page's language."""
    return spans(text_.to_dict())


def empty(key: str, how: str = "") -> str:
    """The message in an empty place."""
    more = f"<p>{localized(how)}</p>" if how else ""
    return f'<div class="empty"><strong>{localized(key)}</strong>{more}</div>'


def running(done: int, total: int) -> str:
    """The progress of creating a study."""
    progress = localized("form.making", done=done, total=total) if total else localized("form.preparing")
    return (
        f'<div class="running" role="status"><strong>{progress}</strong>'
        f'<progress max="{max(1, total)}" value="{done}"></progress></div>'
    )


def studies(found: Sequence[StudyInfo], chosen: str | None) -> str:
    """The list; a click on an entry is a click on its ``data-study``."""
    if not found:
        return empty("studies.empty", "studies.empty.how")
    entries = []
    for study in found:
        raters = Message("count.raters", count=study.raters)
        line = localized("studies.line", ratings=study.counted, wanted=study.wanted, raters=raters)
        entries.append(
            f'<li><button type="button" class="study" data-study="{escape(study.id)}" '
            f'aria-pressed="{"true" if study.id == chosen else "false"}">'
            f"<strong>{bilingual(study.spec.title)}</strong>{_state(study)}"
            f'<span class="figures">{line}</span>{_bar(study)}</button></li>'
        )
    return f'<ul class="studies">{"".join(entries)}</ul>'


def head(study: StudyInfo) -> str:
    """Title, state and progress of a study, and the link to send, whose beginning the browser adds.

    The browser also shows the sentence for a link that nobody else can open, and asks for the QR code.
    """
    day = datetime.fromtimestamp(study.made, UTC).date().isoformat()
    facts = localized(
        "study.facts",
        clips=Message("count.clips", count=study.clips),
        day=day,
        raters=Message("count.raters", count=study.raters),
        finished=study.finished,
    )
    link = escape(f"rate?study={study.link}")
    count = localized("study.progress", ratings=study.counted, wanted=study.wanted)
    return (
        f'<div class="study-head" data-shown="{study.id}">'
        f'<h2 class="title">{bilingual(study.spec.title)} {_state(study)}</h2>'
        f'<p class="figures">{count}<span aria-hidden="true"> · </span>{facts}</p>{_bar(study)}'
        f'<label class="link"><span>{localized("study.link")}</span>'
        f'<span class="row"><input readonly data-path="{link}" data-draw id="study-link">'
        f'<button type="button" data-copy><span class="before">{localized("study.copy")}</span>'
        f'<span class="after">{localized("study.copied")}</span></button></span></label>'
        f'<p class="figures" data-local hidden>{localized("study.link.local")}</p></div>'
    )


def plot(name: str, drawn: str) -> str:
    """A plot as a picture with a name, which the keyboard can move where it is wider than the screen.

    Args:
        name: of `eval.report.study_plots.plots`.
        drawn: its SVG.
    """
    kind = name.partition("-")[0]
    return (
        f'<div class="drawn" role="img" tabindex="0" aria-labelledby="plot-{escape(name)}">{drawn}</div>'
        f'<span class="visually-hidden" id="plot-{escape(name)}">{localized(f"results.plot.{kind}")}</span>'
    )


def qr_code(url: str) -> str:
    """The QR code of a study's link; black on white in every theme, because some readers see nothing else."""
    code = segno.make(url, micro=False)
    side = 3 * code.symbol_size()[0]  # px: whole pixels for each module
    drawn = code.svg_inline(omitsize=True, light="#fff")
    name = f'width="{side}" height="{side}" role="img" aria-labelledby="study-qr-name"'
    return (
        f'<div class="qr" data-qr="{escape(url)}">{drawn.replace("<svg", f"<svg {name}", 1)}'
        f'<span class="visually-hidden" id="study-qr-name">{localized("study.qr")}</span>'
        f'<button type="button" data-enlarge aria-expanded="false"><span class="before">'
        f'{localized("study.qr.larger")}</span><span class="after">{localized("study.qr.smaller")}</span>'
        "</button></div>"
    )


def sure(study: StudyInfo) -> str:
    """The question before a study is deleted."""
    titles = study.spec.title.to_dict()
    sentences = {
        language: Message("study.sure", title=title, count=study.ratings).text(language)
        for language, title in titles.items()
    }
    return f"<p>{spans(sentences)}</p>"


def main_table(found: Results) -> str:
    """The table as papers print it: MOS with intervals, or strengths of a study of pairs."""
    if not found.raters:
        return empty("results.empty", "results.empty.how")
    if not found.used:
        return ""  # the notes say why
    if found.pairwise:
        return sheet("table.heading", opinions.strengths(found)) + legend([opinions.LEGEND_STRENGTH])
    shown = sheet("table.heading", opinions.opinions(found)) + legend(opinions.LEGEND)
    if any(outcome.dmos for outcome in found.outcomes.values()):
        shown += f"<h3>{localized('results.dmos')}</h3>"
        shown += sheet("results.dmos", opinions.differences(found))
        shown += legend([opinions.LEGEND_DMOS])
    return shown


def sheet(name: str, table: Sheet) -> str:
    """A table of methods and questions; ``name``: key of what it is called."""
    rows = list(table.rows)
    lines = []
    if table.reference:
        lines.append(_row(table.reference, f"<em>{escape(str(table.reference[0]))}</em>"))
    lines += [_row(row, escape(str(row[0]))) for row in rows]
    heads = [localized("results.method"), *(_heading(name) for name in table.head[1:])]
    return headed_table(name, heads, lines)


def lines(name: str, table: Sequence[Line]) -> str:
    """A flat table of the report, of that key; "" where it holds nothing but its head."""
    first, *rest = table
    if not rest:
        return ""
    asked = first[0] == "question"
    body = []
    for row in rest:
        name = question_title(str(row[0])) if asked else _plain(row[0])
        cells = "".join(f"<td{_aligned(value)}>{_plain(value)}</td>" for value in row[1:])
        body.append(f'<tr><th scope="row">{name}</th>{cells}</tr>')
    heads = [_heading(str(head)) for head in first]
    return headed_table(name, heads, body, [_aligned(value) for value in rest[0]])


def agreement(found: Results) -> str:
    """Coefficients down, questions across."""
    by_question: dict[str, dict[str, Line]] = {}
    remarks = []
    for question, name, *numbers, _clips, _raters, _marks, note in study_lines.agreement(found)[1:]:
        by_question.setdefault(str(question), {})[str(name)] = numbers
        remarks += [str(note)] if note else []
    names = list(dict.fromkeys(name for values in by_question.values() for name in values if name))
    rows = []
    for name in names:
        cells = []
        for values in by_question.values():
            value, low, high = values.get(name, [None] * 3)
            interval = "" if low is None else f" <small>{low:.2f} … {high:.2f}</small>"
            cells.append(f"<td>{'-' if value is None else f'{value:.2f}'}{interval}</td>")
        rows.append(f'<tr><th scope="row">{localized(name)}</th>{"".join(cells)}</tr>')
    heads = [localized("head.coefficient"), *(question_title(question) for question in by_question)]
    table = headed_table("results.agreement", heads, rows) if rows else ""
    return table + (legend(list(dict.fromkeys(remarks))) if remarks else "")


TESTS: dict[str, Callable[[Results], Sequence[Line]]] = {
    "results.friedman": study_lines.friedman,
    "results.contrasts": study_lines.contrasts,
    "results.duels": study_lines.duels,
}


def tests(found: Results) -> str:
    """Differences of methods, all methods at once, and agreement of the raters."""
    parts = [
        *((key, lines(key, table(found))) for key, table in TESTS.items()),
        ("results.agreement", agreement(found)),
    ]
    shown = [f"<h3>{localized(key)}</h3>{html}" for key, html in parts if html]
    return "".join(shown) or empty("results.empty")


def exclusions(found: Results) -> str:
    """Raters who are excluded, or would be, and why."""
    if not found.excluded:
        return f'<p class="figures">{localized("results.nobody")}</p>'
    rows = [
        f'<tr><th scope="row"><code>{escape(entry.rater)}</code></th>'
        f'<td class="text">{localized(entry.reason)}</td></tr>'
        for entry in found.excluded
    ]
    key = "results.left" if found.screened else "results.would"
    return headed_table(key, [localized("results.rater"), localized(key)], rows, ["", ' class="text"'])


def clips(found: Results, question: str) -> str:
    """Items down, methods across: the mean mark of every clip in one question."""
    methods = [*([found.reference] if found.reference else []), *found.methods]
    rows = []
    for item in found.items:
        cells = []
        for method in methods:
            outcome = found.clips.get((question, item, method))
            mean = opinions.show(outcome.opinion.mos if outcome else None)
            half = outcome.opinion.margin if outcome else None
            more = "" if half is None else f" <small>± {opinions.show(half)}</small>"
            cells.append(f"<td>{mean}{more}</td>")
        rows.append(f'<tr><th scope="row">{escape(item)}</th>{"".join(cells)}</tr>')
    heads = [localized("results.item"), *(escape(method) for method in methods)]
    return headed_table("results.clips", heads, rows) if found.clips else ""


def legend(sentences: Sequence[str]) -> str:
    """Sentences below a table."""
    return f'<ul class="notes">{"".join(f"<li>{localized(one)}</li>" for one in sentences)}</ul>'


def _state(study: StudyInfo) -> str:
    return f'<span class="state {escape(study.state)}">{localized(f"state.{study.state}")}</span>'


def _bar(study: StudyInfo) -> str:
    done = min(study.counted, study.wanted)
    return f'<progress aria-hidden="true" max="{max(1, study.wanted)}" value="{done}"></progress>'


def _row(row: Sequence[str | Cell], name: str) -> str:
    cells = []
    for cell in row[1:]:
        if not isinstance(cell, Cell):
            cells.append(f"<td>{escape(cell)}</td>")
            continue
        number = escape(cell.text) + (f"<sup>{MARK}</sup>" if cell.differs else "")
        number = f"<strong>{number}</strong>" if cell.best else f"<u>{number}</u>" if cell.second else number
        more = f"± {cell.half}" if cell.half else cell.interval
        cells.append(f"<td>{number}" + (f" <small>{escape(more)}</small>" if more else "") + "</td>")
    return f'<tr><th scope="row">{name}</th>{"".join(cells)}</tr>'


def _heading(name: str) -> str:
    """A heading of the report; translatable ones are in both languages."""
    plain, arrow = (name[:-2], name[-2:]) if name.endswith(" ↑") else (name, "")
    key = f"head.{plain}"
    return (localized(key) if known(key) else escape(plain)) + arrow


def question_title(key: str) -> str:
    """The title of a question."""
    return _heading(opinions.title(key))


def _plain(value: str | int | float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.1g}" if 0 < abs(value) < 1e-3 else f"{value:.3f}"
    return localized(value) if isinstance(value, str) else str(value)


def _aligned(value: object) -> str:
    """Text is aligned left, numbers right."""
    if not isinstance(value, str):
        return ""
    return ' class="text"' if " " in value else ' class="name"'


def headed_table(name: str, heads: Sequence[str], rows: Sequence[str], aligned: Sequence[str] = ()) -> str:
    """A table with these headings and rows.

    Args:
        name: key of what it is called.
        aligned: attributes of the first headings.
    """
    classes = [*aligned, *[""] * (len(heads) - len(aligned))]
    head_row = "".join(
        f'<th scope="col"{kind}>{head}</th>' for head, kind in zip(heads, classes, strict=True)
    )
    return wide_table(name, head_row, rows)
