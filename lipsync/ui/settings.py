"""Settings of the portal from the environment: its address and its limits."""

from __future__ import annotations

import math
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from lipsync.errors import ConfigError

LOOPBACK = ("127.0.0.1", "::1", "localhost")
UNITS = ("b", "kb", "mb", "gb", "tb")
_SIZE = re.compile(rf"\d+ ?(?:{'|'.join(UNITS)})", re.ASCII | re.IGNORECASE)
_HOST_SOURCE = re.compile(r"https?://(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::\d{1,5})?", re.IGNORECASE)
SPACE_PAGES = "'self' https://huggingface.co https://*.hf.space"


@dataclass(frozen=True)
class Settings:
    """Settings of a portal.

    Attributes:
        host, port: where it listens.
        max_seconds: longest result that Generate accepts.
        max_upload: largest upload, as ``500mb``.
        max_job: seconds that one job may take before it is stopped.
        visitor_jobs: jobs that one visitor may have waiting or running.
        visitor_disk: bytes that the results, uploads and sets of one visitor may take.
        mcp: whether assistants are served too, by the model context protocol.
        space: whether this is a Hugging Face Space.
        frame_ancestors: whose pages may embed the portal, as in a Content-Security-Policy.
        forwarded: whether a proxy or Gradio's tunnel, which serve others, bring requests from this machine.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    max_seconds: float = 600.0
    max_upload: str = "500mb"
    max_job: float = 3600.0
    visitor_jobs: int = 3
    visitor_disk: int = 5 * 1024**3
    mcp: bool = False
    space: bool = False
    frame_ancestors: str = "'self'"
    forwarded: bool = False

    @property
    def private(self) -> bool:
        """Whether it serves this machine alone."""
        return not (self.space or self.forwarded) and self.host in LOOPBACK

    @property
    def server_name(self) -> str:
        """Where it listens, as Gradio takes it: IPv6 in brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def here(self) -> str | None:
        """Its address in a browser on this machine; None on a Space, and where it listens elsewhere alone."""
        name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.server_name)
        own = not self.space and (self.host in LOOPBACK or name != self.server_name)
        return f"http://{name}:{self.port}" if own else None

    @property
    def framed(self) -> bool:
        """Whether pages of other sites may embed it, which then takes HTTPS."""
        return "://" in self.frame_ancestors


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings that the environment asks for; empty is not set.

    HOST, PORT, LIPSYNC_MAX_SECONDS, LIPSYNC_MAX_UPLOAD, LIPSYNC_MAX_JOB, LIPSYNC_VISITOR_JOBS,
    LIPSYNC_VISITOR_DISK, LIPSYNC_MCP, LIPSYNC_FRAME_ANCESTORS, LIPSYNC_PROXIES and GRADIO_SHARE. A Space,
    which says SPACE_ID, listens to everybody: its pages are served by a machine in front, inside a page of
    the Hub.

    Raises:
        ConfigError: a value is not possible, or nothing can listen at that place.
    """
    given = {name: value.strip() for name, value in environment.items() if value.strip()}
    settings = Settings()
    space = "SPACE_ID" in given
    settings = Settings(
        host=given.get("HOST", "0.0.0.0" if space else settings.host),
        port=_port(given.get("PORT", str(settings.port))),
        max_seconds=_seconds(given, "LIPSYNC_MAX_SECONDS", settings.max_seconds),
        max_upload=_size(given, "LIPSYNC_MAX_UPLOAD", settings.max_upload),
        max_job=_seconds(given, "LIPSYNC_MAX_JOB", settings.max_job),
        visitor_jobs=_count(given, "LIPSYNC_VISITOR_JOBS", settings.visitor_jobs),
        visitor_disk=_bytes(_size(given, "LIPSYNC_VISITOR_DISK", f"{settings.visitor_disk}b")),
        mcp=_mcp(given.get("LIPSYNC_MCP", "0")),
        space=space,
        frame_ancestors=_frame_ancestors(
            given.get("LIPSYNC_FRAME_ANCESTORS", SPACE_PAGES if space else settings.frame_ancestors)
        ),
        forwarded=given.get("LIPSYNC_PROXIES", "0") != "0" or given.get("GRADIO_SHARE", "").lower() == "true",
    )
    _check_place(settings.host, settings.port)
    return settings


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise ConfigError("portal.port", port=text)
    return int(text)


def _seconds(given: Mapping[str, str], name: str, otherwise: float) -> float:
    text = given.get(name, str(otherwise))
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (value > 0 and math.isfinite(value)):
        raise ConfigError("portal.seconds", name=name, value=text, usual=otherwise)
    return value


def _mcp(text: str) -> bool:
    if text not in ("0", "1"):
        raise ConfigError("portal.mcp_form", value=text)
    if text == "1" and find_spec("mcp") is None:
        raise ConfigError("portal.mcp_missing")
    return text == "1"


def _count(given: Mapping[str, str], name: str, otherwise: int) -> int:
    text = given.get(name, str(otherwise))
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ConfigError("portal.count_form", name=name, value=text, usual=otherwise)
    return int(text)


def _size(given: Mapping[str, str], name: str, otherwise: str) -> str:
    text = given.get(name, otherwise)
    if not _SIZE.fullmatch(text) or not int(re.sub(r"\D", "", text)):
        raise ConfigError("portal.size_form", name=name, value=text)
    return text


def _bytes(size: str) -> int:
    """Bytes of a size such as ``5gb``, counted as Gradio does."""
    number, unit = re.sub(r"\D", "", size), re.sub(r"[\d ]", "", size).lower()
    return int(number) * 1024 ** UNITS.index(unit)


def _frame_ancestors(text: str) -> str:
    """The sources, one space between them: 'self', 'none' alone, or addresses of sites."""
    sources = ["'self'" if word == "self" else "'none'" if word == "none" else word for word in text.split()]
    known = all(word == "'self'" or _HOST_SOURCE.fullmatch(word) for word in sources)
    if not known and sources != ["'none'"]:
        raise ConfigError("portal.frame_ancestors", value=text)
    return " ".join(sources)


def _check_place(host: str, port: int) -> None:
    """Bind for a moment: a name that is no address and a taken port are reported before anything loads."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except socket.gaierror as problem:
        raise ConfigError("portal.host_form", host=host) from problem
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise ConfigError("portal.cannot_listen", host=host, port=port, reason=reason) from problem
