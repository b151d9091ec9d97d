"""The table of a comparison set as text."""

from __future__ import annotations

from typing import Literal, get_args

from eval.batch.summary import ScoreTable
from eval.published.papers import published
from eval.report.files import summary_csv
from eval.report.latex import latex
from eval.report.markdown import markdown
from eval.report.published_tables import printed

Form = Literal["tex", "csv", "md"]


FORMS: tuple[Form, ...] = get_args(Form)


def table_text(table: ScoreTable, form: Form, papers: bool = False) -> str:
    """The table as LaTeX, CSV or Markdown.

    Args:
        papers: put the published tables below that share a metric; in CSV there is no place for them.
    """
    if form == "csv":
        return summary_csv(table)
    text = latex(table) if form == "tex" else markdown(table)
    if papers:
        metrics = {column.metric for column in table.columns}
        shown = [paper for paper in published() if metrics & {column.metric for column in paper.columns}]
        text += "\n" + printed(shown, form)
    return text
