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
_SIZE = re.compile(r"\d+ ?(?:b|kb|mb|gb|tb)", re.IGNORECASE)


@dataclass(frozen=True)
class Settings:
    """Settings of a portal.

    Attributes:
        host, port: where it listens.
        max_seconds: longest result that Generate accepts.
        max_upload: largest upload, as ``500mb``.
        max_job: seconds that one job may take before it is stopped.
        mcp: whether assistants are served too, by the model context protocol.
        space: whether this is a Hugging Face Space.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    max_seconds: float = 600.0
    max_upload: str = "500mb"
    max_job: float = 3600.0
    mcp: bool = False
    space: bool = False

    @property
    def private(self) -> bool:
        """Whether it listens to this machine alone."""
        return not self.space and self.host in LOOPBACK


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings that the environment asks for; empty is not set.

    HOST, PORT, LIPSYNC_MAX_SECONDS, LIPSYNC_MAX_UPLOAD, LIPSYNC_MAX_JOB and LIPSYNC_MCP. A Space, which
    says SPACE_ID, listens to everybody: its pages are served by a machine in front.

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
        max_upload=_size(given.get("LIPSYNC_MAX_UPLOAD", settings.max_upload)),
        max_job=_seconds(given, "LIPSYNC_MAX_JOB", settings.max_job),
        mcp=_mcp(given.get("LIPSYNC_MCP", "0")),
        space=space,
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


def _size(text: str) -> str:
    if not _SIZE.fullmatch(text) or not int(re.sub(r"\D", "", text)):
        raise ConfigError("portal.upload_form", value=text)
    return text


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
