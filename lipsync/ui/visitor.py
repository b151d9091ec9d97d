"""Who asks: each browser has a signed cookie with a random name, so that it finds again what it made.

There are no accounts. The name says nothing about a person, and nobody can make up another's: it is signed
with a key that only the portal has.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

import gradio as gr
from filelock import FileLock
from gradio.context import LocalContext
from starlette.datastructures import MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "lipsync-visitor"
LASTING = 365 * 24 * 3600  # s that a browser keeps it
KEY, SIZE = "visitors.key", 32  # in the data folder; bytes
SAFE = ("GET", "HEAD", "OPTIONS")
# Raters are known by their code alone: neither their page nor what it fetches gives them a cookie.
WITHOUT = ("/rate", "/gradio_api/run/study_", "/gradio_api/file=")


def signing_key(folder: Path) -> bytes:
    """The key of a data folder, made where there is none; processes that share the folder share the key."""
    path = folder / KEY
    with FileLock(folder / f".{KEY}.lock"):
        if not path.is_file() or path.stat().st_size != SIZE:  # a full disk leaves part of one
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(secrets.token_bytes(SIZE))
        return path.read_bytes()


def visitor_of(request: gr.Request) -> str:
    """The name of the browser, or program, that makes a request; `VisitorCookie` has checked it."""
    return str(dict(request.cookies)[COOKIE]).partition(".")[0]


def asking() -> str:
    """The name of the browser whose request Gradio answers just now; empty where it answers none."""
    request = LocalContext.request.get(None)
    cookies = {} if request is None else dict(request.cookies)
    return str(cookies.get(COOKIE, "")).partition(".")[0]


class VisitorCookie:
    """ASGI middleware: every request has a cookie with a valid name, a new one where it came without.

    A request that another site's page makes in a visitor's browser does not get the visitor's name.

    Args:
        app: what answers.
        key: signs the names, see `signing_key`.
        framed: the portal is shown inside pages of another site over HTTPS, as a Space is.
    """

    def __init__(self, app: ASGIApp, key: bytes, framed: bool = False) -> None:
        self._app, self._key = app, key
        site = "SameSite=None; Secure; Partitioned" if framed else "SameSite=Lax"
        self._attributes = f"Path=/; Max-Age={LASTING}; HttpOnly; {site}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = MutableHeaders(scope=scope)
        sent = headers.get("cookie", "")
        foreign = scope["method"] not in SAFE and headers.get("sec-fetch-site") in ("cross-site", "same-site")
        if not foreign and self._is_valid(cookie_parser(sent).get(COOKIE, "")):
            await self._app(scope, receive, send)
            return
        name = secrets.token_urlsafe(18)
        cookie = f"{name}.{self._signature(name)}"
        headers["cookie"] = f"{sent}; {COOKIE}={cookie}".lstrip("; ")  # of two, the last one counts

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("set-cookie", f"{COOKIE}={cookie}; {self._attributes}")
            await send(message)

        given = not foreign and not scope["path"].startswith(WITHOUT)
        await self._app(scope, receive, answer if given else send)

    def _is_valid(self, cookie: str) -> bool:
        name, _, signature = cookie.partition(".")
        return bool(name) and hmac.compare_digest(signature.encode(), self._signature(name).encode())

    def _signature(self, name: str) -> str:
        return hmac.new(self._key, name.encode(), hashlib.sha256).hexdigest()
