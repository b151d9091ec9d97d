"""The still of the face video on which a person sees, and chooses, who is to speak."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr
import numpy as np
from gradio.processing_utils import save_file_to_cache
from PIL import Image

from lipsync.errors import LipSyncError
from lipsync.ui.choices.cut_choice import chosen_range
from lipsync.ui.page_events import PageState
from lipsync.ui.speaker_choice import lines_of_faces, marked, people_in
from lipsync.ui.uploads import look


class StillImage(gr.Image):
    """A ``gr.Image`` whose file is written once and whole.

    Gradio writes the file of an array in place, by the hash of what it shows. Where two answers show the same
    picture, as that of the example, the browser gets the half of it that the second had written by then.
    """

    is_template = True  # for the script it is a gr.Image

    def postprocess(self, value: Any) -> Any:
        """As of ``gr.Image``; an array (H, W, 3) of uint8 becomes a file first."""
        if not isinstance(value, np.ndarray):
            return super().postprocess(value)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "image.webp"
            Image.fromarray(value).save(path)
            return super().postprocess(save_file_to_cache(path, self.GRADIO_CACHE))


def still_of_speaker(face: str | None, camera: str | None, who: int | str, cut: Any = None) -> Any:
    """The still with the person marked who is to speak, and what will be cut out and drawn of them."""
    chosen = str(camera or face)
    try:
        people, number = marked(chosen, who), who if isinstance(who, int) else -1
        return people if people is not None else look(chosen, chosen_range(cut, chosen), number)[0]
    except LipSyncError:  # told where the face was chosen
        return gr.skip()


def follow_cut(files: list[Any], cut: gr.HTML, shown: list[Any], **options: Any) -> None:
    """Show the part of the last of these files that ``cut`` is about, whenever another is chosen.

    Args:
        shown: components of the still, its boxes, and the chooser of a face.
    """
    last = PageState()
    cut.change(still_of_cut, [*files, cut, last], [*shown, last], trigger_mode="always_last", **options)


def still_of_cut(face: str | None, camera: str | None, cut: Any, last: Any) -> list[Any]:
    """The first picture of the part that is used, its boxes, lines of the chooser for its faces, the part.

    Nothing changes where the part is the ``last`` one: Gradio reports some changes twice, and a choice made
    in between stays. Nor where people of the whole video are shown, or where the part shows no face: then
    the run says so.
    """
    chosen = str(camera or face)
    part = chosen, chosen_range(cut, chosen)
    same = [gr.skip(), gr.skip(), gr.skip(), part]
    if part == last:
        return same
    try:
        picture, boxes, _ = look(*part)
        several = len(people_in(chosen)) > 1
    except LipSyncError:
        return same
    return same if several else [picture, boxes, lines_of_faces(len(boxes)), part]
