"""Choices that need files which may not be here: captions of the speech, and speech of a typed text."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from lipsync.audio.voices import DEFAULT_VOICE, VOICES
from lipsync.errors import ArtefactError
from lipsync.ui.choices import caption_choice, file_fetch, text_speech
from lipsync.ui.choices.caption_choice import CaptionChoice
from lipsync.ui.choices.file_fetch import FileFetch
from lipsync.ui.choices.speech_queue import SpeechQueue
from lipsync.ui.choices.text_speech import TextSpeech
from tests.coroutines import run

FILES = ("whisper_base_config", "whisper_base")


@contextmanager
def page() -> Iterator[gr.Blocks]:
    with gr.Blocks() as demo:
        yield demo


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of the artefact table that are on this machine."""
    found: set[str] = set()
    monkeypatch.setattr(file_fetch.hub, "locate", lambda name: Path(name) if name in found else None)
    monkeypatch.setattr(file_fetch.hub, "offline", lambda: False)
    return found


def event(demo: gr.Blocks, name: str) -> Any:
    """What the only event of that name does."""
    (found,) = (fn.fn for fn in demo.fns.values() if any(target[1] == name for target in fn.targets))
    return found


async def all_of(updates: AsyncIterator[Any]) -> list[Any]:
    return [update async for update in updates]


def test_captions_are_greyed_until_the_recogniser_is_here(
    here: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caption_choice, "installed", lambda: True)
    monkeypatch.setattr(caption_choice, "FILES", FILES)
    with page() as demo:
        choice = CaptionChoice()
    assert (choice.style.value, choice.style.interactive) == ("none", False)
    (row,) = (block for block in demo.blocks.values() if block.elem_id == "captions-absent")
    (button,) = (block for block in demo.blocks.values() if block.elem_id == "captions-fetch")
    assert row.visible
    assert button.value.endswith("(145 MB)")
    state = event(demo, "load")
    assert state() == {row: gr.update(visible=True)}
    here.update(FILES)
    assert state() == {row: gr.update(visible=False), choice.style: gr.update(interactive=True)}
    with page():
        assert CaptionChoice().style.interactive


def test_captions_without_the_package_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caption_choice, "installed", lambda: False)
    with page() as demo:
        choice = CaptionChoice()
    assert not choice.style.interactive
    texts = [str(block.value) for block in demo.blocks.values() if isinstance(block, gr.HTML)]
    assert any("pip install faster-whisper" in text for text in texts)


def test_a_fetch_shows_how_far_it_is_and_opens_what_waits_for_it(
    here: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(name: str, progress: Any) -> None:
        progress(1000, None)
        here.add(name)

    monkeypatch.setattr(file_fetch.hub, "fetch", fetch)
    with page() as demo:
        radio = gr.Radio(["a"], interactive=False)
        part = FileFetch(FILES, "captions.fetch", "x")
        part.attach(lambda: {radio: gr.update(interactive=True)}, [radio])
    updates = run(all_of(event(demo, "click")()))
    assert updates[-1][radio]["interactive"]
    assert not updates[-1][part.row]["visible"]
    assert part.missing == 0


def test_a_fetch_that_fails_leaves_a_sentence_and_the_button(
    here: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(name: str, progress: Any) -> None:
        raise ArtefactError("fetch.lost")

    monkeypatch.setattr(file_fetch.hub, "fetch", fetch)
    with page() as demo:
        radio = gr.Radio(["a"], interactive=False)
        part = FileFetch(FILES, "captions.fetch", "x")
        part.attach(lambda: {radio: gr.update(interactive=True)}, [radio])
    updates = run(all_of(event(demo, "click")()))
    assert "The download did not work" in updates[-2][part.step]["value"]
    assert updates[-2][part.button]["interactive"]
    assert updates[-1] == {part.row: gr.update(visible=True)}


@pytest.fixture
def queue() -> Iterator[SpeechQueue]:
    made = SpeechQueue()
    yield made
    made.close()


def typed(queue: SpeechQueue) -> tuple[TextSpeech, gr.Audio, gr.Checkbox, gr.Blocks]:
    with page() as demo:
        speech, own = gr.Audio(), gr.Checkbox()
        return TextSpeech(queue, "", speech, own), speech, own, demo


def test_no_text_can_be_typed_where_no_voice_can_be_had(
    queue: SpeechQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_speech, "available", list)
    *_, demo = typed(queue)
    assert not [block for block in demo.blocks.values() if isinstance(block, gr.Textbox | gr.Button)]


def test_a_typed_text_becomes_the_speech_and_a_wrong_one_a_sentence(
    here: set[str], queue: SpeechQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def speak(text: str, output: Path, voice: str, cancel: object) -> Path:
        output.write_bytes(text.encode())
        return output

    monkeypatch.setattr(text_speech, "available", lambda: [VOICES[DEFAULT_VOICE]])
    monkeypatch.setattr("lipsync.ui.choices.speech_queue.speak", speak)
    part, speech, own, _ = typed(queue)
    assert not part._button.interactive  # the voice has to be fetched first
    here.update(VOICES[DEFAULT_VOICE].files)
    part, speech, own, _ = typed(queue)
    assert part._button.interactive
    updates = run(all_of(part._on_speak("Good morning.", DEFAULT_VOICE)))
    assert "Speaking the text" in updates[0][part._status]["value"]
    assert Path(updates[-1][speech]).read_text() == "Good morning."
    assert updates[-1][own] is False
    (refused,) = run(all_of(part._on_speak("早上好", DEFAULT_VOICE)))
    assert "speaks English" in refused[part._status]["value"]
    assert speech not in refused
