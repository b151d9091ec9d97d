"""The Score and Compare tabs for programs: ``/score`` and ``/compare_...`` of ``gradio_client``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import gradio as gr

from eval.compare.intake import Entry, entries_of_files
from eval.compare.sets import REFERENCE, Sets
from eval.controls import CONTROLS
from eval.manifest import with_controls
from eval.metrics import METRICS
from eval.pairing import renamed, rows_by_name
from eval.protocol import Region
from eval.report.files import summary_json
from eval.sync import Variant
from eval.ui import board
from eval.ui.desk import Desk
from eval.ui.errands import Errand
from eval.ui.work import Works
from lipsync.errors import ConfigError, LipSyncError
from lipsync.texts import Message
from lipsync.ui.api import refusal
from lipsync.ui.tasks import MODEL

MANY: dict[str, Any] = {"file_count": "multiple"}


def add_score(works: Works) -> None:
    """Add the end point ``/score`` to the Blocks that is being built."""

    async def score(
        generated: list[str],
        reference: list[str] | None = None,
        metrics: list[str] | None = None,
        region: str = "face",
        variant: str = "track",
        controls: bool = False,
        names: list[list[str]] | None = None,
    ) -> tuple[dict[str, Any], list[str]]:
        """Score generated videos: means with intervals and protocol for each metric, and the tables as files.

        Parameters:
            generated: videos to score; their names say clip and method where names does not
            reference: real videos of the same clips, paired by name; most metrics want them
            metrics: names such as lse_d, lse_c, psnr, ssim, lpips, lmd, csim, fid, aed, lipcorr; none: all
            region: of the picture, "face", "mouth" or "full"
            variant: of the crop for LSE, "track" or "lrs"
            controls: score the controls of the protocol as well
            names: clip and method of each generated video, such as [["one", "A"]]
        """
        with _refusals():
            rows = rows_by_name([Path(path) for path in generated or ()], [Path(p) for p in reference or ()])
            if not rows:
                raise ConfigError("score.choose_generated")
            rows = renamed(rows, names or [])
            if controls:
                rows = with_controls(rows, CONTROLS)
            options = board.options_of(metrics or list(METRICS), region, variant, False, None)
            work = works.submit(rows, options)
        while not work.over:
            await asyncio.sleep(0.1)
        if work.table is None:
            raise refusal(work.error)
        return json.loads(summary_json(work.table)), board.downloads(work.folder)

    with gr.Row(visible=False):
        inputs = [
            gr.File(label="generated", **MANY),
            gr.File(label="reference", **MANY),
            gr.CheckboxGroup(list(METRICS), label="metrics"),
            gr.Radio(list(get_args(Region)), value="face", label="region"),
            gr.Radio(list(get_args(Variant)), value="track", label="variant"),
            gr.Checkbox(False, label="controls"),
            gr.JSON(label="names"),
        ]
        outputs = [gr.JSON(label="table"), gr.File(label="files", **MANY)]
        gr.Button().click(score, inputs, outputs, api_name="score", **MODEL)


def add_compare(desk: Desk) -> None:
    """Add the end points ``/compare_list``, ``_show``, ``_create`` and ``_export`` to the Blocks."""
    sets = desk.sets

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
        with _refusals():
            return _contents(sets, id)

    async def compare_create(
        videos: list[str], title: str | None = None, names: list[list[str]] | None = None
    ) -> dict[str, Any]:
        """Make a comparison set of videos; gives back what compare_show does.

        Parameters:
            videos: of several methods on the same clips; their names say item and method where names does not
            title: what to call the set; empty: after its items
            names: item and method of each video, such as [["one", "A"], ["one", "reference"]]
        """
        with _refusals():
            entries = _entries([Path(path) for path in videos or ()], names)
            id = await _done(desk, lambda errand: sets.create(title or "", entries, errand.tell))
            return _contents(sets, id)

    async def compare_export(id: str) -> str:
        """A comparison set as one zip: its videos, their names, and what is missing.

        Parameters:
            id: of the set
        """
        with _refusals():
            return str(await _done(desk, lambda errand: sets.export(id, errand.folder / "set.zip")))

    gr.api(compare_list, api_name="compare_list", queue=False)
    gr.api(compare_show, api_name="compare_show", queue=False)
    with gr.Row(visible=False):
        parts = [gr.File(label="videos", **MANY), gr.Textbox(label="title"), gr.JSON(label="names")]
        gr.Button().click(compare_create, parts, gr.JSON(label="set"), api_name="compare_create")
        id, archive = gr.Textbox(label="id"), gr.File(label="zip")
        gr.Button().click(compare_export, id, archive, api_name="compare_export")


@contextmanager
def _refusals() -> Iterator[None]:
    """Errors of the library as those that a program can read."""
    try:
        yield
    except LipSyncError as error:
        raise refusal(error) from error


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


async def _done(desk: Desk, work: Callable[[Any], Any]) -> Any:
    """The result of an errand, once it is done."""
    last: Errand | None = None
    async for errand in desk.errands.follow(None, work):
        last = errand
    assert last is not None
    return last.outcome()
