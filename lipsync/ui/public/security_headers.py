"""Security headers of every answer: what a page may load, who may embed it, and that files stay files."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# What Gradio's page works with. Its settings are a script in the page, and events compile their JavaScript,
# hence both "unsafe" words; scripts, styles, fonts and media of other hosts are refused all the same.
PAGE = (
    "default-src 'self'; "
    "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "  # blob: is how the recorder starts its worklet
    "style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; "
    "media-src 'self' blob:; "
    "font-src 'self'; "
    "connect-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'"
)
# An upload or a result that is opened by itself may be shown or played, and nothing in it runs.
FILE = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"
API = "/gradio_api/"  # files and answers to scripts, never a page
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # addresses of studies hold their token
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()",
}


class SecurityHeaders:
    """Adds the headers to answers as they begin; bodies, streams and sockets pass untouched.

    Args:
        app: what answers.
        frame_ancestors: sources of the pages that may embed the portal, as in a Content-Security-Policy.
    """

    def __init__(self, app: ASGIApp, frame_ancestors: str) -> None:
        self._app = app
        self._embedding = f"frame-ancestors {frame_ancestors}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        usual = FILE if scope["path"].removeprefix(scope.get("root_path", "")).startswith(API) else PAGE

        async def begin(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                policy = headers.get("Content-Security-Policy", usual)  # a page's own is stricter
                headers["Content-Security-Policy"] = f"{policy}; {self._embedding}"
            await send(message)

        await self._app(scope, receive, begin)


def middleware(frame_ancestors: str) -> Middleware:
    """What ``launch(app_kwargs={"middleware": [...]})`` takes."""
    return Middleware(SecurityHeaders, frame_ancestors=frame_ancestors)
