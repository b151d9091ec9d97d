"""An address in place of an upload is refused before anybody is asked for it."""

import gradio as gr
import pytest
from fastapi.testclient import TestClient
from gradio import processing_utils

from lipsync.ui.public.no_fetching import fetch_nothing

ASKED = []


async def fetched(url: str, cache_dir: str) -> str:
    ASKED.append(url)
    return __file__


def answer(path: str) -> tuple[int, dict[str, object]]:
    with gr.Blocks() as demo:
        file, name = gr.File(), gr.Textbox()
        gr.Button().click(lambda file: "took it", file, name, api_name="take")
    app = gr.routes.App.create_app(demo)
    given = {"path": path, "meta": {"_type": "gradio.FileData"}}
    told = TestClient(app).post("/gradio_api/run/take", json={"data": [given]})
    return told.status_code, told.json()


def test_an_address_is_no_upload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processing_utils, "async_ssrf_protected_download", fetched)
    assert answer("http://192.0.2.1/face.mp4")[0] == 200
    assert ASKED == ["http://192.0.2.1/face.mp4"]  # as Gradio does
    fetch_nothing()
    status, told = answer("http://192.0.2.1/face.mp4")
    assert status == 500
    assert str(told["error"]).startswith("Upload the file itself")
    assert len(ASKED) == 1
