"""The portal for programs: ``/generate`` of ``gradio_client``, without the page."""

import dataclasses
import time
from pathlib import Path
from typing import Any, Literal

import gradio as gr

from lipsync.errors import LipSyncError
from lipsync.intake import request
from lipsync.jobs import Jobs
from lipsync.methods import DEFAULT


def add_generate(jobs: Jobs, max_seconds: float | None) -> None:
    """Add the end point ``/generate`` to the Blocks that is being built."""

    def generate(
        face: gr.FileData,
        speech: gr.FileData | None = None,
        method: str = DEFAULT,
        face_index: int = -1,
        length: Literal["audio", "video"] = "audio",
        label: bool = True,
        consent: bool = False,
    ) -> tuple[gr.FileData, dict]:
        """Make the face speak.

        face: video or photo. speech: sound file; none: the video's own sound. face_index: counted from the
        left, from 0; -1: the largest. length: of the result, as the speech or as the video. label: visible
        mark. consent: the person shown has agreed. Returns the video and facts about it.
        """
        sound = None if speech is None else speech.path
        try:
            wanted = request(
                face.path, sound, sound is None, consent, method, face_index, length, label, max_seconds
            )
            job = jobs.submit(wanted)
        except LipSyncError as error:
            raise gr.Error(str(error), print_exception=False) from error
        while not job.over:
            time.sleep(0.1)
        if job.result is None:
            known = isinstance(job.error, LipSyncError)
            raise gr.Error(str(job.error) if known else "The job failed.", print_exception=False)
        facts: dict[str, Any] = dataclasses.asdict(job.result)
        facts["path"] = Path(job.result.path).name
        return gr.FileData(path=str(job.result.path)), facts

    gr.api(generate, api_name="generate", concurrency_limit=None)
