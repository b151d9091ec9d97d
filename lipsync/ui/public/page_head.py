"""The head of the portal's page: its lines for link previews, and the script that reads its address."""

from __future__ import annotations

import re
from html import escape

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lipsync.assets import asset
from lipsync.texts import Message as Text

ICON = asset("icons", "favicon.svg")
ADDRESS = asset("js", "address.js").read_text(encoding="utf-8")
OF_GRADIO = re.compile(r'\s*<meta\s+(?:property="og:|name="twitter:)[^>]*>')


class PageHead:
    """Gives the portal's page its own lines; passes everything else through.

    Args:
        app: the server behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] != "/":
            await self.app(scope, receive, send)
            return
        start: Message = {}
        body = bytearray()

        async def changed(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            headers, content = Headers(raw=start["headers"]), bytes(body)
            if headers.get("content-type", "").startswith("text/html"):
                content = with_head(content.decode()).encode()
                MutableHeaders(raw=start["headers"])["content-length"] = str(len(content))
            await send(start)
            await send({**message, "body": content})

        await self.app(scope, receive, changed)


def with_head(html: str) -> str:
    """The page with the portal's lines for link previews, not Gradio's, and the script for its address."""
    title, purpose = escape(Text("page.title")), escape(Text("page.purpose"))
    own = (
        '<meta property="og:type" content="website"><meta name="twitter:card" content="summary">'
        f'<meta property="og:title" content="{title}"><meta property="og:description" content="{purpose}">'
        f'<meta name="description" content="{purpose}">'
        f"<script>{ADDRESS}</script>"
    )
    return OF_GRADIO.sub("", html).replace("</head>", f"{own}</head>", 1)
