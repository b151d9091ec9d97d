"""The left side of the Compare page: the list of comparison sets, creating a set, importing one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import gradio as gr

from eval.compare.rights import PersonalSets
from eval.ui.access import Access
from eval.ui.compare import compare_markup as markup
from eval.ui.compare.background_tasks import BackgroundTasks
from eval.ui.compare.player import PlayerView
from lipsync.ui.languages import label
from lipsync.ui.markup import trouble
from lipsync.ui.page_events import QUIET, PageState

MANY = 6  # sets; with more there is a field to search them
LISTED = 60  # most sets in the list at once; the search finds the others
Update = dict[Any, Any]


class SetList:
    """The column at the left.

    Attributes:
        list: of the sets; its value is the id of the open one.
        new: button for a new set.
        shown: components that ``show`` gives updates for.
    """

    def __init__(self, access: Access, tasks: BackgroundTasks) -> None:
        self.access, self.tasks = access, tasks
        with gr.Column(scale=2, min_width=240, elem_id="compare-side") as self.side:
            gr.HTML(markup.side_heading())
            with gr.Row(elem_classes="side-actions"):
                self.new = gr.Button(
                    label("sets.new"), size="sm", variant="primary", elem_id="set-new", min_width=80
                )
                self.bring = gr.UploadButton(
                    label("sets.bring"), file_types=[".zip"], size="sm", elem_id="set-bring", min_width=80
                )
            self.search = gr.Textbox(
                "", placeholder=label("sets.search"), show_label=False, label=label("sets.search"),
                container=False,
                visible=False, elem_id="set-search",
            )  # fmt: skip
            self.list = gr.Radio(
                [], label=label("sets.heading"), show_label=False, container=False, elem_classes="methods",
                elem_id="set-list",
            )  # fmt: skip
        self.shown = [self.side, self.list, self.search, self.bring]

    def listen(self, view: PageState, status: gr.HTML, made: PageState) -> None:
        """Connect what needs the rest of the page; ``made`` takes what is to be opened."""
        self.search.change(self.on_search, [self.search, view], self.list, **QUIET)
        self.bring.upload(self.on_bring, self.bring, [status, made], concurrency_limit=None, **QUIET)

    def show(self, sets: PersonalSets, open_set: str | None, blind: bool = False) -> Update:
        """The updates when another set, or none, is open; no title is there while names are withheld."""
        if blind:
            return {
                self.side: gr.update(visible=False),
                self.list: gr.update(choices=[], value=None),
                self.search: gr.update(value="", visible=False),
                self.bring: None,
            }
        return {
            self.side: gr.update(visible=True),
            self.list: _choices(sets, "", open_set),
            self.search: gr.update(value="", visible=len(sets.list()) > MANY),
            self.bring: None,
        }

    def on_search(self, search: str, view: PlayerView | None, request: gr.Request) -> Any:
        if view and view.blind:
            return gr.skip()
        return _choices(self.access.sets_of(request), search, view.set if view else None)

    async def on_bring(self, path: str, request: gr.Request) -> AsyncIterator[list[Any]]:
        try:
            sets = self.access.sets_of(request)
            async for task in self.tasks.follow(None, lambda task: sets.bring(Path(path), "", task.report)):
                if not task.over:
                    yield [markup.running("make.running", task), gr.skip()]
            id = task.outcome()
            yield ["", (id, "", id)]
        except Exception as error:
            yield [trouble(error), gr.skip()]


def _choices(sets: PersonalSets, search: str, value: str | None) -> Update:
    """The list of sets whose titles hold all the words."""
    wanted = search.lower().split()
    found = [
        (f"{known.title}\n{known.items} × {known.methods}", known.id)
        for known in sets.list()
        if all(word in known.title.lower() for word in wanted)
    ]
    here = value if value in {id for _, id in found[:LISTED]} else None
    return gr.update(choices=found[:LISTED], value=here)
