"""What came of each row of a batch, in a JSON file of its own, so that a run can stop anywhere and go on."""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from lipsync.errors import Cancelled, ConfigError, LipSyncError, disk_is_full
from lipsync.texts import Message, messages_in, with_messages

log = logging.getLogger(__name__)

FileState = tuple[str, int, int]  # path, bytes, and when it was changed, ns


def file_state(path: Path) -> FileState | None:
    """What changes with a file, however long it is: contents are not read. None where there is no file."""
    try:
        facts = path.stat()
    except (OSError, ValueError):  # also where no file can have that name
        return None
    return str(path), facts.st_size, facts.st_mtime_ns


def fingerprint(parts: Iterable[object]) -> str:
    """16 hexadecimal digits that change with any of the parts."""
    return hashlib.sha256(json.dumps(list(parts), default=str).encode()).hexdigest()[:16]


def write_record(path: Path, values: dict[str, Any]) -> dict[str, Any]:
    """Keep what came of a row, ``error`` among it where it failed; gives it as a later run reads it.

    Raises:
        ConfigError: the place cannot be written to.
    """
    text = json.dumps({**values, "messages": messages_in(values)}, indent=1, ensure_ascii=False)
    write_text(path, text + "\n")
    return read_record(text)


def finished_record(path: Path, fingerprint: str) -> dict[str, Any] | None:
    """What an earlier run kept of a row with this fingerprint; None where it failed or there is none."""
    record = stored_record(path)
    if record is None or record.get("fingerprint") != fingerprint or "error" in record:
        return None
    return record


def stored_record(path: Path) -> dict[str, Any] | None:
    """What an earlier run kept of a row; None where that cannot be read."""
    try:
        record = read_record(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def reason_of_failure(problem: Exception, folder: Path) -> Message:
    """Why a row has no result, as its record says.

    Args:
        folder: of the whole batch.

    Raises:
        ConfigError: the disk is full, so that no other row will fare better.
        Cancelled: the person stopped the run.
    """
    if disk_is_full(problem):
        raise ConfigError("batch.disk_full", folder=folder) from problem
    if isinstance(problem, Cancelled):
        raise problem
    if isinstance(problem, LipSyncError):
        return problem.message
    # Which row it is, its result says: the log holds no names of files.
    log.error("a row failed", exc_info=problem)
    return Message("batch.unexpected", kind=type(problem).__name__, problem=problem)


def read_record(text: str) -> Any:
    """A stored record, the sentences in it as messages again."""
    record = json.loads(text)
    return with_messages(record, record.get("messages", {}) if isinstance(record, dict) else {})


def write_text(path: Path, text: str) -> None:
    """Write a file so that it is either the old one or all of the new one.

    Raises:
        ConfigError: the place cannot be written to.
    """
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file so that it is either the old one or all of the new one; several may try at once.

    Raises:
        ConfigError: the place cannot be written to.
    """
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(path)
    except OSError as problem:
        with suppress(OSError):
            part.unlink()
        raise unwritable(path, problem) from problem


def unwritable(path: Path, problem: OSError) -> ConfigError:
    """The sentence for a place that cannot be written to."""
    return ConfigError("file.cannot_write_choose", path=path, problem=problem.strerror)
