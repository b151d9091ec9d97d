"""The live part of the Generate tab: the microphone in, a picture that speaks out."""

from __future__ import annotations

import base64
import io
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from lipsync.errors import ArtefactError, LipSyncError
from lipsync.faces.tracking.choose import Choice
from lipsync.live import Live, Microphone
from lipsync.media.label import Label
from lipsync.methods import load_method
from lipsync.ui import markup
from lipsync.ui.languages import label, localized
from lipsync.ui.page_events import QUIET, PageState
from lipsync.ui.request_form import Inputs
from lipsync.ui.uploads import GenerateForm, request

log = logging.getLogger(__name__)

PIECE = 0.2  # s of sound that the browser sends at a time
LIMIT = 120  # s that one person may speak before the next has a turn
SPARE = 0.8  # share of the time that drawing may take

Update = dict[Any, Any]


@dataclass
class Talk:
    """One person speaking: kept by the session, gone with it."""

    live: Live
    label: Label
    microphone: Microphone | None = None  # known with the first piece
    drawing: float = 0.0  # s to draw a frame, lately
    rate: int = 0  # Hz of the pieces
    frames: list[np.ndarray] = field(default_factory=list)  # of the last piece

    def push(self, rate: int, piece: np.ndarray) -> float:
        """Draw what a piece of sound makes possible into ``frames``; the seconds to show them in."""
        if self.microphone is None or rate != self.rate:
            self.microphone, self.rate = Microphone(rate), rate
        # What was spoken while the machine was busy comes as one long piece: it is not drawn all.
        seconds = min(len(piece) / rate, 2 * PIECE)
        most = max(1, int(SPARE * seconds / self.drawing)) if self.drawing else 1
        began = time.perf_counter()
        self.frames = [self.label.on(frame) for frame in self.live.push(self.microphone.take(piece), most)]
        if self.frames:
            took = (time.perf_counter() - began) / len(self.frames)
            self.drawing = took if not self.drawing else 0.8 * self.drawing + 0.2 * took
        return seconds

    def delay(self, seconds: float) -> float:
        """Seconds from a sound to its picture, with pieces of that length: waiting, collecting, drawing."""
        return self.live.wait + seconds + self.drawing * max(1, len(self.frames))


class LivePart:
    """The accordion. It takes the face, the method and the opening from the inputs of the page."""

    def __init__(self, inputs: Inputs) -> None:
        self.talk = PageState(None, time_to_live=600)
        with gr.Accordion(label("live.heading"), open=False, elem_id="live"):
            gr.HTML(f"<p>{localized('live.about')}</p>")
            self.microphone = gr.Audio(
                sources=["microphone"],
                streaming=True,
                type="numpy",
                label=label("live.microphone"),
                elem_id="live-microphone",
            )
            self.screen = gr.HTML(elem_id="live-screen")
            self.facts = gr.HTML(elem_id="live-facts")
        chosen = [
            inputs.face, inputs.camera, inputs.consent, inputs.method, inputs.which, inputs.opening,
        ]  # fmt: skip
        shown = [self.talk, self.screen, self.facts]
        self.microphone.start_recording(self.on_begin, chosen, shown, concurrency_limit=1, **QUIET)
        self.microphone.stream(
            self.on_piece,
            [self.talk, self.microphone],
            shown,
            stream_every=PIECE,
            time_limit=LIMIT,
            concurrency_limit=2,
            **QUIET,
        )
        self.microphone.stop_recording(lambda: None, None, self.talk, **QUIET)

    def on_begin(
        self, face: str, camera: str, consent: bool, method: str, which: int | str, opening: float
    ) -> Iterator[Update]:
        """Prepare the face that speaks."""
        yield {self.talk: None, self.screen: "", self.facts: f"<p>{localized('live.wait')}</p>"}
        try:
            face = camera or face
            wanted = request(
                GenerateForm(face, "microphone", False, consent, method, which, mouth_opening=opening)
            )
            taken = load_method(wanted.method, live=True, supports_mouth_opening=wanted.mouth_opening != 1)
            live = Live(
                wanted.face, taken, Choice(wanted.face_index, person=wanted.person), wanted.mouth_opening
            )
        except LipSyncError as error:
            if isinstance(error, ArtefactError):
                log.warning("%s", error)
            yield {self.facts: markup.trouble(error)}
            return
        ready = (localized("live.ready"), localized("live.method", method=taken.card.name))
        yield {
            self.talk: Talk(live, Label(*live.size)),
            self.facts: f'<p class="figures">{markup.SEPARATOR.join(ready)}</p>'
            + markup.notes([taken.card.fallback]),
        }

    def on_piece(self, talk: Talk | None, piece: tuple[int, np.ndarray] | None) -> Update:
        """The frames that belong to the next piece of sound."""
        if talk is None or piece is None or not len(piece[1]):
            return {self.facts: gr.skip()}
        seconds = talk.push(*piece)
        if not talk.frames:
            return {self.facts: gr.skip()}
        facts = (
            localized("live.delay", ms=round(1000 * talk.delay(seconds))),
            localized("live.shown", fps=f"{len(talk.frames) / seconds:.0f}"),
            localized("live.drawn", ms=f"{1000 * talk.drawing:.0f}"),
        )
        return {
            self.talk: talk,
            self.screen: moving(talk.frames, seconds),
            self.facts: f'<p class="figures">{markup.SEPARATOR.join(facts)}</p>',
        }


def moving(frames: list[np.ndarray], seconds: float) -> str:
    """A picture that plays (H, W, 3) uint8 frames once in so many seconds and stays at the last one.

    One picture per piece of sound carries all its frames: a page takes some five updates a second, a face
    needs twenty-five pictures.
    """
    first, *rest = [Image.fromarray(frame) for frame in frames]
    file = io.BytesIO()
    first.save(
        file,
        "WEBP",
        save_all=True,
        append_images=rest,
        duration=max(1, round(1000 * seconds / len(frames))),
        loop=1,
        quality=80,
        method=0,
    )
    picture = base64.b64encode(file.getvalue()).decode()
    return f'<img class="live-picture" alt="" src="data:image/webp;base64,{picture}">'
