"""Pages and their data in a fraction of the bytes: Gradio compresses its scripts, but not the page itself."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import brotli
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TYPES = ("text/html", "application/json")
SMALLEST = 1000  # bytes: less hardly gets smaller
# How a browser calls each way, the better one first. 1 MB takes some 20 ms.
ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "br": lambda content: brotli.compress(content, quality=5),
    "gzip": lambda content: gzip.compress(content, 6),
}


class Compression:
    """Compresses HTML and JSON that are answered in one piece; streams and files pass untouched.

    Args:
        app: what answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        accepted = Headers(scope=scope).get("accept-encoding", "") if scope["type"] == "http" else ""
        names = {part.partition(";")[0].strip() for part in accepted.split(",")}
        encoding = next((name for name in ENCODINGS if name in names), None)
        if encoding is None or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        held: Message | None = None

        async def changed(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start" and _compressible(message):
                held = message
                return
            if held is not None:
                if not message.get("more_body"):
                    message = {**message, "body": ENCODINGS[encoding](message["body"])}
                    headers = MutableHeaders(scope=held)
                    headers["content-encoding"] = encoding
                    headers["content-length"] = str(len(message["body"]))
                    headers.add_vary_header("Accept-Encoding")
                start, held = held, None
                await send(start)
            await send(message)

        await self._app(scope, receive, changed)


def _compressible(start: Message) -> bool:
    """Whether an answer that begins so gets smaller, and is no file, which may be asked for in parts."""
    headers = Headers(raw=start["headers"])
    length = headers.get("content-length", "")
    return (
        start["status"] == 200
        and headers.get("content-type", "").partition(";")[0] in TYPES
        and length.isdecimal()
        and int(length) >= SMALLEST
        and "content-encoding" not in headers
        and "accept-ranges" not in headers
    )
