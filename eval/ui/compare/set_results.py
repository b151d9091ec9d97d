"""Under the players: the table of a set, and beside it what papers published."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import gradio as gr

from eval.batch.rows import Options
from eval.batch.summary import ScoreTable
from eval.compare.index import ComparisonSet
from eval.compare.rights import PersonalSets
from eval.compare.table import score_set, scored
from eval.published.papers import published
from eval.report.comparison import FORMS, table_text
from eval.report.published_tables import printed
from eval.scoring.metrics import METRICS
from eval.ui.access import Access
from eval.ui.compare import compare_markup as markup
from eval.ui.compare import published_markup
from eval.ui.compare.background_tasks import BackgroundTask, BackgroundTasks
from eval.ui.compare.links import Links
from eval.ui.compare.player import PlayerView
from eval.ui.score import result_table
from lipsync.errors import Cancelled, ConfigError, LipSyncError
from lipsync.ui.languages import label
from lipsync.ui.markup import cancelled, trouble
from lipsync.ui.page_events import QUIET, PageState

LABELS = {"tex": "LaTeX", "csv": "CSV", "md": "Markdown"}
Update = dict[Any, Any]


class SetResults:
    """Two folded parts: what was measured of the set, and what was published elsewhere.

    Attributes:
        shown: components that ``show`` gives updates for.
    """

    def __init__(self, access: Access, links: Links, tasks: BackgroundTasks) -> None:
        self.access, self.links, self.tasks = access, links, tasks
        self.tabled = PageState()  # set and time of its change that the table on the page is of
        with gr.Accordion(label("table.heading"), open=False, elem_id="compare-results") as self.results:
            self.status = gr.HTML(elem_id="table-status")
            self.table = gr.HTML(elem_id="table")
            with gr.Column() as self.scoring:
                with gr.Row(elem_classes="table-actions"):
                    self.start = gr.Button(
                        label("table.start"), variant="primary", size="sm", elem_id="table-start"
                    )
                    self.cancel = gr.Button(
                        label("table.cancel"), size="sm", visible=False, elem_id="table-cancel"
                    )
                with gr.Accordion(label("table.how"), open=False):
                    self.metrics = gr.CheckboxGroup(
                        [(f"{metric.label} {metric.arrow}", metric.name) for metric in METRICS.all()],
                        value=list(METRICS.default()),
                        label=label("score.metrics"),
                        elem_id="table-metrics",
                    )
                    self.controls = gr.Checkbox(label=label("score.controls"))
        with gr.Accordion(label("published.heading"), open=False, elem_id="compare-published") as self.papers:
            self.printed = gr.HTML(elem_id="published")
        self.shown = [
            self.results, self.papers, self.table, self.status, self.printed, self.tabled, self.scoring,
        ]  # fmt: skip

    def listen(self, view: PageState) -> None:
        """Connect what needs the rest of the page; ``view`` holds what is open, or None."""
        many: dict[str, Any] = {"concurrency_limit": None, **QUIET}
        parts = [self.tabled, self.status, self.table, self.start, self.cancel]
        view.change(self.on_view, [view, self.tabled], parts, **many)
        self.start.click(self.on_start, [view, self.metrics, self.controls], parts, **many)
        self.cancel.click(self.on_cancel, view, None, queue=False, **QUIET)
        self.papers.expand(self.on_papers, view, self.printed, **QUIET)

    def show(self, set_: ComparisonSet, view: PlayerView, sets: PersonalSets) -> Update:
        """The updates for another view; nothing with a name in it is there while names are withheld."""
        seen = bool(set_.items) and not view.blind
        updates: Update = {
            self.results: gr.update(visible=seen),
            self.papers: gr.update(visible=seen, open=False),
            self.printed: "",
            self.scoring: gr.update(visible=sets.may("score", set_)),
        }
        return updates if seen else updates | {self.table: "", self.status: "", self.tabled: None}

    async def on_view(
        self, view: PlayerView | None, tabled: object, request: gr.Request
    ) -> AsyncIterator[Update]:
        """The table of another set; of the same set it is there already."""
        if view is None or view.blind:
            return
        try:
            set_ = self.access.sets_of(request).open(view.set)
        except LipSyncError:
            return
        now = (set_.id, set_.modified)
        if now == tabled:
            return
        if self.tasks.has(("score", set_.id)):  # begun before a reload, or by somebody else
            async for update in self._score(set_, lambda task: None):
                yield update
            return
        async for task in self.tasks.follow(("table", *now), lambda task: self._html(set_, scored(set_))):
            if task.over:
                yield self._ready(now, task)

    async def on_start(
        self, view: PlayerView, metrics: list[str], controls: bool, request: gr.Request
    ) -> AsyncIterator[Update]:
        try:
            if not metrics:
                raise ConfigError("metrics.choose_one")
            set_ = self.access.sets_of(request).allowed("score", view.set)
            options = Options(tuple(metrics), resize=True)
        except LipSyncError as error:
            yield {self.status: trouble(error)}
            return

        def work(task: BackgroundTask) -> str:
            def frame(done: int, total: int, item: str, method: str) -> None:
                task.report(done, total, f"{item}, {method}")

            return self._html(set_, score_set(set_, options, controls=controls, report_frames=frame))

        async for update in self._score(set_, work):
            yield update

    def on_cancel(self, view: PlayerView, request: gr.Request) -> None:
        try:
            self.access.sets_of(request).allowed("score", view.set)
        except LipSyncError:  # the set was deleted since
            return
        self.tasks.stop(("score", view.set))

    def on_papers(self, view: PlayerView | None) -> str:
        """The published tables, sent only when they are opened."""
        if view is None or view.blind:
            return ""
        path, address = self.links.place("published.tex")
        path.write_text(printed(published(), "tex"), encoding="utf-8")
        return published_markup.tables(published()) + markup.links([(address, "LaTeX")])

    async def _score(
        self, set_: ComparisonSet, work: Callable[[BackgroundTask], Any]
    ) -> AsyncIterator[Update]:
        """Follow the scoring of a set, which continues when the page is closed."""
        busy: Update = {self.start: gr.update(interactive=False), self.cancel: gr.update(visible=True)}
        async for task in self.tasks.follow(("score", set_.id), work, stays=True):
            if not task.over:
                yield busy | {self.status: markup.running("table.running", task)}
        yield self._ready((set_.id, set_.modified), task)

    def _ready(self, now: object, task: BackgroundTask) -> Update:
        updates: Update = {self.start: gr.update(interactive=True), self.cancel: gr.update(visible=False)}
        try:
            return updates | {self.tabled: now, self.status: "", self.table: task.outcome()}
        except Cancelled:
            return updates | {self.status: cancelled()}
        except Exception as error:
            return updates | {self.status: trouble(error)}

    def _html(self, set_: ComparisonSet, table: ScoreTable | None) -> str:
        """The table with its plot and its files; what to do where there is none yet."""
        from eval.report.table_plot import plot_table

        if table is None:
            return markup.unscored()
        files = []
        for form in FORMS:
            path, address = self.links.place(f"{set_.title}.{form}")
            path.write_text(table_text(table, form), encoding="utf-8")
            files.append((address, LABELS[form]))
        path, plot = self.links.place(f"{set_.title}.png")
        plot_table(table, path)
        files.append((plot, "PNG"))
        return result_table.table_html(table) + markup.plot(plot) + markup.links(files)
