"""The form that creates a study; it gives the plain values that a spec is read from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import gradio as gr

from eval.compare.names import REFERENCE
from eval.compare.sets import Sets
from eval.study.storage.labels import (
    CONSENT,
    LANGUAGES,
    PAIRWISE_INSTRUCTIONS,
    PAIRWISE_QUESTIONS,
    RATING_INSTRUCTIONS,
    RATING_QUESTIONS,
)
from eval.study.storage.spec import Mode
from lipsync.errors import ConfigError
from lipsync.ui.languages import label, localized

QUESTIONS = {"rating": RATING_QUESTIONS, "pairwise": PAIRWISE_QUESTIONS}
LANGUAGE_NAMES = {"en": "English", "zh": "中文"}


class StudyForm:
    """Components of the form; ``values`` go to :func:`plain_values` in their order.

    Attributes:
        panel: the column that holds all, hidden at first.
        close, start: its buttons. status: what is being done, or what was wrong.
        source, zip: where the clips come from; ``choices`` are the components that follow a choice of them.
    """

    def __init__(self) -> None:
        with gr.Column(visible=False, elem_id="study-form") as self.panel:
            gr.HTML(f'<h2 class="title">{localized("form.heading")}</h2>')
            self._materials()
            self._asking()
            self._folded()
            with gr.Row():
                self.close = gr.Button(label("form.close"), elem_id="form-close")
                self.start = gr.Button(label("form.start"), variant="primary", elem_id="form-start")
            self.status = gr.HTML(elem_id="form-status")
        self.values = [
            self.source, self.title, self.title_zh, self.mode, self.methods, self.reference, self.questions,
            self.ratings, self.each, self.training, self.choose, self.desync, self.languages,
            self.instructions, self.instructions_zh, self.consent, self.consent_zh, self.code, self.comments,
            self.addresses,
        ]  # fmt: skip
        self.choices = [self.source, self.methods, self.reference, self.training]

    def _materials(self) -> None:
        with gr.Row(equal_height=False):
            self.source = gr.Dropdown([], label=label("form.source"), elem_id="form-source")
            self.zip = gr.File(label=label("form.zip"), file_types=[".zip"], height=184, elem_id="form-zip")
        with gr.Row():
            self.title = gr.Textbox(label=label("form.title"), max_lines=1, elem_id="form-title")
            self.title_zh = gr.Textbox(label=label("form.title.zh"), max_lines=1, elem_id="form-title-zh")
        with gr.Row(equal_height=False):
            self.methods = gr.CheckboxGroup([], label=label("form.methods"), elem_id="form-methods")
            self.reference = gr.Dropdown(
                [], label=label("form.reference"), info=label("form.reference.info"), elem_id="form-reference"
            )

    def _asking(self) -> None:
        self.mode = gr.Radio(
            [(label(f"form.mode.{mode}"), mode) for mode in get_args(Mode)], value="rating",
            label=label("form.mode"), elem_id="form-mode",
        )  # fmt: skip
        self.questions = gr.Textbox(
            lines_of("rating"), label=label("form.questions"), lines=3, elem_id="form-questions"
        )
        with gr.Row():
            number: dict[str, Any] = {"precision": 0, "minimum": 0}
            self.ratings = gr.Number(24, label=label("form.ratings"), elem_id="form-ratings", **number)
            self.each = gr.Number(0, label=label("form.each"), elem_id="form-each", **number)

    def _folded(self) -> None:
        with gr.Accordion(label("form.checks"), open=False, elem_id="form-checks"):
            self.training = gr.Dropdown(
                [], multiselect=True, label=label("form.training"), elem_id="form-training"
            )
            self.choose = gr.CheckboxGroup(
                [(str(mark), mark) for mark in range(1, 6)], label=label("form.choose"), elem_id="form-choose"
            )
            self.desync = gr.Number(0, precision=0, minimum=0, label=label("form.desync"))
        with gr.Accordion(label("form.texts"), open=False, elem_id="form-texts"):
            self.languages = gr.CheckboxGroup(
                [(LANGUAGE_NAMES[name], name) for name in LANGUAGES], value=list(LANGUAGES),
                label=label("form.languages"),
            )  # fmt: skip
            with gr.Row():
                self.instructions = _long("form.instructions", RATING_INSTRUCTIONS.en)
                self.instructions_zh = _long("form.instructions.zh", RATING_INSTRUCTIONS.zh)
            with gr.Row():
                self.consent = _long("form.consent", CONSENT.en)
                self.consent_zh = _long("form.consent.zh", CONSENT.zh)
        with gr.Accordion(label("form.end"), open=False):
            self.code = gr.Textbox(label=label("form.code"), max_lines=1, elem_id="form-code")
            self.comments = gr.Checkbox(label=label("form.comments"), elem_id="form-comments")
            self.addresses = gr.Radio(
                [(label(f"form.addresses.{name}"), name) for name in ("flag", "refuse", "off")], value="flag",
                label=label("form.addresses"),
            )  # fmt: skip


def _long(key: str, usual: str) -> gr.Textbox:
    return gr.Textbox(label=label(key), placeholder=usual, lines=4, max_lines=12)


def lines_of(mode: str) -> str:
    """The usual questions of a mode, as the form shows them."""
    return "\n".join(f"{one.key} | {one.text.en} | {one.text.zh}" for one in QUESTIONS[mode])


def usual_texts(mode: str) -> list[Any]:
    """The updates after a change of the mode: questions and the two placeholders of the instructions."""
    usual = PAIRWISE_INSTRUCTIONS if mode == "pairwise" else RATING_INSTRUCTIONS
    return [lines_of(mode), gr.update(placeholder=usual.en), gr.update(placeholder=usual.zh)]


def source_choices(sets: Sets, chosen: str | None) -> list[Any]:
    """Updates of ``StudyForm.choices`` for a set, or for none.

    Raises:
        ConfigError: the set is gone.
    """
    names = [(summary.title, summary.id) for summary in sets.list()]
    if not chosen:
        gone = gr.update(choices=[], value=[])
        return [gr.update(choices=names, value=None), gone, gr.update(choices=[], value=None), gone]
    set_ = sets.open(chosen)
    real = any(item.reference is not None for item in set_.items)
    everything = [*([REFERENCE] if real else []), *set_.methods]
    clips = [
        f"{item.name}/{method}"
        for item in set_.items
        for method in everything
        if item.clip(method) is not None
    ]
    return [
        gr.update(choices=names, value=chosen),
        gr.update(choices=list(set_.methods), value=list(set_.methods)),
        gr.update(choices=[(label("form.none"), ""), *everything], value=REFERENCE if real else ""),
        gr.update(choices=clips, value=[]),
    ]


@dataclass(frozen=True)
class FormValues:
    """What the form holds, in the order of ``StudyForm.values``; a box that was never unfolded holds None."""

    source: str | None
    title: str | None
    title_zh: str | None
    mode: str
    methods: list[str]
    reference: str | None
    questions: str | None
    ratings: float | None
    each: float | None
    training: list[str] | None
    choose: list[int] | None
    desync: float | None
    languages: list[str]
    instructions: str | None
    instructions_zh: str | None
    consent: str | None
    consent_zh: str | None
    code: str | None
    comments: bool | None
    addresses: str


def plain_values(form: FormValues) -> dict[str, Any]:
    """The form as `eval.study.storage.spec.Spec.from_dict` takes it; what was left empty is left out.

    Raises:
        ConfigError: no source, or a line of the questions is not "key | English | Chinese".
    """
    if not form.source:
        raise ConfigError("form.choose_set")
    if not form.methods:
        raise ConfigError("compare.choose_method")
    texts = {
        "title": _words(form.title, form.title_zh),
        "instructions": _words(form.instructions, form.instructions_zh),
        "consent": _words(form.consent, form.consent_zh),
    }
    if not any(texts["title"].values()):
        raise ConfigError("spec.no_title")
    return {
        **{name: value for name, value in texts.items() if any(value.values())},
        "source": {"set": form.source, "methods": form.methods},
        "mode": form.mode,
        "reference": form.reference or None,
        "questions": [_question(line) for line in _plain(form.questions).splitlines() if line.strip()],
        "ratings_per_stimulus": form.ratings,
        "stimuli_per_rater": form.each or 0,
        "training": form.training or [],
        "catch": {"choose": form.choose or [], "desync": form.desync or 0},
        "languages": form.languages,
        "completion_code": _plain(form.code) or None,
        "comments": bool(form.comments),
        "addresses": form.addresses,
    }


def _plain(text_: str | None) -> str:
    """The value of a box; one that was never unfolded holds None."""
    return (text_ or "").strip()


def _words(english: str | None, chinese: str | None) -> dict[str, str]:
    return {"en": _plain(english), "zh": _plain(chinese)}


def _question(line: str) -> dict[str, Any]:
    parts = [part.strip() for part in line.split("|")]
    if not 2 <= len(parts) <= 3 or not all(parts):
        raise ConfigError("form.question_line", line=line)
    return {"key": parts[0], "text": {"en": parts[1], "zh": parts[-1]}}


def bring_zip(sets: Sets, path: str) -> str:
    """Create a comparison set from a zip and return its id.

    Raises:
        ConfigError, MediaError: the zip or a video in it cannot be read.
    """
    return sets.bring(Path(path))
