"""Who is to speak: the people of a video on the page, and what of them goes into a request."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from lipsync.faces import Choice
from lipsync.faces.outline import outlined
from lipsync.faces.speakers import Person, find_people, gallery
from lipsync.request import Request
from lipsync.ui.jobs.zerogpu import forks
from lipsync.ui.languages import label
from lipsync.weights import hub

Update = dict[str, Any]
EVERYBODY = "all"


def chosen(who: int | str) -> dict[str, Any]:
    """Who speaks, as options of a Request.

    Args:
        who: -1, the largest; a number from 0, a face of the first frame with any; "1" and so on, a person of
            the whole video; or "all".
    """
    if who == EVERYBODY:
        return {"faces": "all"}
    if isinstance(who, str):
        return {"person": int(who)}
    return {} if who < 0 else {"face_index": int(who)}


def who_speaks(request: Request) -> int | str:
    """Who speaks in a request, as :func:`chosen` reads it."""
    if request.faces == "all":
        return EVERYBODY
    if request.person is not None:
        return str(request.person)
    return -1 if request.face_index is None else request.face_index


def people_in(face: str) -> tuple[Person, ...]:
    """The people of a video or photo, the largest first; none where they cannot be told apart here.

    Raises:
        MediaError: not readable.
    """
    recogniser = hub.locate("sface")
    return () if recogniser is None else find_people(Path(face), recogniser)


def marked(face: str, who: int | str) -> np.ndarray | None:
    """The picture of everybody with those who are to speak marked; None: faces of the first frame count."""
    people = people_in(face) if isinstance(who, str) else ()
    if not people:
        return None
    return portraits(people, str(who))[0]


def portraits(people: Sequence[Person], who: str) -> tuple[np.ndarray, np.ndarray]:
    """The :func:`gallery` of all people, with what is cut out and drawn of those who are to speak."""
    chosen = range(1, len(people) + 1) if who == EVERYBODY else [int(who)]
    shown = [_portrait(person) if number in chosen else person for number, person in enumerate(people, 1)]
    return gallery(shown, chosen)


@lru_cache(maxsize=32)
def _portrait(person: Person) -> Person:
    return replace(person, picture=outlined(person.picture, still_landmarker(), Choice()))


def still_landmarker() -> Path | None:
    """The landmarker for outlines; None where jobs run in forks, which the threads it leaves might stop."""
    return None if forks() else hub.locate("face_landmarker")


def lines_of_faces(count: int) -> Update:
    """The lines of the chooser for so many faces of the first frame, which are numbered from 1."""
    numbers = [(str(number + 1), number) for number in range(count)] if count > 1 else []
    largest = (label("face.largest"), -1)
    info = label("face.which.info")
    return gr.update(choices=[largest, *numbers], value=-1, visible=count > 1, info=info)


def lines_of_people(people: Sequence[Person], everybody: bool) -> Update:
    """The lines of the chooser for the people of the whole video, the largest chosen."""
    lines = [(str(number), str(number)) for number in range(1, len(people) + 1)]
    lines += [(label("face.all"), EVERYBODY)] if everybody else []
    return gr.update(choices=lines, value="1", visible=True, info=label("face.which.people"))
