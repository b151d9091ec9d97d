"""The Leaderboard tab: methods by people's votes, opinion scores and measurements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from eval.leaderboard.board import Board
from eval.leaderboard.export import render
from eval.leaderboard.personal_board import PersonalBoard
from eval.leaderboard.standings import Filters, Standings
from eval.ui.access import Access
from eval.ui.leaderboard import leaderboard_markup as markup
from eval.ui.leaderboard.example_board import example_standings
from eval.ui.study.study_form import LANGUAGE_NAMES
from eval.ui.study.study_markup import empty, good, trouble
from lipsync.errors import ConfigError, LipSyncError
from lipsync.ui.languages import label
from lipsync.ui.page_events import OPENED_SCRIPT, QUIET, AddressNames

ALL = ""  # of a filter
Update = dict[Any, Any]


class _LeaderboardPage:
    """Components of the tab and what their events do."""

    def __init__(self, board: Board, access: Access) -> None:
        self.board, self.access = board, access
        self.named = AddressNames("suite", "language")
        self.head = gr.HTML(elem_id="leaderboard-head")
        with gr.Row(visible=False, elem_id="leaderboard-filters") as self.filters:
            everything = [(label("leaderboard.all"), ALL)]
            self.suite = gr.Dropdown(
                everything, value=ALL, label=label("leaderboard.suite"), elem_id="leaderboard-suite"
            )
            self.language = gr.Dropdown(
                everything, value=ALL, label=label("leaderboard.language"), elem_id="leaderboard-language"
            )
        self.tables = gr.HTML(elem_id="leaderboard", js_on_load=OPENED_SCRIPT)
        self.example = gr.Button(label("leaderboard.example"), visible=False, elem_id="leaderboard-example")
        self.close = gr.Button(label("leaderboard.example.close"), visible=False, elem_id="leaderboard-close")
        with gr.Accordion(label("leaderboard.files"), open=False, visible=False) as self.files:
            self.links = gr.HTML(elem_id="leaderboard-files")
            self.plain = gr.Textbox(
                show_label=False, container=False, lines=6, max_lines=16, interactive=False,
                buttons=["copy"], elem_id="leaderboard-plain",
            )  # fmt: skip
        self._management()
        self.shown = [
            self.head, self.filters, self.suite, self.language, self.tables, self.example,
            self.close, self.files, self.links, self.plain, self.manage, self.public, self.minimum,
            self.published, self.reports, self.remove, self.message,
        ]  # fmt: skip

    def _management(self) -> None:
        with gr.Accordion(
            label("leaderboard.manage"), open=False, visible=False, elem_id="leaderboard-manage"
        ) as self.manage:
            self.message = gr.HTML(elem_id="leaderboard-message")
            self.public = gr.Checkbox(label=label("leaderboard.public"), elem_id="leaderboard-public")
            self.published = gr.CheckboxGroup(
                [], label=label("leaderboard.published"), elem_id="leaderboard-published"
            )
            self.minimum = gr.Number(
                precision=0, label=label("leaderboard.minimum.label"), elem_id="leaderboard-minimum"
            )
            with gr.Row(equal_height=False):
                self.reports = gr.Dropdown(
                    [], label=label("leaderboard.reports"), elem_id="leaderboard-reports"
                )
                self.remove = gr.Button(
                    label("leaderboard.remove"), size="sm", scale=0, min_width=176,
                    elem_id="leaderboard-remove",
                )  # fmt: skip
                self.add = gr.UploadButton(
                    label("leaderboard.report"), file_types=[".json"], size="sm", scale=0, min_width=176,
                    elem_id="leaderboard-add",
                )  # fmt: skip

    def listen(self, tab: gr.Tab) -> None:
        """Connect the events; ``tab`` is the one this page is in."""
        chosen = [self.suite, self.language]

        def on(event: Any, handler: Callable[..., Any], inputs: Any) -> None:
            event(handler, inputs, self.shown, concurrency_limit=8, **QUIET)

        self.named.attach(tab.select, self.on_open, chosen, self.shown, concurrency_limit=8, **QUIET)
        for event in (self.suite.input, self.language.input, self.close.click):
            on(event, self.on_filter, chosen)
        on(self.example.click, self.on_example, None)
        on(self.public.input, self.on_public, [self.public, *chosen])
        on(self.published.input, self.on_published, [self.published, *chosen])
        for event in (self.minimum.submit, self.minimum.blur):
            on(event, self.on_minimum, [self.minimum, *chosen])
        on(self.add.upload, self.on_add, [self.add, *chosen])
        on(self.remove.click, self.on_remove, [self.reports, *chosen])

    def on_open(
        self, named_suite: str, named_language: str, suite: str, language: str, request: gr.Request
    ) -> Update:
        return self.on_filter(named_suite or suite, named_language or language, request)

    def on_filter(self, suite: str, language: str, request: gr.Request) -> Update:
        return self._answer(request, suite, language, lambda mine: None)

    def on_example(self) -> Update:
        found = example_standings()
        return {
            **self._tables(found, Filters()),
            self.head: markup.head([], example=True),
            self.filters: gr.update(visible=False),
            self.example: gr.update(visible=False),
            self.close: gr.update(visible=True),
        }

    def on_public(self, public: bool, suite: str, language: str, request: gr.Request) -> Update:
        return self._answer(request, suite, language, lambda mine: mine.show_to_visitors(bool(public)))

    def on_published(self, methods: list[str], suite: str, language: str, request: gr.Request) -> Update:
        return self._answer(request, suite, language, lambda mine: mine.publish_only(methods or []))

    def on_minimum(self, minimum: float, suite: str, language: str, request: gr.Request) -> Update:
        if minimum == self.board.settings.minimum:  # the field was only left: what the page says stays
            return {self.message: gr.skip()}
        return self._answer(request, suite, language, lambda mine: mine.rank_from(int(minimum or 0)))

    def on_add(self, path: str, suite: str, language: str, request: gr.Request) -> Update:
        def add(mine: PersonalBoard) -> str:
            return good("leaderboard.taken", suite=mine.add(Path(path)).report.suite.title)

        return self._answer(request, suite, language, add)

    def on_remove(self, report: str | None, suite: str, language: str, request: gr.Request) -> Update:
        def remove(mine: PersonalBoard) -> str:
            if not report:
                raise ConfigError("leaderboard.which_report")
            mine.remove(report)
            return good("leaderboard.removed")

        return self._answer(request, suite, language, remove)

    def _answer(
        self, request: gr.Request, suite: str, language: str, change: Callable[[PersonalBoard], str | None]
    ) -> Update:
        """Do what was asked for, and show the leaderboard as it is then.

        Args:
            change: returns what to say about it, or nothing.
        """
        try:
            mine = PersonalBoard(self.board, self.access.visitor(request))
            if not mine.may("see the leaderboard"):
                return self._closed(empty("leaderboard.private", "leaderboard.empty.how"))
            message = _result(lambda: change(mine))
            return self._all(mine, suite, language) | {self.message: message}
        except LipSyncError as error:  # a wrong password, or damaged settings
            return self._closed(trouble(error))

    def _closed(self, why: str) -> Update:
        """Nothing to see but the example."""
        gone = gr.update(visible=False)
        return {
            **dict.fromkeys((self.filters, self.close, self.files, self.manage), gone),
            self.head: markup.head([], example=False),
            self.tables: why,
            self.example: gr.update(visible=True),
        }

    def _all(self, mine: PersonalBoard, suite: str, language: str) -> Update:
        suites, languages = mine.choices()
        filters = Filters(suite if suite in suites else None, language if language in languages else None)
        found = mine.standings(filters)
        owner = mine.may("change the leaderboard")
        shown = self._tables(found, filters, owner)
        if owner:
            shown[self.tables] = markup.damaged(self.board.reports()[1]) + shown[self.tables]
        return {
            **shown,
            **(self._managed() if owner else {self.manage: gr.update(visible=False)}),
            self.head: markup.head(mine.arenas(filters.suite), example=False),
            self.filters: gr.update(visible=bool(suites or languages)),
            self.suite: _choice(dict(zip(suites, suites, strict=True)), filters.suite),
            self.language: _choice(
                {one: LANGUAGE_NAMES.get(one, one) for one in languages}, filters.language
            ),
            self.example: gr.update(visible=found.empty),
            self.close: gr.update(visible=False),
        }

    def _tables(self, found: Standings, filters: Filters, owner: bool = False) -> Update:
        nothing = empty("leaderboard.empty", "leaderboard.empty.owner" if owner else "leaderboard.empty.how")
        return {
            self.tables: nothing if found.empty else markup.tables(found, filters),
            self.files: gr.update(visible=not found.empty),
            self.links: markup.downloads(found),
            self.plain: render(found, "md"),
        }

    def _managed(self) -> Update:
        settings, (reports, _) = self.board.settings, self.board.reports()
        methods = self.board.methods()
        listed = [
            (f"{one.report.suite.name} {one.report.suite.version}, {one.report.date[:10]} ({one.id})", one.id)
            for one in reports
        ]
        return {
            self.manage: gr.update(visible=True),
            self.public: settings.public,
            self.minimum: settings.minimum,
            self.published: gr.update(
                choices=markup.named(methods, self.board.titles()),
                value=[method for method in methods if method in settings.published],
            ),
            self.reports: gr.update(choices=listed, value=None),
            self.remove: gr.update(interactive=bool(listed)),
        }


def _result(change: Callable[[], str | None]) -> str:
    """What to say about a change, or why it was not made."""
    try:
        return change() or ""
    except LipSyncError as error:
        return trouble(error)


def _choice(names: Mapping[str, str], chosen: str | None) -> Any:
    """A filter with its choices; everything comes first."""
    choices = [(label("leaderboard.all"), ALL), *((shown, name) for name, shown in names.items())]
    return gr.update(choices=choices, value=chosen or ALL)


def build(board: Board, access: Access) -> None:
    """Add the tab, inside ``gr.Tabs()``.

    Args:
        board: the leaderboard.
        access: knows who asks.
    """
    with gr.Tab(label("leaderboard.tab"), id="leaderboard") as tab:
        page = _LeaderboardPage(board, access)
    page.listen(tab)
