"""What Gradio is told about the pages' events."""

from __future__ import annotations

import asyncio

import gradio as gr
import pytest

from lipsync.ui.page_events import PageState, start_queue
from tests.coroutines import run


def test_the_queue_of_a_portal_that_nobody_uses_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    with gr.Blocks() as demo:
        gr.Button().click(lambda: None)
    start_queue(demo)
    queue, looks = demo._queue, []
    monkeypatch.setattr(type(queue), "__len__", lambda queue: looks.append(queue) or 0)

    async def half_a_second() -> None:
        work = asyncio.create_task(queue.start_processing())
        await asyncio.sleep(0.5)
        work.cancel()

    run(half_a_second())
    assert 1 < len(looks) < 100


def test_the_browser_is_given_the_null_that_stands_for_a_state() -> None:
    with gr.Blocks() as demo:
        PageState("secret", time_to_live=60)
    (state,) = demo.get_config_file()["components"]
    assert state["type"] == "state"
    assert gr.routes.ORJSONResponse._render_str(state["props"]["value"]) == "null"
