"""The choice of one model: two or three in plain words; under "More models" the rest and what is not here."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from lipsync.assets import asset
from lipsync.methods import AUTO, DEFAULT, METHODS, MethodEntry
from lipsync.methods.auto import candidates
from lipsync.methods.ranking import speeds
from lipsync.texts import ENGLISH, Message, languages
from lipsync.ui.choices.file_fetch import fetched, missing_bytes
from lipsync.ui.generate_queue import Jobs
from lipsync.ui.languages import label, localized
from lipsync.ui.page_events import QUIET, PageState
from lipsync.ui.uploads import menu, method_texts
from lipsync.weights import hub

Update = dict[Any, Any]
Lines = list[tuple[str, str]]
ALIKE = 0.15  # two speeds that differ by less than this share are not told apart


@dataclass(frozen=True)
class PlainChoice:
    """One of the choices in plain words.

    Attributes:
        key: "best", "fast" or "offline".
        value: name of the method that is asked for.
        entry: what draws then.
    """

    key: str
    value: str
    entry: MethodEntry


def choices() -> list[PlainChoice]:
    """The best model, the fastest, and the best that needs no download; each model once.

    Raises:
        ConfigError: the table of scores cannot be read.
    """
    ranked, measured = candidates(), speeds()
    here = [entry for entry in ranked if entry.ready]
    possible = here if hub.offline() else ranked
    found = [PlainChoice("best", AUTO, entry) for entry in possible[:1]]
    fastest = sorted(here, key=lambda entry: -measured.get(entry.card.name, 0.0))
    for key, entries in (("fast", fastest), ("offline", here)):
        if entries and entries[0].card.name not in {choice.entry.card.name for choice in found}:
            found.append(PlainChoice(key, entries[0].card.name, entries[0]))
    return found


def lines(chosen: str = DEFAULT) -> Lines:
    """The lines and names of what can be chosen: the plain choices, then the models that are here.

    Args:
        chosen: is among them even where it still has to be fetched.
    """
    plain = [(label(f"choice.{choice.key}"), choice.value) for choice in choices()]
    plain = plain or [(label("choice.best"), AUTO)]
    names = {name for _, name in plain}
    rest = [line for line in menu() if line[1] not in names]
    return plain + [line for line in rest if METHODS.get(line[1]).ready or line[1] == chosen]


def several_models(prefix: str) -> gr.CheckboxGroup:
    """Any number of models; those that are here are chosen.

    Args:
        prefix: of its id.
    """
    return gr.CheckboxGroup(
        menu(),
        value=[name for _, name in menu() if METHODS.get(name).ready],
        label=label("method.heading"),
        show_label=False,
        container=False,
        elem_classes="methods",
        elem_id=f"{prefix}methods",
    )


def absent(entry: MethodEntry) -> int:
    """Bytes that have to be fetched before a model can work."""
    return missing_bytes(row.name for row in entry.artefacts)


class ModelChoice:
    """The radio of the page, what it looks like, and what fetches the models that are not here.

    Attributes:
        method: the radio; its value is the name of a method.
        looks: a style sheet with the strips and the speeds, which change while the portal runs.
        fetched: by name of a method the components of its row: all of it, its button and how far it is.
    """

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self.fetched: dict[str, tuple[gr.Row, gr.Button, gr.HTML]] = {}
        with gr.Column(elem_classes="model-choice"):
            self.looks = gr.HTML(self.style(), elem_classes="model-looks")
            self.method = gr.Radio(
                lines(), value=DEFAULT, label=label("method.heading"), show_label=False, container=False,
                elem_classes="methods", elem_id="methods",
            )  # fmt: skip
            with gr.Accordion(label("choice.more"), open=False, elem_id="more-models"):
                for entry in map(METHODS.get, METHODS):
                    if entry.fetchable and entry.artefacts:
                        self._row(entry)

    def _row(self, entry: MethodEntry) -> None:
        """A model that may not be here: its name, what fetches it, and how far that is."""
        name = entry.card.name
        with gr.Row(visible=not entry.ready, elem_classes="absent-model", elem_id=f"absent-{name}") as row:
            gr.HTML(f"<p>{localized(method_texts()[f'method.{name}'])}</p>")
            button = gr.Button(_download(entry), size="sm", interactive=not hub.offline())
            step = gr.HTML(visible=False, elem_classes="absent-step")
        self.fetched[name] = row, button, step

    @property
    def rest(self) -> list[Any]:
        """The components besides the radio that change with the models that are here."""
        return [self.looks, *(part for row in self.fetched.values() for part in row)]

    def attach(self, more_lines: PageState, card: gr.HTML, card_of: Callable[[str], str]) -> None:
        """Let the buttons fetch.

        Args:
            more_lines: lines at the end of the radio that this browser alone has.
            card, card_of: about the chosen method, and its HTML.
        """
        for name, (_, button, _) in self.fetched.items():
            given, shown = [self.method, more_lines], [self.method, *self.rest]
            fetched = button.click(partial(self.on_fetch, name), given, shown, concurrency_limit=10, **QUIET)
            fetched.then(card_of, self.method, card, **QUIET)

    async def on_fetch(self, name: str, chosen: str, more_lines: Lines) -> AsyncIterator[Update]:
        """Fetch what a model needs, show how far it is, and then let it be chosen.

        The fetch goes on when the page is left.
        """
        _, button, step = self.fetched[name]
        entry = METHODS.get(name)
        async for update in fetched([row.name for row in entry.artefacts], button, step, "choice.failed"):
            yield update
        if not absent(entry):
            yield {self.method: gr.update(choices=[*lines(chosen), *more_lines]), **self.on_load()}

    def on_load(self) -> Update:
        """What of the models is here by now."""
        found: Update = {self.looks: self.style()}
        for name, (row, button, step) in self.fetched.items():
            entry = METHODS.get(name)
            found[row] = gr.update(visible=not entry.ready)
            found[button] = gr.update(value=_download(entry), interactive=not hub.offline())
            found[step] = gr.update(visible=False)
        return found

    def style(self) -> str:
        """The style sheet of the radio: each plain choice has its strip and speed, the others come last.

        Those are hidden until they are asked for, but for the chosen one.
        """
        found = choices()
        others = f".methods label:nth-child(n + {max(1, len(found)) + 1})"
        rules = [
            f".model-choice {others} {{ order: 2; flex-basis: 220px; }}",
            f".model-choice:not(:has(.label-wrap.open)) {others}:not(.selected) {{ display: none; }}",
        ]
        for choice in found:
            at = f'.model-choice label:has(input[value="{choice.value}"])'
            strip = asset("choices", f"{choice.entry.card.name}.webp")
            if strip.is_file():
                data = base64.b64encode(strip.read_bytes()).decode()
                picture = f"url(data:image/webp;base64,{data})"
                rules.append(f'{at}::before {{ content: ""; background-image: {picture}; }}')
            for language, text in self._known(choice, found[0]).items():
                where = "" if language == ENGLISH else f'html[lang|="{language}"] '
                rules.append(
                    f"{where}{at} > span::after {{ content: {json.dumps(text, ensure_ascii=False)}; }}"
                )
        return f"<style>{' '.join(rules)}</style>"

    def _known(self, choice: PlainChoice, best: PlainChoice) -> dict[str, str]:
        """By language a choice's speed here, else how it compares with the best, and what it downloads."""
        facts, name, measured = [], choice.entry.card.name, speeds()
        fps, usual, other = self.jobs.speed(name), measured.get(name), measured.get(best.entry.card.name)
        if fps:
            facts.append(Message("choice.speed", fps=f"{fps:.0f}"))
        elif usual and other and abs(usual / other - 1) > ALIKE:
            facts.append(Message("choice.ratio", ratio=f"{usual / other:.1f}"))
        if size := absent(choice.entry):
            facts.append(Message("choice.size", size=f"{size / 1e6:.0f}"))
        return {language: " · ".join(fact.text(language) for fact in facts) for language in languages()}


def _download(entry: MethodEntry) -> str:
    """The label of the button that fetches a model."""
    return f"{label('choice.download')} ({absent(entry) / 1e6:.0f} MB)"
