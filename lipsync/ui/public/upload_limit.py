"""Uploads are counted for their visitor, and refused before they are read where there is no room left."""

from __future__ import annotations

import shutil
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lipsync.errors import ConfigError, LipSyncError
from lipsync.ui.public.visitor_limits import VisitorLimits

UPLOAD = "/gradio_api/upload"
SPARE = 100_000_000  # bytes of the disk that uploads leave, for results and the portal itself


class UploadLimit:
    """ASGI middleware, behind `lipsync.ui.visitor.VisitorCookie`; all but uploads passes untouched.

    Args:
        app: what answers.
        limits: of visitors.
        folder: where uploads go.
    """

    def __init__(self, app: ASGIApp, limits: VisitorLimits, folder: Path) -> None:
        self._app, self._limits, self._folder = app, limits, folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["path"].removeprefix(scope.get("root_path", "")) if scope["type"] == "http" else ""
        if path.rstrip("/") != UPLOAD or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        request, size = Request(scope), 0
        length = request.headers.get("content-length", "")
        announced = int(length) if length.isdecimal() else 0
        try:
            asker = self._limits.asker(request)
            if asker is not None:
                self._limits.check_disk(asker, announced)
            if announced > _free(self._folder) - SPARE:
                raise ConfigError("disk.full")
        except LipSyncError as refused:
            answer = JSONResponse({"detail": refused.message}, status_code=413)
            await answer(scope, receive, send)
            return
        if asker is not None:
            self._limits.uploaded(asker, announced)  # from now on: others of this visitor may come meanwhile

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            if asker is not None:
                self._limits.uploaded(asker, size - announced)


def _free(folder: Path) -> int:
    """Bytes that are free where a folder lies, or will lie."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(there).free
