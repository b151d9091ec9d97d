"""The Compare tab for programs: ``/compare_...`` of ``gradio_client``.

A program is a visitor, known by the cookie that it sends (`lipsync.ui.visitor`), or acts for the portal's
owner: ``Client(url, headers={"x-lipsync-password": "..."})``. What each may do is in `eval.compare.rights`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from eval.compare.names import REFERENCE
from eval.compare.rights import PersonalSets
from eval.compare.video_import import Entry, entries_of_files
from eval.ui.compare.background_tasks import BackgroundTask
from eval.ui.compare.compare_context import CompareContext
from eval.ui.score.score_api import MANY, refusals
from lipsync.errors import ConfigError
from lipsync.texts import Message


def add_compare(context: CompareContext) -> None:
    """Add the end points ``/compare_list``, ``_show``, ``_create``, ``_rename`` ... to the Blocks."""

    def compare_list(request: gr.Request) -> list[dict[str, Any]]:
        """The comparison sets that were published or are the caller's own, the one changed last first.

        Returns:
            of each its id and title, how many items and methods it has, when it was changed, and whether it
            is published
        """
        with refusals():
            return [
                {
                    "id": known.id,
                    "title": known.title,
                    "items": known.items,
                    "methods": known.methods,
                    "modified": known.modified.isoformat(),
                    "published": known.published,
                }
                for known in context.access.sets_of(request).list()
            ]

    def compare_show(id: str, request: gr.Request) -> dict[str, Any]:
        """What is in a comparison set: title, methods, and of each item the methods that have a video of it.

        Parameters:
            id: of the set, from compare_list or compare_create
        """
        with refusals():
            return _contents(context.access.sets_of(request), id)

    async def compare_create(
        request: gr.Request,
        videos: list[str],
        title: str | None = None,
        names: list[list[str]] | None = None,
    ) -> dict[str, Any]:
        """Create a comparison set from videos; returns the same as compare_show.

        Parameters:
            videos: of several methods on the same clips; file names give item and method where names does not
            title: what to call the set; empty: after its items
            names: item and method of each video, such as [["one", "A"], ["one", "reference"]]
        """
        with refusals():
            sets = context.access.sets_of(request)
            entries = _entries([Path(path) for path in videos or ()], names)
            id = await _done(context, lambda task: sets.create(title or "", entries, task.report))
            return _contents(sets, id)

    async def compare_export(id: str, request: gr.Request) -> str:
        """A comparison set as one zip: its videos, their names, and what is missing.

        Parameters:
            id: of the set
        """
        with refusals():
            sets = context.access.sets_of(request)
            return str(await _done(context, lambda task: sets.export(id, task.folder / "set.zip")))

    def compare_rename(id: str, title: str, request: gr.Request) -> dict[str, Any]:
        """Rename a comparison set; only who made it, and the owner of the portal, can.

        Parameters:
            id: of the set
            title: its new name
        """
        with refusals():
            sets = context.access.sets_of(request)
            sets.rename(id, title)
            return _contents(sets, id)

    def compare_delete(id: str, request: gr.Request) -> dict[str, bool]:
        """Delete a comparison set; only who made it, and the owner of the portal, can.

        Parameters:
            id: of the set
        """
        with refusals():
            context.access.sets_of(request).delete(id)
            return {"deleted": True}

    def compare_publish(id: str, request: gr.Request, published: bool = True) -> dict[str, bool]:
        """Show a comparison set to every visitor, or no longer; only the owner of the portal can.

        Parameters:
            id: of the set
            published: whether visitors find it in the list
        """
        with refusals():
            context.access.sets_of(request).publish(id, published)
            return {"published": published}

    for verb in (compare_list, compare_show, compare_rename, compare_delete, compare_publish):
        gr.api(verb, api_name=verb.__name__, queue=False)
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


def _contents(sets: PersonalSets, id: str) -> dict[str, Any]:
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
