"""Above the players: which set is open, and what can be done with it: rename, share, export, delete."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import gradio as gr

from eval.compare.index import ComparisonSet
from eval.compare.rights import PersonalSets
from eval.ui.access import Access
from eval.ui.compare import compare_markup as markup
from eval.ui.compare.background_tasks import BackgroundTasks
from eval.ui.compare.links import Links
from eval.ui.compare.player import PlayerView
from lipsync.assets import asset
from lipsync.errors import LipSyncError
from lipsync.ui.languages import label
from lipsync.ui.markup import trouble
from lipsync.ui.page_events import OPENED_SCRIPT, QUIET, PageState

Update = dict[Any, Any]
SMALL: dict[str, Any] = {"size": "sm", "scale": 0, "min_width": 72}


class SetTools:
    """The head of the open set; a person finds the buttons of what they may do.

    Attributes:
        shown: components that ``show`` gives updates for.
    """

    def __init__(self, access: Access, links: Links, tasks: BackgroundTasks) -> None:
        self.access, self.links, self.tasks = access, links, tasks
        with gr.Row(elem_classes="head-row"):
            self.heading = gr.HTML(elem_id="set-heading", js_on_load=OPENED_SCRIPT)
            with gr.Row(elem_classes="set-tools", elem_id="set-tools") as self.tools:
                self.rename = gr.Button(label("sets.rename"), elem_id="set-rename", **SMALL)
                self.share = gr.Button(label("sets.share"), elem_id="set-share", **SMALL)
                self.export = gr.Button(label("sets.export"), elem_id="set-export", **SMALL)
                self.delete = gr.Button(label("sets.delete"), elem_id="set-delete", **SMALL)
        with gr.Row(visible=False, elem_classes="asking") as self.renaming:
            self.title = gr.Textbox(
                show_label=False, label=label("make.title"), container=False, max_length=120,
                elem_id="set-title",
            )  # fmt: skip
            self.rename_yes = gr.Button(
                label("sets.rename.yes"), variant="primary", elem_id="set-rename-yes", **SMALL
            )
            self.rename_no = gr.Button(label("sets.keep"), **SMALL)
        with gr.Row(visible=False, elem_classes="asking") as self.deleting:
            self.sure = gr.HTML()
            self.delete_yes = gr.Button(
                label("sets.delete.yes"), variant="stop", elem_id="set-delete-yes", **SMALL
            )
            self.delete_no = gr.Button(label("sets.keep"), elem_id="set-delete-no", **SMALL)
        with gr.Row(visible=False, elem_classes="asking", elem_id="set-sharing") as self.sharing:
            script = asset("js", "results.js").read_text(encoding="utf-8")
            self.link = gr.HTML(js_on_load=script)
            self.publish = gr.Checkbox(label=label("sets.publish"), elem_id="set-publish")
            self.share_no = gr.Button(label("sets.share.close"), **SMALL)
        self.shown = [
            self.heading, self.tools, self.rename, self.share, self.delete, self.renaming, self.deleting,
            self.sharing, self.title, self.sure, self.link, self.publish,
        ]  # fmt: skip

    def listen(
        self,
        view: PageState,
        status: gr.HTML,
        shown: list[Any],
        opens: dict[str, Any],
        opened: Callable[[PlayerView, gr.Request], Update],
        closed: Callable[[gr.Request], Update],
    ) -> None:
        """Connect what needs the rest of the page.

        Args:
            view: what is open.
            status: where errors and links go.
            shown: components of the page's updates.
            opens: arguments of events that open something.
            opened, closed: the page's updates after a change, and after the set is gone.
        """
        hide = gr.update(visible=False)
        rows = [self.renaming, self.deleting, self.sharing]

        def row(wanted: gr.Row) -> list[Any]:
            return [gr.update(visible=one is wanted) for one in rows]

        def asks(
            button: gr.Button, wanted: gr.Row, filled: Any, fill: Callable[[ComparisonSet], Any]
        ) -> None:
            """A click on the button shows this row in place of the others."""

            def show(view: PlayerView, request: gr.Request) -> list[Any]:
                try:
                    set_ = self.access.sets_of(request).open(view.set)
                except LipSyncError as error:
                    return [hide, hide, hide, gr.skip(), trouble(error)]
                return [*row(wanted), fill(set_), ""]

            button.click(show, view, [*rows, filled, status], **QUIET)

        asks(self.rename, self.renaming, self.title, lambda set_: set_.title)
        asks(self.delete, self.deleting, self.sure, markup.confirm)
        asks(self.share, self.sharing, self.link, markup.share)
        for button in (self.rename_no, self.delete_no, self.share_no):
            button.click(lambda: [hide, hide, hide], None, rows, **QUIET)

        def rename(title: str, view: PlayerView, request: gr.Request) -> Update:
            try:
                self.access.sets_of(request).rename(view.set, title)
            except LipSyncError as error:
                return {status: trouble(error)}
            return opened(view, request)

        def delete(view: PlayerView, request: gr.Request) -> Update:
            try:
                self.access.sets_of(request).delete(view.set)
            except LipSyncError as error:
                return {status: trouble(error)}
            return closed(request)

        def publish(published: bool, view: PlayerView, request: gr.Request) -> list[Any]:
            sets = self.access.sets_of(request)
            try:
                sets.publish(view.set, published)
                set_ = sets.open(view.set)
            except LipSyncError as error:
                return [gr.skip(), trouble(error)]
            return [self._heading(set_, view, sets), ""]

        for event in (self.rename_yes.click, self.title.submit):
            event(rename, [self.title, view], shown, **opens)
        self.delete_yes.click(delete, view, shown, **opens)
        self.publish.input(publish, [self.publish, view], [self.heading, status], **QUIET)
        self.export.click(self.on_export, view, status, concurrency_limit=None, **QUIET)

    def show(self, set_: ComparisonSet, view: PlayerView, sets: PersonalSets) -> Update:
        """The updates for another view; no name is there while names are withheld."""
        hide = gr.update(visible=False)
        return {
            self.heading: self._heading(set_, view, sets),
            self.tools: gr.update(visible=not view.blind),
            self.rename: gr.update(visible=sets.may("rename", set_)),
            # On a portal for this machine alone there is nobody to share with.
            self.share: gr.update(visible=sets.may("rename", set_) and not self.access.private),
            self.delete: gr.update(visible=sets.may("delete", set_)),
            self.renaming: hide,
            self.deleting: hide,
            self.sharing: hide,
            self.title: "",
            self.sure: "",
            self.link: "",
            self.publish: gr.update(value=set_.published, visible=sets.may("publish", set_)),
        }

    def _heading(self, set_: ComparisonSet, view: PlayerView, sets: PersonalSets) -> str:
        if view.blind:
            return markup.blind_heading()
        shared = "" if self.access.private else markup.shared(set_, sets.role(set_))
        return markup.heading(set_, view.item, shared)

    async def on_export(self, view: PlayerView, request: gr.Request) -> AsyncIterator[str]:
        try:
            sets = self.access.sets_of(request)
            path, address = self.links.place(f"{sets.open(view.set).title}.zip")
            async for running in self.tasks.follow_to_end(lambda task: sets.export(view.set, path)):
                yield markup.running("sets.exporting", running)
            yield markup.download(address, path, "sets.download")
        except Exception as error:
            yield trouble(error)
