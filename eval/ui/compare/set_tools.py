"""Above the players: which set is open, and what can be done with it: rename, export, delete."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import gradio as gr

from eval.compare.index import ComparisonSet
from eval.compare.sets import Sets
from eval.ui.compare import compare_markup as markup
from eval.ui.compare.background_tasks import BackgroundTasks
from eval.ui.compare.links import Links
from eval.ui.compare.player import PlayerView
from lipsync.errors import LipSyncError
from lipsync.ui.languages import label
from lipsync.ui.markup import trouble
from lipsync.ui.request_form import QUIET

Update = dict[Any, Any]
SMALL: dict[str, Any] = {"size": "sm", "scale": 0, "min_width": 72}


class SetTools:
    """The head of the open set.

    Attributes:
        shown: components that ``show`` gives updates for.
    """

    def __init__(self, sets: Sets, links: Links, tasks: BackgroundTasks) -> None:
        self.sets, self.links, self.tasks = sets, links, tasks
        with gr.Row(elem_classes="head-row"):
            self.heading = gr.HTML(elem_id="set-heading")
            with gr.Row(elem_classes="set-tools", elem_id="set-tools") as self.tools:
                self.rename = gr.Button(label("sets.rename"), elem_id="set-rename", **SMALL)
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
        self.shown = [self.heading, self.tools, self.renaming, self.deleting, self.title, self.sure]

    def listen(
        self,
        view: gr.State,
        status: gr.HTML,
        shown: list[Any],
        opens: dict[str, Any],
        opened: Callable[[PlayerView], Update],
        closed: Callable[[], Update],
    ) -> None:
        """Connect what needs the rest of the page.

        Args:
            view: what is open.
            status: where errors and links go.
            shown: components of the page's updates.
            opens: arguments of events that open something.
            opened, closed: the page's updates after a change, and after the set is gone.
        """
        hide, see = gr.update(visible=False), gr.update(visible=True)
        self.rename.click(
            lambda view: [see, hide, self.sets.open(view.set).title], view,
            [self.renaming, self.deleting, self.title], **QUIET,
        )  # fmt: skip
        self.delete.click(
            lambda view: [see, hide, markup.confirm(self.sets.open(view.set))], view,
            [self.deleting, self.renaming, self.sure], **QUIET,
        )  # fmt: skip
        for button in (self.rename_no, self.delete_no):
            button.click(lambda: [hide, hide], None, [self.renaming, self.deleting], **QUIET)

        def rename(title: str, view: PlayerView) -> Update:
            try:
                self.sets.rename(view.set, title)
            except LipSyncError as error:
                return {status: trouble(error)}
            return opened(view)

        def delete(view: PlayerView) -> Update:
            try:
                self.sets.delete(view.set)
            except LipSyncError as error:
                return {status: trouble(error)}
            return closed()

        for event in (self.rename_yes.click, self.title.submit):
            event(rename, [self.title, view], shown, **opens)
        self.delete_yes.click(delete, view, shown, **opens)
        self.export.click(self.on_export, view, status, concurrency_limit=None, **QUIET)

    def show(self, set_: ComparisonSet, view: PlayerView) -> Update:
        """The updates for another view; no name is there while names are withheld."""
        hide = gr.update(visible=False)
        return {
            self.heading: markup.blind_heading() if view.blind else markup.heading(set_, view.item),
            self.tools: gr.update(visible=not view.blind),
            self.renaming: hide,
            self.deleting: hide,
            self.title: "",
            self.sure: "",
        }

    async def on_export(self, view: PlayerView) -> AsyncIterator[str]:
        try:
            set_ = self.sets.open(view.set)
            path, address = self.links.place(f"{set_.title}.zip")
            async for running in self.tasks.follow_to_end(lambda task: self.sets.export(view.set, path)):
                yield markup.running("sets.exporting", running)
            yield markup.download(address, path, "sets.download")
        except Exception as error:
            yield trouble(error)
