"""Compressed answers: the same to who reads them, and only where they get smaller and nobody waits."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from lipsync import texts
from lipsync.ui.public.compression import Compression

PAGE = "<p>嘴唇 and lips</p>" * 500


async def page(request: Request) -> HTMLResponse:
    return HTMLResponse(PAGE)


async def data(request: Request) -> JSONResponse:
    return JSONResponse({"texts": [PAGE]})


async def short(request: Request) -> HTMLResponse:
    return HTMLResponse("<p>short</p>")


async def refused(request: Request) -> HTMLResponse:
    return HTMLResponse(PAGE, status_code=404)


async def stream(request: Request) -> StreamingResponse:
    async def parts() -> AsyncIterator[str]:
        for _ in range(3):
            yield PAGE

    return StreamingResponse(parts(), media_type="text/html")


async def file(request: Request) -> FileResponse:
    return FileResponse(Path(texts.__file__).with_name("locales") / "en.json")


@pytest.fixture
def client() -> TestClient:
    routes = [Route(f"/{answer.__name__}", answer) for answer in (page, data, short, refused, stream, file)]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(Compression)]))


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip, deflate, br, zstd", "br"), ("deflate, gzip;q=0.8", "gzip"), ("br", "br")],
)
@pytest.mark.parametrize("path", ["/page", "/data"])
def test_pages_and_data_come_in_a_tenth_of_the_bytes(
    client: TestClient, path: str, accepted: str, encoding: str
) -> None:
    answer = client.get(path, headers={"accept-encoding": accepted})
    assert answer.headers["content-encoding"] == encoding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert int(answer.headers["content-length"]) < len(PAGE.encode()) / 10
    assert answer.text == PAGE if path == "/page" else json.loads(answer.text) == {"texts": [PAGE]}


@pytest.mark.parametrize("path", ["/short", "/refused", "/stream", "/file"])
def test_everything_else_comes_as_it_is(client: TestClient, path: str) -> None:
    answer = client.get(path, headers={"accept-encoding": "gzip, br"})
    assert "content-encoding" not in answer.headers
    plain = client.get(path, headers={"accept-encoding": "identity"})
    assert answer.content == plain.content
    assert answer.headers.items() == plain.headers.items()


def test_who_accepts_no_compression_gets_none(client: TestClient) -> None:
    answer = client.get("/page", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in answer.headers
    assert answer.text == PAGE
