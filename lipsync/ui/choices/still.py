"""The still of the face video on which a person sees, and chooses, who is to speak."""

from __future__ import annotations

from typing import Any

import gradio as gr

from lipsync.errors import LipSyncError
from lipsync.ui.choices.cut_choice import chosen_range
from lipsync.ui.speaker_choice import lines_of_faces, marked, people_in
from lipsync.ui.uploads import look


def still_of_speaker(face: str | None, camera: str | None, who: int | str, cut: Any = None) -> Any:
    """The still with the person marked who is to speak, and what will be cut out and drawn of them."""
    chosen = str(camera or face)
    try:
        people, number = marked(chosen, who), who if isinstance(who, int) else -1
        return people if people is not None else look(chosen, chosen_range(cut, chosen), number)[0]
    except LipSyncError:  # told where the face was chosen
        return gr.skip()


def still_of_cut(face: str | None, camera: str | None, cut: Any) -> list[Any]:
    """The first picture of the part that is used, its boxes, and the lines of the chooser for its faces.

    Nothing changes where people of the whole video are shown, or where the part shows no face: then
    the run says so.
    """
    chosen = str(camera or face)
    try:
        picture, boxes, _ = look(chosen, chosen_range(cut, chosen))
        several = len(people_in(chosen)) > 1
    except LipSyncError:
        return [gr.skip()] * 3
    return [gr.skip()] * 3 if several else [picture, boxes, lines_of_faces(len(boxes))]
