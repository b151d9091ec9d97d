"""Security headers: on every answer, and nothing of the answer waits or changes for them."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from eval.ui.study import rate_page
from lipsync.assets import asset
from lipsync.ui.public import security_headers
from lipsync.ui.public.security_headers import SecurityHeaders
from tests.coroutines import run

EMBEDDING = "'self' https://example.org"
CLIP = asset("examples", "english.wav")


async def page(request: Request) -> HTMLResponse:
    return HTMLResponse("<p>page</p>")


async def file(request: Request) -> FileResponse:
    return FileResponse(CLIP)


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()


@pytest.fixture
def client() -> TestClient:
    routes = [Route("/", page), Route("/gradio_api/file=clip.wav", file), WebSocketRoute("/echo", echo)]
    app = Starlette(
        routes=[*routes, *rate_page.routes()], middleware=[security_headers.middleware(EMBEDDING)]
    )
    return TestClient(app)


def policy(answer) -> dict[str, list[str]]:  # type: ignore[no-untyped-def]
    """Directive to sources of an answer's Content-Security-Policy, each directive once."""
    directives = [part.split() for part in answer.headers["content-security-policy"].split(";")]
    assert len({words[0] for words in directives}) == len(directives)
    return {name: sources for name, *sources in directives}


@pytest.mark.parametrize("path", ["/", "/gradio_api/file=clip.wav", "/rate", "/nothing-here"])
def test_every_answer_carries_them(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert "camera=(self), microphone=(self)" in answer.headers["permissions-policy"]
    assert policy(answer)["frame-ancestors"] == EMBEDDING.split()


def test_a_page_may_load_nothing_of_another_host(client: TestClient) -> None:
    for sources in policy(client.get("/")).values():
        assert not any("//" in source or source == "*" for source in sources if "example" not in source)


def test_a_page_with_a_policy_of_its_own_keeps_it(client: TestClient) -> None:
    _, own = rate_page.rater_page()
    assert client.get("/rate").headers["content-security-policy"].startswith(f"{own}; ")


def test_nothing_runs_in_a_file(client: TestClient) -> None:
    found = policy(client.get("/gradio_api/file=clip.wav"))
    assert found["sandbox"] == []
    assert found["default-src"] == ["'none'"]
    assert "script-src" not in found


def test_a_part_of_a_file_comes_as_before(client: TestClient) -> None:
    answer = client.get("/gradio_api/file=clip.wav", headers={"Range": "bytes=100-199"})
    assert answer.status_code == 206
    assert answer.content == CLIP.read_bytes()[100:200]


def test_sockets_pass(client: TestClient) -> None:
    with client.websocket_connect("/echo") as socket:
        socket.send_text("hello")
        assert socket.receive_text() == "hello"


def test_a_stream_is_passed_on_piece_by_piece() -> None:
    """The first event has arrived before the second one is made."""
    arrived: list[bytes] = []

    async def events() -> AsyncIterator[bytes]:
        yield b"data: 1\n\n"
        assert arrived == [b"data: 1\n\n"]
        yield b"data: 2\n\n"

    async def receive() -> dict:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message) -> None:  # type: ignore[no-untyped-def]
        if message.get("body"):
            arrived.append(message["body"])

    stream = StreamingResponse(events(), media_type="text/event-stream")
    scope = {"type": "http", "path": "/gradio_api/queue/data", "headers": [], "asgi": {"spec_version": "2.4"}}
    run(SecurityHeaders(stream, EMBEDDING)(scope, receive, send))
    assert arrived == [b"data: 1\n\n", b"data: 2\n\n"]
