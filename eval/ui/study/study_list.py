"""The left side of the Results tab: all studies, and the button that creates one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from eval.study.storage.store import StudyInfo
from eval.ui.study import study_markup as markup
from lipsync.assets import asset
from lipsync.ui.languages import label, localized
from lipsync.ui.page_events import PageState

SCRIPT = asset("js", "results.js")
Update = dict[Any, Any]


class StudyList:
    """Components of the list.

    Attributes:
        new, leave: buttons. example: another, for as long as there is no study.
        entries: the list; a click on it carries the ``study`` of the entry.
        seen: what the list showed last, see `state_of`.
        shown: components that ``show`` gives updates for.
    """

    def __init__(self) -> None:
        self.seen = PageState()
        with gr.Column(scale=3, min_width=260):
            with gr.Row(elem_classes="study-row"):
                gr.HTML(f'<h2 class="title">{localized("studies.heading")}</h2>')
                self.new = gr.Button(
                    label("studies.new"), variant="primary", size="sm", scale=0, min_width=112,
                    elem_id="study-new",
                )  # fmt: skip
            self.example = gr.Button(label("studies.example"), size="sm", elem_id="study-example")
            self.entries = gr.HTML(elem_id="study-list", js_on_load=SCRIPT.read_text(encoding="utf-8"))
            self.leave = gr.Button(label("gate.leave"), size="sm", elem_id="gate-leave")
        self.shown = [self.seen, self.entries, self.example]

    def show(self, found: Sequence[StudyInfo], chosen: str | None) -> Update:
        """The updates for these studies, one of them chosen."""
        return {
            self.seen: state_of(found),
            self.entries: markup.studies(found, chosen),
            self.example: gr.update(visible=not found),
        }


def state_of(found: Sequence[StudyInfo]) -> tuple[tuple[Any, ...], ...]:
    """A value that changes when the list has to be redrawn; the id of each study comes first."""
    return tuple((one.id, one.state, one.ratings, one.counted, one.raters, one.finished) for one in found)
