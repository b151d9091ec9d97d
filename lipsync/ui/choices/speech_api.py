"""Typed text for programs: ``/speak`` of ``gradio_client``, where a voice can be had."""

from __future__ import annotations

import asyncio

import gradio as gr

from lipsync.audio.voices import available
from lipsync.errors import LipSyncError
from lipsync.ui.choices.speech_queue import SpeechQueue
from lipsync.ui.generate_api import refusal
from lipsync.ui.page_events import MODEL


def add_speak(queue: SpeechQueue) -> None:
    """Add the end point ``/speak`` to the Blocks that is being built; none without an engine and a voice."""
    voices = [voice.name for voice in available()]
    if not voices:
        return

    async def speak(text: str, voice: str = voices[0]) -> str:
        """A text as speech, which ``/generate`` takes: a WAV file whose comment names the synthetic voice.

        Parameters:
            text: in the voice's language, at most 2,000 characters
            voice: its name
        """
        try:
            task = queue.submit(text, voice)
        except LipSyncError as error:
            raise refusal(error) from error
        while not task.over:
            await asyncio.sleep(0.1)
        if task.result is None:
            raise refusal(task.error)
        return str(task.result)

    with gr.Row(visible=False):
        inputs = [gr.Textbox(label="text"), gr.Dropdown(voices, value=voices[0], label="voice")]
        gr.Button().click(speak, inputs, gr.File(label="speech"), api_name="speak", **MODEL)
