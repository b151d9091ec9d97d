"""Under the players: an item as one video and as one picture, for a talk or a paper."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import gradio as gr

from eval.compare.index import ComparisonSet
from eval.compare.pictures.contact_sheet import contact_sheet
from eval.compare.pictures.montage import montage
from eval.compare.rights import PersonalSets
from eval.ui.access import Access
from eval.ui.compare import compare_markup as markup
from eval.ui.compare import player
from eval.ui.compare.background_tasks import BackgroundTasks
from eval.ui.compare.links import Links
from eval.ui.compare.player import PlayerView
from lipsync.errors import ConfigError
from lipsync.ui.languages import label
from lipsync.ui.markup import trouble
from lipsync.ui.page_events import QUIET, PageState

Update = dict[Any, Any]


class SetExport:
    """A folded part with two buttons.

    Attributes:
        shown: components that ``show`` gives updates for.
    """

    def __init__(self, access: Access, links: Links, tasks: BackgroundTasks) -> None:
        self.access, self.links, self.tasks = access, links, tasks
        with gr.Accordion(label("export.heading"), open=False, elem_id="compare-export") as self.part:
            self.zoom = gr.Checkbox(label=label("export.zoom"), elem_id="export-zoom")
            self.frames = gr.Textbox(
                label=label("export.frames"), info=label("export.frames.info"), value="0, 25, 50",
                elem_id="export-frames",
            )  # fmt: skip
            with gr.Row(elem_classes="table-actions"):
                self.movie = gr.Button(label("export.montage"), size="sm", elem_id="export-montage")
                self.sheet = gr.Button(label("export.sheet"), size="sm", elem_id="export-sheet")
            # One place for each, so that making the second keeps the first.
            with gr.Column(elem_id="export-made"):
                self.made_movie, self.made_picture = gr.HTML(), gr.HTML()
        self.shown = [self.part, self.made_movie, self.made_picture]

    def listen(self, view: PageState) -> None:
        """Connect what needs the rest of the page; ``view`` holds what is open, or None."""
        many: dict[str, Any] = {"concurrency_limit": None, **QUIET}
        self.movie.click(self.on_montage, [view, self.zoom], self.made_movie, **many)
        self.sheet.click(self.on_sheet, [view, self.zoom, self.frames], self.made_picture, **many)

    def show(self, set_: ComparisonSet, view: PlayerView, sets: PersonalSets) -> Update:
        """The updates for another view; files with names in them are not made while names are withheld."""
        seen = bool(set_.items) and not view.blind and sets.may("export", set_)
        return {self.part: gr.update(visible=seen), self.made_movie: "", self.made_picture: ""}

    async def on_montage(self, view: PlayerView, zoom: bool, request: gr.Request) -> AsyncIterator[str]:
        try:
            set_ = self.access.sets_of(request).allowed("export", view.set)
            item = set_.items[view.item]
            lanes = player.lanes(view, item)
            path, address = self.links.place(f"{item.name}.mp4")
            async for running in self.tasks.follow_to_end(
                lambda task: montage(set_, item, path, lanes, zoom=zoom, report=task.report)
            ):
                yield markup.running("export.montage.running", running)
            yield markup.download(address, path, "export.montage.done")
        except Exception as error:
            yield trouble(error)

    async def on_sheet(
        self, view: PlayerView, zoom: bool, frames: str, request: gr.Request
    ) -> AsyncIterator[str]:
        try:
            numbers = frame_numbers(frames)
            set_ = self.access.sets_of(request).allowed("export", view.set)
            item = set_.items[view.item]
            lanes = player.lanes(view, item)
            path, address = self.links.place(f"{item.name}.png")
            async for running in self.tasks.follow_to_end(
                lambda task: contact_sheet(set_, item, path, numbers, lanes, zoom=zoom)
            ):
                yield markup.running("export.sheet.running", running)
            yield markup.picture(address, path, "export.sheet.done")
        except Exception as error:
            yield trouble(error)


def frame_numbers(text: str | None) -> list[int]:
    """Numbers of frames, separated by commas or blanks.

    Raises:
        ConfigError: something else is there.
    """
    numbers = [word for word in re.split(r"[\s,，、;]+", text or "") if word]
    if not numbers or not all(word.isdecimal() for word in numbers):
        raise ConfigError("sheet.name_frames")
    return [int(word) for word in numbers]
