"""Speech from a typed text: a part of the form, shown only where a voice can be had."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import gradio as gr

from lipsync.audio.text_to_speech import LONGEST
from lipsync.audio.voices import available
from lipsync.errors import LipSyncError
from lipsync.ui import markup
from lipsync.ui.choices.file_fetch import FileFetch
from lipsync.ui.choices.speech_queue import SpeechQueue
from lipsync.ui.job_queue import POLL
from lipsync.ui.languages import label, localized
from lipsync.ui.page_events import MODEL, QUIET


class TextSpeech:
    """A closed row under the speech; what is spoken takes the place of the speech, where it can be played.

    Args:
        queue: speaks.
        prefix: of the ids of the elements.
        speech, own_sound: of the form.
    """

    def __init__(self, queue: SpeechQueue, prefix: str, speech: gr.Audio, own_sound: gr.Checkbox) -> None:
        self._queue, self._speech, self._own_sound = queue, speech, own_sound
        if voices := available():
            with gr.Accordion(label("speech.type"), open=False, elem_id=f"{prefix}type-speech"):
                self._form(voices, prefix)

    def _form(self, voices: list[Any], prefix: str) -> None:
        text = gr.Textbox(
            label=label("speech.text"), info=label("speech.text.info"), lines=3, max_length=LONGEST,
            elem_id=f"{prefix}speech-text",
        )  # fmt: skip
        voice = gr.Dropdown(
            [(voice.name, voice.name) for voice in voices], value=voices[0].name, label=label("speech.voice"),
            visible=len(voices) > 1, elem_id=f"{prefix}speech-voice",
        )  # fmt: skip
        first = FileFetch(voices[0].files, "speech.fetch", f"{prefix}voice")
        self._button = gr.Button(
            label("speech.speak"), size="sm", interactive=voices[0].here, elem_id=f"{prefix}speak"
        )
        self._status = gr.HTML(visible=False, elem_id=f"{prefix}speech-status")
        first.attach(lambda: {self._button: gr.update(interactive=True)}, [self._button])
        self._button.click(
            self._on_speak, [text, voice], [self._button, self._status, self._speech, self._own_sound],
            **MODEL, **QUIET,
        )  # fmt: skip

    async def _on_speak(self, text: str, voice: str) -> AsyncIterator[dict[Any, Any]]:
        ready = {self._button: gr.update(interactive=True)}
        try:
            task = self._queue.submit(text or "", voice)
        except LipSyncError as error:
            yield ready | {self._status: gr.update(value=markup.trouble(error), visible=True)}
            return
        busy = (
            f'<div class="running"><strong>{localized("speech.running")}</strong><progress></progress></div>'
        )
        yield {
            self._button: gr.update(interactive=False),
            self._status: gr.update(value=busy, visible=True),
        }
        while not task.over:
            await asyncio.sleep(POLL)
        if task.result is None:
            trouble = markup.trouble(task.error or RuntimeError("no reason"))
            yield ready | {self._status: gr.update(value=trouble, visible=True)}
            return
        yield ready | {
            self._status: gr.update(visible=False),
            self._speech: str(task.result),
            self._own_sound: False,
        }
