"""The Results tab: here the admin creates studies, follows them, and reads their results."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import gradio as gr

from eval.compare.sets import Sets
from eval.study.storage.create import create
from eval.study.storage.spec import Spec
from eval.study.storage.store import Store, StudyInfo
from eval.ui.access import Access
from eval.ui.compare.background_tasks import BackgroundTasks
from eval.ui.study import study_markup as markup
from eval.ui.study.example_study import example_study
from eval.ui.study.login import LoginForm, guarded
from eval.ui.study.study_form import (
    FormValues,
    StudyForm,
    bring_zip,
    plain_values,
    source_choices,
    usual_texts,
)
from eval.ui.study.study_head import StudyHead
from eval.ui.study.study_list import StudyList, state_of
from eval.ui.study.study_results import StudyResults
from lipsync.errors import LipSyncError, StudyError
from lipsync.ui.languages import label
from lipsync.ui.page_events import QUIET, AddressNames, PageState

EVERY = 5.0  # s between two looks for new marks
Update = dict[Any, Any]


class _ResultsPage:
    """Components of the tab and what their events do. Every event checks the login first."""

    def __init__(self, store: Store, access: Access, tasks: BackgroundTasks) -> None:
        self.store, self.tasks = store, tasks
        self.sets = Sets(store.folder)
        self.study = PageState()  # id of the open study
        self.named = AddressNames("study")
        self.timer = gr.Timer(EVERY, active=False)
        self.login_form = LoginForm(access)
        with self.login_form.inside, gr.Row(equal_height=False):
            self.list = StudyList()
            with gr.Column(scale=8, min_width=300):
                self.status = gr.HTML(visible=False, elem_id="study-status")
                self.form = StudyForm()
                self.head = StudyHead()
                self.results = StudyResults(store, self.sets, tasks.folder)

    def listen(self, tab: gr.Tab) -> None:
        """Connect the events; ``tab`` is the one this page is in."""
        form, head, results = self.form, self.head, self.results
        view = [self.study, *results.asked]
        self.shown = [
            *self.login_form.parts, self.study, self.timer, *self.list.shown, self.status,
            *head.shown, form.panel, form.status, form.start, form.zip, *form.choices, results.files,
            results.message, results.scores, *results.shown,
        ]  # fmt: skip

        def on(event: Any, handler: Callable[..., Any], inputs: Any) -> None:
            event(handler, inputs, self.shown, concurrency_limit=8, **QUIET)

        def on_named(event: Any, handler: Callable[..., Any], inputs: Any) -> None:
            self.named.attach(event, handler, inputs, self.shown, concurrency_limit=8, **QUIET)

        for event in (self.login_form.enter.click, self.login_form.secret.submit):
            on_named(event, self.on_enter, [self.login_form.secret])
        on_named(tab.select, self.on_tab, [self.study])
        on(self.list.leave.click, self.on_leave, None)
        on(self.timer.tick, self.on_tick, [*view, self.list.seen])
        on(self.list.entries.click, self.on_pick, view)
        for event in (results.screening.input, results.scores.upload, results.scores.clear):
            on(event, self.on_view, view)
        on(results.question.select, self.on_question, view)
        on(head.heading.input, self.on_link, [self.study])
        on(head.open.click, self.on_open, view)
        on(head.close.click, self.on_close, view)
        on(head.put.click, self.on_put, view)
        on(head.take.click, self.on_take, view)
        on(head.delete.click, self.on_ask, [self.study])
        on(head.no.click, lambda: head.ask(None), None)
        on(head.yes.click, self.on_delete, [self.study])
        on(results.make.click, self.on_files, [*view, results.shrink])
        on(results.bring.upload, self.on_import, [*view, results.bring])
        on(self.list.new.click, self.on_new, None)
        on(self.list.example.click, self.on_example, None)
        on(form.close.click, self.on_cancel, None)
        on(form.source.input, self.on_source, [form.source])
        on(form.zip.upload, self.on_zip, [form.zip])
        on(form.start.click, self.on_create, [*form.values])
        texts = [form.questions, form.instructions, form.instructions_zh]
        form.mode.input(usual_texts, form.mode, texts, **QUIET)

    # ---- the login --------------------------------------------------------------------------------------

    def on_enter(self, named: str, secret: str, request: gr.Request) -> Update:
        try:
            self.login_form.log_in(secret, request)
        except LipSyncError as error:
            return {self.login_form.refused: markup.trouble(error)}
        return self._entered(named)

    def on_tab(
        self, named: str, study: str | None, request: gr.Request, account: gr.OAuthProfile | None
    ) -> Update:
        """The tab is opened; an earlier login is still valid."""
        if not self.login_form.is_in(request):
            if account is None:
                return self.closed("") if study else {self.study: gr.skip()}
            try:
                self.login_form.log_in_as(account.username, request)
            except LipSyncError as error:
                return self.closed(markup.trouble(error))
        return {self.study: study} if study else self._entered(named)

    def on_leave(self, request: gr.Request) -> Update:
        self.login_form.log_out(request)
        return self.closed("")

    def closed(self, why: str) -> Update:
        """Log out."""
        return {**self.login_form.outside(why), self.study: None, self.timer: gr.Timer(active=False)}

    def failed(self, error: LipSyncError) -> Update:
        """Show an error at the top; nothing else changes."""
        return {self.status: _message(markup.trouble(error))}

    def _entered(self, named: str) -> Update:
        """The list of studies, and the one that the address named if there is one."""
        entered = {**self.login_form.let_in(), self.timer: gr.Timer(active=True)}
        try:
            study = self.store.get(named)
        except StudyError:
            return {**entered, **self._listed(None)}
        return {**entered, **self._opened(study, True, None, None)}

    # ---- the studies ------------------------------------------------------------------------------------

    @guarded
    def on_pick(
        self, study: str | None, screening: bool, question: str | None, scores: str | None,
        event: gr.EventData,
    ) -> Update:  # fmt: skip
        return self._opened(self.store.get(event.study), screening, None, None) | {
            self.results.files: gr.update(value=None, visible=False)
        }

    @guarded
    def on_view(self, study: str | None, screening: bool, question: str | None, scores: str | None) -> Update:
        if study is None:
            return {}
        return self.results.show(self.store.get(study), screening, question, scores)

    @guarded
    def on_question(
        self, study: str | None, screening: bool, question: str | None, scores: str | None,
        event: gr.SelectData,
    ) -> Update:  # fmt: skip
        return self.results.show(self.store.get(study or ""), screening, event.value, scores)

    @guarded
    def on_tick(
        self, study: str | None, screening: bool, question: str | None, scores: str | None,
        seen: object,
    ) -> Update:  # fmt: skip
        found = self.store.studies()
        now = state_of(found)
        if now == seen:
            return {self.study: gr.skip()}
        if study is not None and study not in [entry[0] for entry in now]:
            return self._listed(None)
        # What the owner is at stays: a new study's form, a question, a sentence.
        shown = self.list.show(found, study)
        if study is None:
            return shown
        chosen = self.store.get(study)
        return {
            **shown,
            **self.head.show(chosen),
            **self.results.show(chosen, screening, question, scores),
        }

    @guarded
    def on_link(self, study: str | None, event: gr.EventData) -> Update:
        """The browser says with which address the link begins there."""
        return self.head.draw(self.store.get(study), event.url) if study else {self.study: gr.skip()}

    @guarded
    def on_open(self, study: str, screening: bool, question: str | None, scores: str | None) -> Update:
        return self._opened(self.store.open_study(study), screening, question, scores)

    @guarded
    def on_close(self, study: str, screening: bool, question: str | None, scores: str | None) -> Update:
        return self._opened(self.store.close_study(study), screening, question, scores)

    @guarded
    def on_put(self, study: str, screening: bool, question: str | None, scores: str | None) -> Update:
        return self._opened(self.store.put_on_leaderboard(study, True), screening, question, scores)

    @guarded
    def on_take(self, study: str, screening: bool, question: str | None, scores: str | None) -> Update:
        return self._opened(self.store.put_on_leaderboard(study, False), screening, question, scores)

    @guarded
    def on_ask(self, study: str) -> Update:
        return self.head.ask(self.store.get(study))

    @guarded
    def on_delete(self, study: str) -> Update:
        self.store.delete_study(study)
        return self._listed(None) | {self.status: _message(markup.good("study.deleted"))}

    @guarded
    def on_files(
        self, study: str, screening: bool, question: str | None, scores: str | None, shrink: bool
    ) -> Update:
        paths = self.results.write(self.store.get(study), screening, scores, shrink)
        return {self.results.files: gr.update(value=paths, visible=True)}

    @guarded
    def on_import(
        self, study: str, screening: bool, question: str | None, scores: str | None, path: str
    ) -> Update:
        try:
            message = self.results.take(self.store.get(study), path)
        except LipSyncError as error:
            return {self.results.message: markup.trouble(error)}
        return self._opened(self.store.get(study), screening, question, scores) | {
            self.results.message: message
        }

    # ---- a new one --------------------------------------------------------------------------------------

    @guarded
    def on_new(self) -> Update:
        return {
            **self._listed(None),
            self.status: _message(""),
            self.form.panel: gr.update(visible=True),
            **self._source(None),
        }

    @guarded
    def on_example(self) -> Update:
        return self._opened(example_study(self.store), True, None, None)

    @guarded
    def on_cancel(self) -> Update:
        return self._listed(None)

    @guarded
    def on_source(self, source: str | None) -> Update:
        return self._source(source)

    @guarded
    def on_zip(self, path: str) -> Update:
        try:
            return self._source(bring_zip(self.sets, path))
        except LipSyncError as error:
            return {self.form.status: markup.trouble(error)}

    async def on_create(self, request: gr.Request, *values: Any) -> AsyncIterator[Update]:
        form = self.form
        try:
            self.login_form.access.check_owner(request)
        except LipSyncError as error:
            yield self.closed(markup.trouble(error))
            return
        try:
            spec = Spec.from_dict(plain_values(FormValues(*values)))
            yield {form.start: gr.update(interactive=False), form.status: markup.running(0, 0)}
            async for task in self.tasks.follow(
                None, lambda task: create(self.store, spec, report=task.report)
            ):
                if not task.over:
                    yield {form.status: markup.running(task.done, task.total)}
            made = self.store.open_study(task.outcome().id)
        except LipSyncError as error:
            yield {form.start: gr.update(interactive=True), form.status: markup.trouble(error)}
            return
        yield {
            form.start: gr.update(interactive=True),
            **self._opened(made, True, None, None),
            self.status: _message(markup.good("form.made")),
        }

    # ---- what is shown ----------------------------------------------------------------------------------

    def _listed(self, chosen: str | None) -> Update:
        """The list, and nothing beside it unless a study is chosen."""
        found = self.store.studies()
        shown: Update = {
            self.study: chosen,
            **self.list.show(found, chosen),
            self.status: _message("" if chosen or not found else markup.empty("studies.choose")),
            **self.head.ask(None),
            self.form.panel: gr.update(visible=False),
            self.form.status: "",
        }
        return shown if chosen else {**shown, **self.head.hidden(), **self.results.hidden()}

    def _opened(self, study: StudyInfo, screening: bool, question: str | None, scores: str | None) -> Update:
        return {
            **self._listed(study.id),
            **self.head.show(study),
            **({} if scores else {self.results.scores: None}),  # those of another study
            self.results.message: "",
            **self.results.show(study, screening, question, scores),
        }

    def _source(self, chosen: str | None) -> Update:
        updates = source_choices(self.sets, chosen)
        return {
            **dict(zip(self.form.choices, updates, strict=True)),
            self.form.zip: None,
            self.form.status: "",
        }


def build(store: Store, access: Access, tasks: BackgroundTasks) -> None:
    """Add the tab, inside ``gr.Tabs()``.

    Args:
        store: the studies.
        access: knows who may see them.
        tasks: does what takes seconds.
    """
    with gr.Tab(label("results.tab"), id="results") as tab:
        page = _ResultsPage(store, access, tasks)
    page.listen(tab)


def _message(html: str) -> Any:
    """The message line at the top, which takes no room while it is empty."""
    return gr.update(value=html, visible=bool(html))
