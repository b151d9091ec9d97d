"""The Score tab: generated videos and their references in, one table under one protocol out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import gradio as gr
import pandas as pd

from eval.batch.batch_manifest import ManifestRow, with_controls
from eval.batch.pairing import renamed, rows_by_name
from eval.compare.index import CLIPS
from eval.compare.names import REFERENCE
from eval.compare.sets import EXAMPLE
from eval.functional.sync.lse import MAX_SHIFT
from eval.scoring.controls import CONTROLS
from eval.scoring.metrics import METRICS
from eval.scoring.protocol import Region, Variant
from eval.ui.score import result_table
from eval.ui.score.score_plots import colours, legend, plot_of
from eval.ui.score.score_queue import ScoreJob, ScoreQueue
from lipsync.errors import LipSyncError, MissingInput
from lipsync.texts import Message
from lipsync.ui import markup
from lipsync.ui.job_queue import FORGOTTEN, states_of
from lipsync.ui.languages import label, localized
from lipsync.ui.markup import trouble
from lipsync.ui.page_events import MODEL, QUIET, PageState

COLUMNS = ("item", "method", "file", "reference")
PRESETS: dict[str, tuple[str, ...]] = {
    "usual": METRICS.default(),
    "first": ("lse_d", "lse_c", "offset", "ssim", "psnr"),
    "second": ("psnr", "lpips", "ssim", "lmd", "csim", "lse_d", "lse_c", "offset"),
    "all": tuple(METRICS),
}
Update = dict[Any, Any]


@dataclass(frozen=True)
class ScoreTab:
    """What other tabs take from this one.

    Attributes:
        tab: to jump to.
        generated, reference: file inputs, for "send to Score".
    """

    tab: gr.Tab
    generated: gr.File
    reference: gr.File


class _ScorePage:
    """Components of the tab and what their events do."""

    def __init__(self, queue: ScoreQueue) -> None:
        self.queue = queue
        self.job = gr.BrowserState(None, storage_key="lipsync-score", secret="score")
        self.following = PageState()  # the work this page shows already
        with gr.Row(equal_height=False):
            with gr.Column(scale=4, min_width=300):
                self._inputs()
            with gr.Column(scale=7, min_width=300):
                with gr.Row():
                    self.start = gr.Button(
                        label("score.start"), variant="primary", size="lg", elem_id="score-start"
                    )
                    self.cancel = gr.Button(
                        label("score.cancel"), visible=False, size="lg", elem_id="score-cancel"
                    )
                self._outputs()
        self._listen()

    def _inputs(self) -> None:
        many: dict[str, Any] = {"file_count": "multiple", "height": 140}
        self.generated = gr.File(
            label=label("score.generated"), file_types=["video"], elem_id="score-generated", **many
        )
        self.reference = gr.File(
            label=label("score.reference"), file_types=["video"], elem_id="score-reference", **many
        )
        self.image = gr.File(
            label=label("score.image"), file_types=["image"], height=140, elem_id="score-image"
        )
        self.rows = gr.Dataframe(
            headers=[str(Message(f"score.row.{name}")) for name in COLUMNS],  # translated by portal.js
            type="array",
            column_count=len(COLUMNS),
            interactive=True,
            static_columns=[2, 3],
            label=label("score.rows"),
            # There from the start, but not seen: one that is only being made when the next rows come may
            # go on with the rows before.
            visible="hidden",
            elem_id="score-rows",
        )
        self.preset = gr.Radio(
            [(label(f"score.preset.{name}"), name) for name in PRESETS],
            value="usual",
            label=label("score.preset"),
        )
        self.metrics = gr.CheckboxGroup(
            [(f"{metric.label} {metric.arrow}", metric.name) for metric in METRICS.all()],
            value=list(METRICS.default()),
            label=label("score.metrics"),
            elem_id="score-metrics",
        )
        self.controls = gr.Checkbox(label=label("score.controls"), elem_id="score-controls")
        with gr.Accordion(label("score.advanced"), open=False):
            self.region = gr.Radio(
                [(label(f"score.region.{name}"), name) for name in get_args(Region)],
                value="face",
                label=label("score.region"),
            )
            self.variant = gr.Radio(
                [(label(f"score.variant.{name}"), name) for name in get_args(Variant)],
                value="track",
                label=label("score.variant"),
            )
            self.resize = gr.Checkbox(label=label("score.resize"))
            self.syncnet = gr.File(label=label("score.syncnet"), height=140)

    def _outputs(self) -> None:
        self.status = gr.HTML(result_table.empty(), elem_id="score-status")
        self.example = gr.Button(label("score.example"), elem_id="score-example")
        self.table = gr.HTML(visible=False, elem_id="score-table")
        hidden: dict[str, Any] = {"visible": False}
        self.metric = gr.Dropdown(label=label("score.curve.metric"), elem_id="score-curve-metric", **hidden)
        self.curves = PageState()
        # Titles of axes are not translated by the browser: the texts above say what they are.
        self.plot = gr.LinePlot(
            x="time", y="value", color="video", height=280, x_title=" ",
            y_title=" ", color_title=" ", colors_in_legend=[], **hidden,
        )  # fmt: skip
        self.legend = gr.HTML(elem_id="score-legend", **hidden)
        with gr.Column(**hidden) as self.shifts:
            gr.HTML(f'<h2 class="group">{localized("score.shift")}</h2>')
            self.shift = gr.LinePlot(
                x="shift", y="distance", color="video", height=300, x_lim=[-MAX_SHIFT, MAX_SHIFT],
                x_title=" ", y_title=" ", color_title=" ", colors_in_legend=[],
            )  # fmt: skip
            self.shift_legend = gr.HTML(elem_id="score-shift-legend")
        with gr.Accordion(label("score.skipped"), open=False, **hidden) as self.more:
            self.skipped = gr.HTML()
        self.protocol = gr.Textbox(
            label=label("score.protocol"), lines=4, max_lines=12, interactive=False, buttons=["copy"],
            elem_id="score-protocol", **hidden,
        )  # fmt: skip
        with gr.Accordion(label("score.plain"), open=False, **hidden) as self.text:
            self.plain = gr.Textbox(
                show_label=False, container=False, lines=6, max_lines=16, interactive=False,
                buttons=["copy"], elem_id="score-plain",
            )  # fmt: skip
        self.files = gr.File(
            label=label("score.files"),
            file_count="multiple",
            interactive=False,
            height=220,
            elem_id="score-files",
            **hidden,
        )

    def _listen(self) -> None:
        # One event of both: a browser asks again only after the answer. Two would be two requests on their
        # way, and the one from before the references were there may come to be answered last.
        gr.on(
            [self.generated.change, self.reference.change], self.on_files,
            [self.generated, self.reference], self.rows, trigger_mode="always_last", **QUIET,
        )  # fmt: skip
        self.preset.change(lambda name: list(PRESETS[name]), self.preset, self.metrics, **QUIET)
        inputs = [
            self.generated, self.reference, self.image, self.rows, self.metrics, self.controls, self.region,
            self.variant, self.resize, self.syncnet,
        ]  # fmt: skip
        self.shown = [
            self.job, self.following, self.start, self.cancel, self.status, self.table, self.metric,
            self.curves, self.plot, self.legend, self.shifts, self.shift, self.shift_legend, self.more,
            self.skipped, self.protocol, self.text, self.plain, self.files, self.example,
        ]  # fmt: skip
        self.start.click(self.on_start, inputs, self.shown, **MODEL, **QUIET)
        filled = [self.generated, self.reference, self.preset, self.metrics]
        self.example.click(example_inputs, None, filled, **QUIET).then(
            self.on_start, inputs, self.shown, **MODEL, **QUIET
        )
        self.cancel.click(self.on_cancel, self.job, None, queue=False, **QUIET)
        self.metric.change(_one_curve, [self.metric, self.curves], [self.plot, self.legend], **QUIET)

    def on_open(self, tab: gr.Tab) -> None:
        """Find the table again that a page was reloaded from.

        When the page loads, the browser's memory is not read yet: that of a tab is when it is opened.
        """
        tab.select(
            self.on_resume, [self.job, self.following], self.shown, concurrency_limit=None,
            **QUIET,
        )  # fmt: skip

    def on_files(self, generated: list[str] | None, references: list[str] | None) -> Any:
        rows = _rows(generated, references, None)
        return gr.update(
            value=[
                [r.item, r.method, r.generated.name, r.reference.name if r.reference else ""] for r in rows
            ],
            visible=True if rows else "hidden",
        )

    async def on_start(
        self, generated: list[str] | None, references: list[str] | None, image: str | None,
        named: list[list[str]], metrics: list[str], controls: bool, *protocol: Any,
    ) -> AsyncIterator[Update]:  # fmt: skip
        try:
            rows = _rows(generated, references, image)
            if not rows:
                raise MissingInput("score.choose_generated")
            if not metrics:
                raise MissingInput("metrics.choose_one")
            rows = renamed(rows, named)
            if controls:
                rows = with_controls(rows, CONTROLS)
            job = self.queue.submit(rows, result_table.options_of(metrics, *protocol))
        except LipSyncError as error:
            yield {self.status: gr.update(value=trouble(error), visible=True)}
            return
        async for update in self._follow(job):
            yield update

    async def on_resume(self, name: str | None, following: str | None) -> AsyncIterator[Update]:
        job = self.queue.get(name)
        if job is None or job.id == following:
            yield {self.following: following}
            return
        async for update in self._follow(job):
            yield update

    def on_cancel(self, name: str | None) -> None:
        job = self.queue.get(name)
        if job is not None:
            job.cancel.set()

    async def _follow(self, job: ScoreJob) -> AsyncIterator[Update]:
        """Updates until the work is over; each is complete."""
        gone = gr.update(visible=False)
        below = (
            self.metric,
            self.plot,
            self.legend,
            self.shifts,
            self.more,
            self.protocol,
            self.text,
            self.files,
        )
        busy: Update = {
            self.job: job.id,
            self.following: job.id,
            self.start: gr.update(interactive=False),
            self.cancel: gr.update(visible=True),
            **dict.fromkeys((self.table, self.example, *below), gone),
        }
        minutes = round(self.queue.keep / 60)
        async for text in states_of(job, lambda: result_table.running(job, self.queue.ahead(job), minutes)):
            yield busy | {self.status: gr.update(value=text, visible=True)}
        ready: Update = {
            self.job: job.id,
            self.following: job.id,
            self.start: gr.update(interactive=True),
            self.cancel: gone,
        }
        if job.table is not None:
            yield ready | self._done(job)
        elif job.state == "cancelled":
            yield ready | {
                self.status: gr.update(value=markup.cancelled(), visible=True),
                self.job: FORGOTTEN,
            }
        else:
            message = trouble(job.error or RuntimeError("no reason"))
            yield ready | {self.status: gr.update(value=message, visible=True), self.job: FORGOTTEN}

    def _done(self, job: ScoreJob) -> Update:
        assert job.table is not None
        curves, shifts = result_table.frame_curves(job), result_table.shift_curves(job.table)
        metrics = list(dict.fromkeys(curves["metric"]))
        first = metrics[0] if metrics else None
        plot, names = plot_of(first, curves)
        shift_colours = colours(shifts["video"])
        return {
            self.status: gr.update(value="", visible=False),
            self.table: gr.update(value=result_table.table_html(job.table), visible=True),
            self.metric: gr.update(
                choices=result_table.curve_names(metrics), value=first, visible=bool(metrics)
            ),
            self.curves: curves,
            self.plot: plot,
            self.legend: gr.update(value=names, visible=bool(metrics)),
            self.shifts: gr.update(visible=len(shifts) > 0),
            self.shift: gr.update(value=shifts, color_map=shift_colours),
            self.shift_legend: legend(shift_colours),
            self.more: gr.update(visible=True),
            self.skipped: result_table.skipped_html(job.table),
            self.protocol: gr.update(value=result_table.protocol(job.table), visible=True),
            self.text: gr.update(visible=True),
            self.plain: result_table.plain(job.folder),
            self.files: gr.update(value=result_table.downloads(job.folder), visible=True),
        }


def build(queue: ScoreQueue) -> ScoreTab:
    """Add the tab, inside ``gr.Tabs()``.

    Args:
        queue: does the scoring; its ``folder`` must be among the launch's ``allowed_paths``.
    """
    with gr.Tab(label("score.tab"), id="score") as tab:
        page = _ScorePage(queue)
    page.on_open(tab)
    return ScoreTab(tab, page.generated, page.reference)


def example_inputs() -> list[Any]:
    """Three videos of the bundled example with their reference, and metrics that take seconds."""
    videos = sorted((EXAMPLE / CLIPS).glob("english-*.mp4"))
    reference = [video for video in videos if video.stem == f"english-{REFERENCE}"]
    generated = [video for video in videos if video not in reference]
    return [list(map(str, generated)), list(map(str, reference)), "first", list(PRESETS["first"])]


def _one_curve(metric: str | None, curves: pd.DataFrame | None) -> Any:
    return (gr.skip(), gr.skip()) if curves is None else plot_of(metric, curves)


def _rows(generated: list[str] | None, references: list[str] | None, image: str | None) -> list[ManifestRow]:
    return rows_by_name(
        [Path(path) for path in generated or ()],
        [Path(path) for path in references or ()],
        Path(image) if image else None,
    )
