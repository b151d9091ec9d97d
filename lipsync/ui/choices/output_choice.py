"""What the result is written as: format, size, quality and captions, as a part of a form."""

from typing import Any

import gradio as gr

from lipsync.media.output.formats import NAMES, QUALITIES
from lipsync.request import Request
from lipsync.ui.choices.caption_choice import CaptionChoice
from lipsync.ui.languages import label
from lipsync.ui.page_events import QUIET

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
                value=QUALITIES[0], label=label("output.quality"), elem_id="output-quality",
                **_sizes_of(NAMES[0]),
            )  # fmt: skip
            self.captions = CaptionChoice()
        self.format.change(
            lambda chosen: gr.update(**_sizes_of(chosen)), self.format, self.quality,
            **QUIET,
        )  # fmt: skip
        self.values = [self.format, self.size, self.quality, self.captions.style]

    def restored(self, request: Request) -> dict[Any, Any]:
        """The choices that a request was made of."""
        return {
            self.format: request.output.suffix.removeprefix("."),
            self.size: request.size or 0,
            self.quality: request.quality,
            self.captions.style: request.captions,
        }


def _sizes_of(format: str) -> dict[str, Any]:
    """The lines of the choice of quality for a format, each with the size of a minute, and what they mean."""
    kind = "mp4" if format == "mov" else format  # the same streams in another container
    lines = [(label(f"output.quality.{quality}.{kind}"), quality) for quality in QUALITIES]
    return {"choices": lines, "info": label(f"output.quality.info.{kind}")}
