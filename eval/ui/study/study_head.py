"""Above the results of a study: its title, progress, link and actions."""

from __future__ import annotations

from typing import Any

import gradio as gr

from eval.study.storage.store import StudyInfo
from eval.ui.study import study_markup as markup
from eval.ui.study.study_list import SCRIPT
from lipsync.ui.languages import label
from lipsync.ui.page_events import OPENED_SCRIPT

LONGEST = 1000  # characters of a link that is drawn
Update = dict[Any, Any]


class StudyHead:
    """Components of the head.

    Attributes:
        heading: title, progress and link; an ``input`` of it carries the ``url`` of the link as the browser
            knows it. qr: the QR code of that.
        open, close, delete: buttons. put, take: the same for the leaderboard. yes, no: the answers to the
            question before a study is deleted.
        shown: components that the methods give updates for.
    """

    def __init__(self) -> None:
        small: dict[str, Any] = {"size": "sm", "scale": 0, "min_width": 88}
        with gr.Column(visible=False, elem_id="study-head") as self.panel:
            self.heading = gr.HTML(js_on_load=SCRIPT.read_text(encoding="utf-8") + OPENED_SCRIPT)
            self.qr = gr.HTML(elem_id="study-qr", js_on_load=SCRIPT.read_text(encoding="utf-8"))
            with gr.Row(elem_classes="study-tools"):
                self.open = gr.Button(label("study.open"), elem_id="study-open", **small)
                self.close = gr.Button(label("study.close"), elem_id="study-close", **small)
                wide = small | {"min_width": 184}
                self.put = gr.Button(label("study.board.on"), elem_id="study-board-on", **wide)
                self.take = gr.Button(label("study.board.off"), elem_id="study-board-off", **wide)
                self.delete = gr.Button(label("study.delete"), elem_id="study-delete", **small)
            with gr.Row(visible=False, elem_classes="study-row") as self.asking:
                self.sure = gr.HTML()
                self.yes = gr.Button(
                    label("study.delete.yes"),
                    variant="stop",
                    elem_id="study-yes",
                    **small | {"min_width": 128},
                )
                self.no = gr.Button(label("study.keep"), elem_id="study-no", **small)
        self.shown = [
            self.panel, self.heading, self.qr, self.open, self.close, self.put, self.take, self.asking,
            self.sure,
        ]  # fmt: skip

    def show(self, study: StudyInfo) -> Update:
        """The updates for a study."""
        return {
            self.panel: gr.update(visible=True),
            self.heading: markup.head(study),
            self.open: gr.update(visible=study.state != "open"),
            self.close: gr.update(visible=study.state == "open"),
            self.put: gr.update(visible=not study.spec.leaderboard),
            self.take: gr.update(visible=study.spec.leaderboard),
        }

    def draw(self, study: StudyInfo, url: object) -> Update:
        """The QR code of a study's link; none of any other address."""
        own = isinstance(url, str) and len(url) <= LONGEST and url.endswith(f"/rate?study={study.link}")
        return {self.qr: markup.qr_code(str(url)) if own else ""}

    def hidden(self) -> Update:
        """The updates for no study."""
        return {self.panel: gr.update(visible=False)}

    def ask(self, study: StudyInfo | None) -> Update:
        """Ask before this study is deleted; None hides the question."""
        if study is None:
            return {self.asking: gr.update(visible=False)}
        return {self.asking: gr.update(visible=True), self.sure: markup.sure(study)}
