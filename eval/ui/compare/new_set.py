"""The panel that creates a comparison set: from files, or by several methods on one upload."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import gradio as gr

from eval.compare.names import REFERENCE
from eval.compare.rights import PersonalSets
from eval.compare.sets import Entry
from eval.compare.video_import import entries_of_files
from eval.ui.access import Access
from eval.ui.compare import compare_markup as markup
from eval.ui.compare.background_tasks import BackgroundTasks
from eval.ui.compare.multi_method_run import MultiMethodRun, MultiMethodRuns
from lipsync.errors import ConfigError, LipSyncError
from lipsync.media.source import VIDEO_SUFFIXES
from lipsync.texts import Message
from lipsync.ui.generate_queue import Jobs
from lipsync.ui.job_queue import states_of
from lipsync.ui.languages import label, localized
from lipsync.ui.markup import cancelled, trouble
from lipsync.ui.page_events import MODEL, QUIET, PageState
from lipsync.ui.request_form import Inputs
from lipsync.ui.uploads import GenerateForm
from lipsync.ui.uploads import request as request_of

COLUMNS: dict[str, Any] = {"item": "str", "method": "str", "reference": "bool", "file": "str"}
ZIP = ".zip"
Update = dict[Any, Any]


class NewSet:
    """The panel in which a set is made.

    Attributes:
        panel: the column that holds all, hidden at first.
        made: State with (id of a set, name of an item, anything new) or None; the page opens that item.
        close: the button that hides it.
    """

    def __init__(
        self,
        demo: gr.Blocks,
        access: Access,
        tasks: BackgroundTasks,
        jobs: Jobs,
        runs: MultiMethodRuns,
        max_seconds: float | None,
    ) -> None:
        self.access, self.tasks, self.jobs, self.runs = access, tasks, jobs, runs
        self.max_seconds = max_seconds
        self.made = PageState()
        self.round = gr.BrowserState(None, storage_key="lipsync-round", secret="round")
        self.following = PageState()
        with gr.Column(visible=False, elem_id="compare-maker") as self.panel:
            with gr.Row(elem_classes="head-row"):
                gr.HTML(f'<h2 class="set-title">{localized("make.heading")}</h2>')
                self.close = gr.Button(
                    label("make.close"), size="sm", elem_id="make-close", scale=0, min_width=96
                )
            with gr.Tabs():
                with gr.Tab(label("make.files"), id="files"):
                    self._files()
                with gr.Tab(label("make.methods"), id="methods"):
                    self._methods(demo)

    def _files(self) -> None:
        gr.HTML(f'<p class="figures">{localized("make.files.how")}</p>')
        self.files = gr.File(
            label=label("make.files.box"),
            file_count="multiple",
            file_types=["video", ZIP],
            height=160,
            elem_id="make-files",
        )
        self.rows = gr.Dataframe(
            headers=[str(Message(f"make.row.{name}")) for name in COLUMNS],  # translated by portal.js
            datatype=list(COLUMNS.values()),
            type="array",
            column_count=len(COLUMNS),
            interactive=True,
            static_columns=[3],
            label=label("make.rows"),
            visible=False,
            elem_id="make-rows",
        )
        self.title = gr.Textbox(label=label("make.title"), max_length=120, elem_id="make-title")
        self.build = gr.Button(label("make.start"), variant="primary", elem_id="make-start")
        self.status = gr.HTML(elem_id="make-status")
        self.files.change(self.on_files, self.files, [self.rows, self.status], **QUIET)
        self.build.click(
            self.on_build, [self.files, self.rows, self.title],
            [self.status, self.build, self.made, self.files, self.title], concurrency_limit=None, **QUIET,
        )  # fmt: skip

    def _methods(self, demo: gr.Blocks) -> None:
        gr.HTML(f'<p class="figures">{localized("make.methods.how")}</p>')
        self.inputs = Inputs(self.jobs, prefix="make-", several=True)
        self.inputs.on_load(demo)
        self.target = gr.Radio(
            [(label("make.target.new"), "new"), (label("make.target.open"), "open")],
            value="new",
            label=label("make.target"),
            elem_id="make-target",
        )
        with gr.Row():
            self.generate = gr.Button(label("make.generate"), variant="primary", elem_id="make-generate")
            self.cancel = gr.Button(label("make.cancel"), visible=False, elem_id="make-cancel")
        self.progress = gr.HTML(elem_id="make-progress")
        self.shown = [
            self.round, self.following, self.generate, self.cancel, self.progress, self.made,
        ]  # fmt: skip
        self.cancel.click(self.on_cancel, self.round, None, queue=False, **QUIET)

    def listen(self, open_set: PageState, tab: gr.Tab) -> None:
        """Connect what needs the rest of the page.

        Args:
            open_set: State with the view that is open, or None.
            tab: when it is opened, a round that still runs is found again.
        """
        inputs = [open_set, self.target, *self.inputs.values]
        self.generate.click(self.on_generate, inputs, self.shown, **MODEL, **QUIET)
        tab.select(self.on_resume, [self.round, self.following], self.shown, concurrency_limit=None, **QUIET)

    def on_files(self, files: list[str] | None) -> list[Any]:
        """Items and methods guessed from the file names, for the user to correct."""
        videos = [Path(path) for path in files or () if not path.lower().endswith(ZIP)]
        try:
            entries = entries_of_files(videos) if videos else ()
        except LipSyncError as error:
            return [gr.update(visible=False), trouble(error)]
        rows = [
            [entry.item, "" if real else entry.method, real, entry.path.name]
            for entry in entries
            for real in [entry.method == REFERENCE]
        ]
        return [gr.update(value=rows, visible=bool(rows)), ""]

    async def on_build(
        self, files: list[str] | None, rows: list[list[Any]], title: str, request: gr.Request
    ) -> AsyncIterator[Update]:
        try:
            sets = self.access.sets_of(request)
            work = _plan(sets, [Path(path) for path in files or ()], rows, title)
            async for task in self.tasks.follow(None, work):
                if not task.over:
                    yield {
                        self.status: markup.running("make.running", task),
                        self.build: gr.update(interactive=False),
                    }
            id = task.outcome()
            first = sets.open(id).items[0].name
            yield {
                self.status: "",
                self.build: gr.update(interactive=True),
                self.made: (id, first, id),
                self.files: None,
                self.title: "",
            }
        except Exception as error:
            yield {self.status: trouble(error), self.build: gr.update(interactive=True)}

    async def on_generate(
        self, request: gr.Request, view: Any, target: str, face: str, camera: str, *options: Any
    ) -> AsyncIterator[Update]:
        speech, own, consent, methods, *rest = options
        try:
            if not methods:
                raise ConfigError("compare.choose_method")
            wanted = [
                request_of(
                    GenerateForm(camera or face, speech, own, consent, method, *rest), self.max_seconds
                )
                for method in methods
            ]
            sound = wanted[0].audio
            item = wanted[0].face.stem + (f" + {sound.stem}" if sound else "")
            set_id = view.set if target == "open" and view is not None else None
            method_run = self.runs.start(self.access.sets_of(request), wanted, item[:100], set_id)
        except LipSyncError as error:
            yield {self.progress: trouble(error)}
            return
        async for update in self._follow(method_run):
            yield update

    async def on_resume(self, id: str | None, following: str | None) -> AsyncIterator[Update]:
        method_run = self.runs.get(id)
        if method_run is None or method_run.over or method_run.id == following:
            yield {self.following: following}
            return
        async for update in self._follow(method_run):
            yield update

    def on_cancel(self, id: str | None) -> None:
        method_run = self.runs.get(id)
        if method_run is not None:
            method_run.stop()

    async def _follow(self, method_run: MultiMethodRun) -> AsyncIterator[Update]:
        """Updates until the run is over; each is complete."""
        busy: Update = {
            self.round: method_run.id,
            self.following: method_run.id,
            self.generate: gr.update(interactive=False),
            self.cancel: gr.update(visible=True),
        }
        async for text in states_of(method_run, lambda: markup.round_running(method_run, self.jobs.ahead)):
            yield busy | {self.progress: text}
        yield {
            self.round: None,
            self.following: None,
            self.generate: gr.update(interactive=True),
            self.cancel: gr.update(visible=False),
            self.progress: self._message(method_run),
            self.made: (method_run.set, method_run.item, method_run.id) if method_run.stored else None,
        }

    @staticmethod
    def _message(method_run: MultiMethodRun) -> str:
        if method_run.error is not None:
            return trouble(method_run.error)
        return "" if method_run.stored else cancelled()


def _entry(row: list[Any], path: Path) -> Entry:
    """The video of a row of the table; one that is no longer the reference is called as its file is."""
    item, method, real, *_ = row
    return Entry(str(item or ""), REFERENCE if real is True else str(method or path.stem), path)


def _plan(sets: PersonalSets, files: list[Path], rows: list[list[Any]], title: str) -> Any:
    """What makes the set of these files."""
    if not files:
        raise ConfigError("compare.choose_videos")
    zips = [path for path in files if path.suffix.lower() == ZIP]
    if zips and len(files) > 1:
        raise ConfigError("compare.zip_or_videos")
    if zips:
        return lambda task: sets.bring(zips[0], title, task.report)
    odd = [path.name for path in files if path.suffix.lower() not in VIDEO_SUFFIXES]
    if odd:
        raise ConfigError("compare.not_video", name=odd[0])
    # The table shows the files in the order of their entries.
    known = entries_of_files(files)
    entries = [_entry(row, entry.path) for row, entry in zip(rows, known, strict=True)]
    real = [entry.item for entry in entries if entry.method == REFERENCE]
    double = next((item for item in real if real.count(item) > 1), None)
    if double is not None:
        raise ConfigError("sets.two_references", item=double)
    return lambda task: sets.create(title, entries, task.report)
