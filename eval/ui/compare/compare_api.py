"""The Compare tab for programs: ``/compare_...`` of ``gradio_client``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from eval.compare.sets import REFERENCE, Sets
from eval.compare.video_import import Entry, entries_of_files
from eval.ui.compare.background_tasks import BackgroundTask
from eval.ui.compare.compare_context import CompareContext
from eval.ui.score.score_api import MANY, refusals
from lipsync.errors import ConfigError
from lipsync.texts import Message


def add_compare(context: CompareContext) -> None:
    """Add the end points ``/compare_list``, ``_show``, ``_create`` and ``_export`` to the Blocks."""
    sets = context.sets

    def compare_list() -> list[dict[str, Any]]:
        """All comparison sets, the one changed last first.

        Returns:
            of each its id and title, how many items and methods it has, and when it was changed
        """
        return [
            {
                "id": known.id,
                "title": known.title,
                "items": known.items,
                "methods": known.methods,
                "modified": known.modified.isoformat(),
            }
            for known in sets.list()
        ]

    def compare_show(id: str) -> dict[str, Any]:
        """What is in a comparison set: title, methods, and of each item the methods that have a video of it.

        Parameters:
            id: of the set, from compare_list or compare_create
        """
        with refusals():
            return _contents(sets, id)

    async def compare_create(
        videos: list[str], title: str | None = None, names: list[list[str]] | None = None
    ) -> dict[str, Any]:
        """Create a comparison set from videos; returns the same as compare_show.

        Parameters:
            videos: of several methods on the same clips; file names give item and method where names does not
            title: what to call the set; empty: after its items
            names: item and method of each video, such as [["one", "A"], ["one", "reference"]]
        """
        with refusals():
            entries = _entries([Path(path) for path in videos or ()], names)
            id = await _done(context, lambda task: sets.create(title or "", entries, task.report))
            return _contents(sets, id)

    async def compare_export(id: str) -> str:
        """A comparison set as one zip: its videos, their names, and what is missing.

        Parameters:
            id: of the set
        """
        with refusals():
            return str(await _done(context, lambda task: sets.export(id, task.folder / "set.zip")))

    gr.api(compare_list, api_name="compare_list", queue=False)
    gr.api(compare_show, api_name="compare_show", queue=False)
    with gr.Row(visible=False):
        parts = [gr.File(label="videos", **MANY), gr.Textbox(label="title"), gr.JSON(label="names")]
        gr.Button().click(compare_create, parts, gr.JSON(label="set"), api_name="compare_create")
        id, archive = gr.Textbox(label="id"), gr.File(label="zip")
        gr.Button().click(compare_export, id, archive, api_name="compare_export")


def _entries(videos: list[Path], names: list[list[str]] | None) -> list[Entry]:
    if not videos:
        raise ConfigError("compare.choose_videos")
    if not names:
        return list(entries_of_files(videos))
    if len(names) != len(videos) or any(len(pair) != 2 for pair in names):
        raise ConfigError(
            "compare.names_for_videos",
            videos=Message("count.videos", count=len(videos)),
            names=Message("count.names", count=len(names)),
        )
    return [Entry(str(item), str(method), path) for path, (item, method) in zip(videos, names, strict=True)]


def _contents(sets: Sets, id: str) -> dict[str, Any]:
    found = sets.open(id)
    methods = (*found.methods, REFERENCE)
    items = [{"name": item.name, "methods": [m for m in methods if item.clip(m)]} for item in found.items]
    return {"id": id, "title": found.title, "methods": list(found.methods), "items": items}


async def _done(context: CompareContext, work: Callable[[Any], Any]) -> Any:
    """The result of a task, once it is done."""
    last: BackgroundTask | None = None
    async for task in context.tasks.follow(None, work):
        last = task
    assert last is not None
    return last.outcome()
