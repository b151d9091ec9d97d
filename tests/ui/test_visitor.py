"""The cookie by which a browser finds again what it made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from lipsync.ui.visitor import COOKIE, KEY, VisitorCookie, signing_key, visitor_of


def client(key: bytes = b"k" * 32, framed: bool = False) -> TestClient:
    def name(request: Request) -> PlainTextResponse:
        return PlainTextResponse(visitor_of(gr.Request(request)))

    routes = [Route("/{path:path}", name, methods=["GET", "POST"])]
    middleware = [Middleware(VisitorCookie, key=key, framed=framed)]
    return TestClient(Starlette(routes=routes, middleware=middleware))


@pytest.fixture
def browser() -> Iterator[TestClient]:
    with client() as opened:
        yield opened


def test_a_browser_keeps_its_name_and_another_has_another(browser: TestClient) -> None:
    first = browser.get("/")
    assert len(first.text) >= 20
    again = browser.post("/x")
    assert again.text == first.text
    assert "set-cookie" not in again.headers
    with client() as other:
        assert other.get("/").text != first.text


def test_the_cookie_is_kept_from_scripts_and_from_other_sites(browser: TestClient) -> None:
    attributes = browser.get("/").headers["set-cookie"].split("; ")[1:]
    assert {"Path=/", "HttpOnly", "SameSite=Lax"} <= set(attributes)
    with client(framed=True) as framed:
        attributes = framed.get("/").headers["set-cookie"].split("; ")[1:]
    assert {"HttpOnly", "SameSite=None", "Secure", "Partitioned"} <= set(attributes)


@pytest.mark.parametrize("forge", ["ann", "ann.", "ann.00", ".", "", "é.ü", "a=b.c", "ann." + "0" * 64])
def test_a_name_without_its_signature_counts_for_nothing(browser: TestClient, forge: str) -> None:
    answer = browser.get("/", headers={"cookie": f"other=1; {COOKIE}={forge}".encode()})
    assert answer.text not in ("ann", "")
    assert COOKIE in answer.headers["set-cookie"]
    mine = browser.cookies[COOKIE]
    with client(key=b"x" * 32) as other:  # a key of another portal
        assert other.get("/", headers={"cookie": f"{COOKIE}={mine}"}).text != mine.partition(".")[0]


def test_a_page_of_another_site_does_not_act_in_a_visitors_name(browser: TestClient) -> None:
    name = browser.get("/").text
    for site in ("cross-site", "same-site"):
        answer = browser.post("/x", headers={"sec-fetch-site": site})
        assert answer.text not in (name, "")
        assert "set-cookie" not in answer.headers
        # A link on another site still opens the visitor's own portal.
        assert browser.get("/", headers={"sec-fetch-site": site}).text == name
    for site in ("same-origin", "none"):
        assert browser.post("/x", headers={"sec-fetch-site": site}).text == name


def test_raters_get_no_cookie(browser: TestClient) -> None:
    for path in ("/rate?study=x", "/gradio_api/file=x.mp4"):
        assert "set-cookie" not in browser.get(path).headers
    assert "set-cookie" not in browser.post("/gradio_api/run/study_next").headers


def test_the_key_stays_and_is_nobody_elses_to_read(tmp_path: Path) -> None:
    key = signing_key(tmp_path)
    assert len(key) == 32
    assert signing_key(tmp_path) == key
    assert (tmp_path / KEY).stat().st_mode & 0o777 == 0o600
    (tmp_path / "b").mkdir()
    assert signing_key(tmp_path / "b") != key


def test_a_key_that_was_cut_short_is_made_anew_once(tmp_path: Path) -> None:
    (tmp_path / KEY).write_bytes(b"short")
    key = signing_key(tmp_path)
    assert len(key) == 32
    assert signing_key(tmp_path) == key
