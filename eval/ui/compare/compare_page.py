"""The Compare tab: methods side by side on the same item, locked frame by frame."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from eval.compare.index import ComparisonSet
from eval.compare.rights import PersonalSets
from eval.ui.compare import analysis, player
from eval.ui.compare import compare_markup as markup
from eval.ui.compare.background_tasks import BackgroundTask
from eval.ui.compare.compare_context import CompareContext
from eval.ui.compare.new_set import NewSet
from eval.ui.compare.player import PlayerView
from eval.ui.compare.set_export import SetExport
from eval.ui.compare.set_list import SetList
from eval.ui.compare.set_results import SetResults
from eval.ui.compare.set_tools import SetTools
from lipsync.errors import Cancelled, ConfigError, LipSyncError
from lipsync.ui.languages import label
from lipsync.ui.markup import trouble
from lipsync.ui.page_events import QUIET, AddressNames, PageState
from lipsync.ui.players.locked_player import locked_player

Update = dict[Any, Any]


@dataclass(frozen=True)
class CompareTab:
    """What other tabs take from this one.

    Attributes:
        tab: to jump to.
        made: State; set to (id of a set, name of an item, anything new), that item is opened.
    """

    tab: gr.Tab
    made: PageState


class _ComparePage:
    """Components of the tab and what their events do."""

    def __init__(self, demo: gr.Blocks, context: CompareContext, max_seconds: float | None) -> None:
        self.context, self.access = context, context.access
        self.view = PageState()
        self.named = AddressNames("set")
        self.saved = gr.BrowserState(None, storage_key="lipsync-compare", secret="compare")
        under = context.access, context.links, context.tasks
        with gr.Row(equal_height=False):
            self.set_list = SetList(context.access, context.tasks)
            with gr.Column(scale=8, min_width=300):
                self.status = gr.HTML(elem_id="compare-status")
                self.empty = gr.HTML(elem_id="compare-empty")
                self.example = gr.Button(label("compare.example"), elem_id="compare-example")
                self.new_set = NewSet(
                    demo, context.access, context.tasks, context.jobs, context.runs, max_seconds
                )
                with gr.Column(visible=False, elem_id="compare-content") as self.table:
                    self.tools = SetTools(*under)
                    with gr.Row(elem_classes="item-row", visible=False) as self.items:
                        small: dict[str, Any] = {"size": "sm", "scale": 0, "min_width": 88}
                        self.item = gr.Dropdown([], label=label("compare.item"), elem_id="compare-item")
                        self.before = gr.Button(label("compare.before"), elem_id="item-before", **small)
                        self.after = gr.Button(label("compare.after"), elem_id="item-after", **small)
                    self.methods = gr.CheckboxGroup(
                        [], label=label("compare.methods"), visible=False, elem_id="compare-methods"
                    )
                    self.player = locked_player("compare-player")
                    self.extra, self.heats = player.messenger("extra"), player.messenger("heats")
                    self.results, self.exports = SetResults(*under), SetExport(*under)
        self.parts = (self.tools, self.results, self.exports)  # each shows a view in its own way

    def listen(self, tab: gr.Tab) -> None:
        """Connect the events; the list is filled when the tab is opened."""
        many: dict[str, Any] = {"concurrency_limit": None, **QUIET}
        # By itself Gradio would keep a change back until the one before is answered, which is cancelled.
        found = self.view.change(self.on_view, self.view, self.extra, trigger_mode="multiple", **many)
        opens: dict[str, Any] = {"cancels": [found], **many}
        shown = [
            self.view, self.saved, self.status, self.empty, self.example, self.new_set.panel, self.table,
            self.items, self.item, self.methods, self.player, *self.set_list.shown,
            *(component for part in self.parts for component in part.shown),
        ]  # fmt: skip
        self.set_list.list.input(self.on_list, self.set_list.list, shown, **opens)
        self.item.input(self.on_item, [self.item, self.view], shown, **opens)
        for button, step in ((self.before, -1), (self.after, 1)):
            button.click(self.on_step(step), self.view, shown, **opens)
        self.methods.input(self.on_methods, [self.methods, self.view], shown, **opens)
        self.player.ask(self.on_ask, self.view, shown, **opens)
        self.player.heat(self.on_heat, self.view, self.heats, **many)
        self.new_set.made.change(self.on_made, self.new_set.made, shown, **opens)
        self.new_set.close.click(self.on_close, self.view, shown, **opens)
        hide = gr.update(visible=False)
        self.set_list.new.click(
            lambda: [gr.update(visible=True), hide, hide, hide, None, ""],
            None,
            [
                self.new_set.panel, self.table, self.empty, self.example, self.set_list.list, self.status,
            ],
            **QUIET,
        )  # fmt: skip
        self.example.click(self.on_example, None, [self.new_set.made, self.status], **QUIET)
        resumed = [self.saved, self.view, self.new_set.made]
        self.named.attach(tab.select, self.on_resume, resumed, shown, **many)
        self.set_list.listen(self.view, self.status, self.new_set.made)
        self.new_set.listen(self.view, tab)
        self.tools.listen(self.view, self.status, shown, opens, self.on_close, self._closed)
        self.results.listen(self.view)
        self.exports.listen(self.view)

    # ---- what is shown ----------------------------------------------------------------------------------

    def on_resume(
        self, named: str, saved: dict[str, Any] | None, view: PlayerView | None, made: object,
        request: gr.Request,
    ) -> Update:  # fmt: skip
        if named:
            return self._open(request, named)
        sets = self.access.sets_of(request)
        if view is not None:
            return self.set_list.show(sets, view.set, view.blind)
        if made is not None:  # opened by its own event, at the same time
            return self.set_list.show(sets, None)
        saved = saved or {}
        try:
            set_ = sets.open(saved["set"])
            again = player.first_view(set_, min(int(saved["item"]), len(set_.items) - 1))
        except (KeyError, IndexError, LipSyncError):
            # What a person did in the meantime stays: only the list and the words of the empty place come.
            found = gr.update(value=markup.empty(len(sets.list())))
            return {self.saved: None, self.empty: found, **self.set_list.show(sets, None)}
        return self._show(sets, set_, player.blinded(again) if saved.get("blind") else again)

    def on_list(self, id: str, request: gr.Request) -> Update:
        return self._open(request, id)

    def on_made(self, made: tuple[str, str, object] | None, request: gr.Request) -> Update:
        return {self.status: gr.skip()} if made is None else self._open(request, *made[:2])

    def on_example(self, request: gr.Request) -> list[Any]:
        try:
            id = self.access.sets_of(request).example()
        except LipSyncError as error:
            return [gr.skip(), trouble(error)]
        return [(id, "", secrets.token_hex(4)), ""]

    def on_close(self, view: PlayerView | None, request: gr.Request) -> Update:
        return self._closed(request) if view is None else self._open(request, view.set, number=view.item)

    def on_item(self, number: int, view: PlayerView, request: gr.Request) -> Update:
        sets = self.access.sets_of(request)
        try:
            set_ = sets.open(view.set)
            other = player.first_view(set_, number, view.methods or None)
        except (IndexError, LipSyncError) as error:
            return self._closed(request, error)
        return self._show(sets, set_, player.blinded(other) if view.blind else other)

    def on_step(self, step: int) -> Callable[[PlayerView, gr.Request], Update]:
        """What shows the item before or after; after the last comes the first."""

        def go(view: PlayerView, request: gr.Request) -> Update:
            try:
                count = len(self.access.sets_of(request).open(view.set).items)
            except LipSyncError as error:
                return self._closed(request, error)
            return self.on_item((view.item + step) % count, view, request)

        return go

    def on_methods(self, methods: list[str], view: PlayerView, request: gr.Request) -> Update:
        sets = self.access.sets_of(request)
        try:
            set_ = sets.open(view.set)
            most = player.room(set_.items[view.item])
            if len(methods) > most:
                raise ConfigError("compare.too_many", most=player.MOST)
        except LipSyncError as error:
            return {self.status: trouble(error), self.methods: list(view.methods)}
        other = player.first_view(set_, view.item, methods)
        return self._show(sets, set_, other.again(place=view.place))

    def on_ask(self, view: PlayerView, request: gr.Request, event: gr.EventData) -> Update:
        """Blind or reveal, as the player asks."""
        sets = self.access.sets_of(request)
        try:
            set_ = sets.open(view.set)
        except LipSyncError as error:
            return self._closed(request, error)
        blind = event._data["what"] == "blind"
        return self._show(sets, set_, player.blinded(view) if blind else player.revealed(view))

    def _open(self, request: gr.Request, id: str, item: str = "", number: int = 0) -> Update:
        """The updates that open a set; without items there is nothing to play."""
        sets = self.access.sets_of(request)
        try:
            set_ = sets.open(id)
        except LipSyncError as error:
            return self._closed(request, error)
        names = [known.name for known in set_.items]
        if not names:
            return self._show(sets, set_, PlayerView(set_.id, 0, ()))
        number = names.index(item) if item in names else min(number, len(names) - 1)
        return self._show(sets, set_, player.first_view(set_, number))

    def _show(self, sets: PersonalSets, set_: ComparisonSet, view: PlayerView) -> Update:
        """All updates for a view; while it is blind none of them holds a name."""
        hide, blind = gr.update(visible=False), view.blind
        items = [(str(n + 1) if blind else item.name, n) for n, item in enumerate(set_.items)]
        choosable = bool(items) and len(set_.methods) > player.room(set_.items[view.item])
        updates: Update = {
            self.view: view,
            self.saved: {"set": view.set, "item": view.item, "blind": blind},
            self.status: "",
            self.empty: hide if items else gr.update(value=markup.bare(), visible=True),
            self.example: hide,
            self.new_set.panel: hide,
            self.table: gr.update(visible=True),
            self.items: gr.update(visible=len(items) > 1),
            self.item: gr.update(choices=items, value=view.item),
            self.methods: gr.update(
                choices=[] if blind else list(set_.methods),
                value=[] if blind else list(view.methods),
                visible=choosable and not blind,
            ),
            self.player: gr.update(value=player.payload(view, set_, self.context.links) if items else {}),
            **self.set_list.show(sets, view.set, blind),
        }
        for part in self.parts:
            updates |= part.show(set_, view, sets)
        return updates

    def _closed(self, request: gr.Request, error: Exception | None = None) -> Update:
        """Nothing is open."""
        sets = self.access.sets_of(request)
        return {
            self.view: None,
            self.saved: None,
            self.status: trouble(error) if error else "",
            self.empty: gr.update(value=markup.empty(len(sets.list())), visible=True),
            self.example: gr.update(visible=True),
            self.new_set.panel: gr.update(visible=False),
            self.table: gr.update(visible=False),
            self.player: gr.update(value={}),
            **self.set_list.show(sets, None),
        }

    # ---- what comes later -------------------------------------------------------------------------------

    async def on_view(self, view: PlayerView | None, request: gr.Request) -> AsyncIterator[Any]:
        """The mouth and the waveform, then the curves, as soon as they are there; no curves in blind mode."""
        if view is None:
            return
        try:
            set_ = self.access.sets_of(request).open(view.set)
            item = set_.items[view.item]
        except (IndexError, LipSyncError):
            return
        lanes = player.lanes(view, item)
        extra: dict[str, Any] = {"key": view.key}
        steps: list[tuple[str, Any, Any]] = [("mouth", frozenset(lanes), analysis.quick)]
        if not view.blind:  # known scores would name the methods
            steps.append(("curves", lanes, analysis.full))
        for name, shown, work in steps:
            key = (name, view.set, item.key, shown)
            async for task in self.context.tasks.follow(key, _wanted(work, set_, item, lanes), stays=True):
                if not task.over:
                    yield gr.update(value=extra | {"note": markup.note(f"analysis.{name}", task)})
            try:
                extra = extra | task.outcome()
            except Cancelled:
                return
            except Exception as error:
                extra = extra | {"note": markup.error_note(error, view.blind)}
            yield gr.update(value=extra)

    async def on_heat(self, view: PlayerView, request: gr.Request) -> AsyncIterator[Any]:
        """The heat maps against the reference; none in blind mode."""
        if view.blind:
            return
        set_ = self.access.sets_of(request).open(view.set)
        item = set_.items[view.item]
        lanes = player.lanes(view, item)
        heats: dict[str, Any] = {"key": view.key}
        async for task in self.context.tasks.follow(None, _work(analysis.differences, set_, item, lanes)):
            if not task.over:
                yield gr.update(value=heats | {"note": markup.note("analysis.difference", task)})
        try:
            paths = [None if path is None else self.context.links.url(path) for path in task.outcome()]
            yield gr.update(value=heats | {"paths": paths})
        except Exception as error:
            yield gr.update(value=heats | {"note": markup.error_note(error, view.blind)})


def build(demo: gr.Blocks, context: CompareContext, max_seconds: float | None = None) -> CompareTab:
    """Add the tab, inside ``gr.Tabs()``.

    Args:
        context: what it works with; the folder of its links must be among the launch's ``allowed_paths``.
        max_seconds: longest video that is generated; None: no limit.
    """
    with gr.Tab(label("compare.tab"), id="compare") as tab:
        page = _ComparePage(demo, context, max_seconds)
    page.listen(tab)
    return CompareTab(tab, page.new_set.made)


def _work(work: Callable[..., Any], *arguments: Any) -> Callable[[BackgroundTask], Any]:
    return lambda task: work(*arguments, task.report)


def _wanted(work: Callable[..., Any], *arguments: Any) -> Callable[[BackgroundTask], Any]:
    """Work that is dropped when all left before its turn; once begun, it ends for those who come back."""

    def do(task: BackgroundTask) -> Any:
        if not task.watchers:
            raise Cancelled("job.stopped")
        return work(*arguments, task.report)

    return do
