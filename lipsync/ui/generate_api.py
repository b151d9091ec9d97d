"""The portal for programs: ``/generate`` of ``gradio_client``, without the page."""

import asyncio
import dataclasses
from math import inf
from typing import Any

import gradio as gr

from lipsync.errors import LipSyncError
from lipsync.media.output.captions import CAPTION_STYLES, CaptionStyle
from lipsync.media.output.formats import NAMES, QUALITIES, Quality
from lipsync.methods import AUTO, DEFAULT, cards
from lipsync.texts import Message
from lipsync.ui.generate_queue import Jobs
from lipsync.ui.page_events import MODEL
from lipsync.ui.uploads import GenerateForm, request


def add_generate(jobs: Jobs, max_seconds: float | None) -> None:
    """Add the end point ``/generate`` to the Blocks that is being built.

    Its parameters are components that nobody sees: as such they carry types and defaults, and files
    that were not uploaded are refused.
    """

    async def generate(
        face: str,
        speech: str | None = None,
        method: str = DEFAULT,
        face_index: float = -1,
        length: str = "audio",
        label: bool = True,
        consent: bool = False,
        mouth_opening: float = 1.0,
        sharpen: float = 0.0,
        person: float = 0,
        faces: str = "one",
        format: str = "mp4",
        size: float = 0,
        quality: Quality = "high",
        captions: CaptionStyle = "none",
        face_start: float = 0,
        face_end: float = 0,
        speech_start: float = 0,
        speech_end: float = 0,
    ) -> tuple[str, dict[str, Any]]:
        """Make a face speak: the video, and facts about it.

        Parameters:
            face: video or photo
            speech: sound file; none: the video's own sound
            method: auto, the best core available, or a method's name, or hub:organisation/name for a
                core on the Hugging Face Hub
            face_index: which face of the first frame with any, counted from the left from 0; -1: the largest
            length: of the result, "audio": as the speech, "video": as the video
            label: visible mark "AI-generated"
            consent: the person shown has agreed to this video
            mouth_opening: how far the mouth opens against what the speech asks for, about 0.6 to 1.6
            sharpen: 0 to 1, how far the drawn detail is brought to the strength of the skin around it
            person: who speaks, counted from 1, the person with the largest face over the whole video; 0: as
                face_index has it
            faces: "one" person speaks, wherever he or she appears, or "all" do
            format: mp4, webm, mov, or gif, which has no sound
            size: pixels of the result's shorter side at most, such as 720; 0: as the source
            quality: "high", hardly told from the source, or "medium" or "small" for smaller files
            captions: of the speech, which a recogniser finds, with times among the facts: "file", those
                alone, "track", also in the video, where players can hide them, "burnt", drawn, or "none"
            face_start: seconds in the face video from which on it is used
            face_end: seconds in it up to which it is used; 0: to its end
            speech_start: seconds in the speech from which on it is used
            speech_end: seconds in it up to which it is used; 0: to its end
        """
        who: int | str = int(face_index) if person < 1 else str(int(person))
        try:
            form = GenerateForm(
                face,
                speech,
                speech is None,
                consent,
                method,
                "all" if faces == "all" else who,
                length,
                label,
                mouth_opening,
                sharpen,
                format,
                size,
                quality,
                captions,
                _range(face_start, face_end),
                _range(speech_start, speech_end),
            )
            job = jobs.submit(request(form, max_seconds))
        except LipSyncError as error:
            raise refusal(error) from error
        while not job.over:
            await asyncio.sleep(0.1)
        if job.result is None:
            raise refusal(job.error)
        facts = dataclasses.asdict(job.result)
        del facts["path"]  # the client takes a "path" for a file to fetch
        return str(job.result.path), facts

    with gr.Row(visible=False):
        inputs = _inputs()
        outputs = [gr.File(label="video"), gr.JSON(label="facts")]
        gr.Button().click(generate, inputs, outputs, api_name="generate", **MODEL)


def _inputs() -> list[Any]:
    """A component for each parameter, in their order."""
    methods = [AUTO, *(card.name for card in cards())]
    return [
        gr.File(label="face"),
        gr.File(label="speech"),
        gr.Dropdown(methods, value=DEFAULT, label="method", allow_custom_value=True),
        gr.Number(-1, precision=0, label="face_index"),
        gr.Radio(["audio", "video"], value="audio", label="length"),
        gr.Checkbox(True, label="label"),
        gr.Checkbox(False, label="consent"),
        gr.Number(1.0, label="mouth_opening"),
        gr.Number(0.0, label="sharpen"),
        gr.Number(0, precision=0, label="person"),
        gr.Radio(["one", "all"], value="one", label="faces"),
        gr.Radio(list(NAMES), value=NAMES[0], label="format"),
        gr.Number(0, precision=0, label="size"),
        gr.Radio(list(QUALITIES), value=QUALITIES[0], label="quality"),
        gr.Radio(list(CAPTION_STYLES), value=CAPTION_STYLES[0], label="captions"),
        *(gr.Number(0, label=name) for name in ("face_start", "face_end", "speech_start", "speech_end")),
    ]


def _range(start: float, end: float) -> tuple[float, float] | None:
    return (start, end or inf) if start or end else None


def refusal(error: Exception | None) -> gr.Error:
    """The error that a program gets: the sentence, with its Chinese as title; a bug is only named."""
    message = error.on_page if isinstance(error, LipSyncError) else Message("job.see_log")
    return gr.Error(message, title=message.text("zh"), print_exception=False)
