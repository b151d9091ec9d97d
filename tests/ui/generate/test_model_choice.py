"""The plain choices of a model, and the models that are fetched on the page."""

import threading
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from lipsync.errors import ArtefactError
from lipsync.methods import AUTO, METHODS
from lipsync.texts import Message
from lipsync.ui.generate_queue import Jobs
from lipsync.ui.model_choice import ModelChoice, absent, choices, lines
from lipsync.weights import hub
from tests.coroutines import run

BEST = "visual-dubbing-whisper"


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of the artefacts that are here: none, to which tests add."""
    found: set[str] = set()
    monkeypatch.setattr(hub, "locate", lambda name: Path(name) if name in found else None)
    monkeypatch.setattr(hub, "offline", lambda: False)
    return found


@pytest.fixture
def choice(files: set[str]) -> ModelChoice:
    with gr.Blocks():
        return ModelChoice(Jobs())


def keys() -> dict[str, tuple[str, str]]:
    return {choice.key: (choice.value, choice.entry.card.name) for choice in choices()}


def test_on_a_fresh_machine_there_are_the_best_the_fastest_and_one_without_download(files: set[str]) -> None:
    assert keys() == {
        "best": (AUTO, BEST),
        "fast": ("lstm-cbam", "lstm-cbam"),
        "offline": ("multi-reference", "multi-reference"),
    }
    names = [name for _, name in lines()]
    assert names[:3] == [AUTO, "lstm-cbam", "multi-reference"]
    assert BEST not in names
    assert len(names) == len(set(names))
    assert lines(BEST)[-1][1] == BEST or BEST in [name for _, name in lines(BEST)]


def test_no_choice_is_there_twice(files: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    files |= set(METHODS.get(BEST).needs)
    assert keys() == {"best": (AUTO, BEST), "fast": ("lstm-cbam", "lstm-cbam")}
    files.clear()
    monkeypatch.setattr(hub, "offline", lambda: True)
    assert keys() == {"best": (AUTO, "multi-reference"), "fast": ("lstm-cbam", "lstm-cbam")}


def test_a_choice_says_how_fast_it_is_here_once_that_was_measured(choice: ModelChoice) -> None:
    assert "about 1.8 × the speed of Best" in choice.style()  # 41.5 and 23.0 frames/s in the table of scores
    assert "the first run downloads 80 MB" in choice.style()
    choice.jobs._speeds["lstm-cbam"] = 41.7
    assert "42 frames/s on this machine" in choice.style()
    assert "本机 42 帧/秒" in choice.style()
    assert "1.8" not in choice.style()


def fetched(choice: ModelChoice, name: str, during: threading.Event | None = None) -> list[dict[Any, Any]]:
    async def updates() -> list[dict[Any, Any]]:
        found = []
        async for update in choice.on_fetch(name, AUTO, []):
            found.append(update)
            if during is not None:
                during.set()
        return found

    return run(updates())


def test_a_model_is_fetched_with_a_bar_and_can_then_be_chosen(
    choice: ModelChoice, files: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    row, button, step = choice.fetched[BEST]
    assert row.visible
    assert button.value.endswith(" (80 MB)")
    seen = threading.Event()

    def fetch(name: str, progress: Any) -> None:
        size = hub.artefacts()[name].size
        progress(size // 2, size)
        assert seen.wait(30)
        files.add(name)

    monkeypatch.setattr(hub, "fetch", fetch)
    first, *_, last = fetched(choice, BEST, seen)
    assert "<progress" in first[step]["value"]
    assert "79.7 MB" in first[step]["value"]
    assert first[button]["interactive"] is False
    assert BEST in [name for _, name in last[choice.method]["choices"]] or keys()["best"][1] == BEST
    assert last[row]["visible"] is False
    assert absent(METHODS.get(BEST)) == 0
    assert last[choice.fetched["wav2lip"][0]]["visible"] is True


def test_a_model_that_cannot_be_fetched_says_why_in_a_sentence(
    choice: ModelChoice, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fetch(name: str, progress: Any) -> None:
        raise ArtefactError(
            "weights.missing", file="w.bin", purpose="drawing", reasons=[Message("weights.no_source")],
            place=Message("weights.by_hand", path="/somewhere/w.bin"), sha256="0" * 64,
        )  # fmt: skip

    monkeypatch.setattr(hub, "fetch", fetch)
    _, button, step = choice.fetched["wav2lip"]
    last = fetched(choice, "wav2lip")[-1]
    assert last[button]["interactive"] is True
    assert "This model could not be downloaded: " in last[step]["value"]
    assert "/somewhere" not in last[step]["value"]
    assert "0000" not in last[step]["value"]
    assert "/somewhere/w.bin" in caplog.text
