"""The Score tab for programs: ``/score`` of ``gradio_client``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import gradio as gr

from eval.batch.batch_manifest import with_controls
from eval.batch.pairing import renamed, rows_by_name
from eval.report.files import summary_json
from eval.scoring.controls import CONTROLS
from eval.scoring.metrics import METRICS
from eval.scoring.protocol import Region, Variant
from eval.ui.score import result_table
from eval.ui.score.score_queue import ScoreQueue
from lipsync.errors import ConfigError, LipSyncError
from lipsync.ui.generate_api import refusal
from lipsync.ui.page_events import MODEL

MANY: dict[str, Any] = {"file_count": "multiple"}


def add_score(queue: ScoreQueue) -> None:
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
            generated: videos to score; their file names give clip and method where names does not
            reference: real videos of the same clips, paired by name; most metrics want them
            metrics: names such as lse_d, lse_c, psnr, ssim, lpips, lmd, csim, lipcorr; none: the usual ones
            region: of the picture, "face", "mouth" or "full"
            variant: of the crop for LSE, "track" or "lrs"
            controls: score the controls of the protocol as well
            names: clip and method of each generated video, such as [["one", "A"]]
        """
        with refusals():
            rows = rows_by_name([Path(path) for path in generated or ()], [Path(p) for p in reference or ()])
            if not rows:
                raise ConfigError("score.choose_generated")
            rows = renamed(rows, names or [])
            if controls:
                rows = with_controls(rows, CONTROLS)
            chosen = metrics or list(METRICS.default())
            options = result_table.options_of(chosen, region, variant, False, None)
            job = queue.submit(rows, options)
        while not job.over:
            await asyncio.sleep(0.1)
        if job.table is None:
            raise refusal(job.error)
        return json.loads(summary_json(job.table)), result_table.downloads(job.folder)

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


@contextmanager
def refusals() -> Iterator[None]:
    """Errors of the library as those that a program can read."""
    try:
        yield
    except LipSyncError as error:
        raise refusal(error) from error
