"""Uploads are counted for their visitor, and refused before they are read where there is no room left."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lipsync.errors import LipSyncError
from lipsync.ui.visitor_limits import VisitorLimits

UPLOAD = "/gradio_api/upload"


class UploadLimit:
    """ASGI middleware, behind `lipsync.ui.visitor.VisitorCookie`; all but uploads passes untouched.

    Args:
        app: what answers.
        limits: of visitors.
    """

    def __init__(self, app: ASGIApp, limits: VisitorLimits) -> None:
        self._app, self._limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["path"].removeprefix(scope.get("root_path", "")) if scope["type"] == "http" else ""
        if path.rstrip("/") != UPLOAD or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        request, size = Request(scope), 0
        try:
            asker = self._limits.asker(request)
            if asker is not None:
                said = request.headers.get("content-length", "")
                self._limits.check_disk(asker, int(said) if said.isdecimal() else 0)
        except LipSyncError as refused:
            answer = JSONResponse({"detail": refused.message}, status_code=413)
            await answer(scope, receive, send)
            return

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            if asker is not None:
                self._limits.uploaded(asker, size)
