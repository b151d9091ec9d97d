"""Captions of the speech: none, a file, a track, or drawn into the picture."""

from __future__ import annotations

import gradio as gr

from lipsync.audio.recognition import FILES, installed
from lipsync.media.output.captions import CAPTION_STYLES
from lipsync.ui.choices.file_fetch import FileFetch
from lipsync.ui.languages import label, localized


class CaptionChoice:
    """A radio, greyed with the reason where the speech recogniser is not here.

    Attributes:
        style: the radio.
    """

    def __init__(self) -> None:
        self.style = gr.Radio(
            [(label(f"captions.{style}"), style) for style in CAPTION_STYLES],
            value=CAPTION_STYLES[0],
            label=label("captions.label"),
            info=label("captions.info"),
            interactive=False,
            elem_id="captions",
        )
        if not installed():
            gr.HTML(f"<p>{localized('transcripts.no_whisper')}</p>", elem_id="captions-missing")
            return
        weights = FileFetch(FILES, "captions.fetch", "captions")
        self.style.interactive = not weights.missing
        weights.attach(lambda: {self.style: gr.update(interactive=True)}, [self.style])
