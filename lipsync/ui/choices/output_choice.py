"""What the result is written as: format, size, quality and captions, as a part of a form."""

from typing import Any

import gradio as gr

from lipsync.media.output.formats import NAMES, QUALITIES
from lipsync.request import Request
from lipsync.ui.choices.caption_choice import CaptionChoice
from lipsync.ui.languages import label

SIZES = (1080, 720)  # pixels of the shorter side


class OutputChoice:
    """A closed row of the form.

    Attributes:
        values: components in the order of ``format``, ``size``, ``quality`` and ``captions`` of
            :class:`lipsync.ui.uploads.GenerateForm`.
    """

    def __init__(self) -> None:
        with gr.Accordion(label("output.heading"), open=False, elem_id="output"):
            self.format = gr.Radio(
                list(NAMES),
                value=NAMES[0],
                label=label("output.format"),
                info=label("output.format.info"),
                elem_id="output-format",
            )
            self.size = gr.Radio(
                [(label("output.size.source"), 0), *((f"{size}p", size) for size in SIZES)],
                value=0,
                label=label("output.size"),
                elem_id="output-size",
            )
            self.quality = gr.Radio(
                [(label(f"output.quality.{quality}"), quality) for quality in QUALITIES],
                value=QUALITIES[0],
                label=label("output.quality"),
                info=label("output.quality.info"),
                elem_id="output-quality",
            )
            self.captions = CaptionChoice()
        self.values = [self.format, self.size, self.quality, self.captions.style]

    def restored(self, request: Request) -> dict[Any, Any]:
        """The choices that a request was made of."""
        return {
            self.format: request.output.suffix.removeprefix("."),
            self.size: request.size or 0,
            self.quality: request.quality,
            self.captions.style: request.captions,
        }
