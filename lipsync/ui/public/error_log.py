"""What goes wrong is logged without what people gave: where and which error, not its words.

The words of an exception quote names of uploaded files, paths and whole requests.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
from typing import Any

from lipsync.errors import MessageError


def without_words(error: BaseException) -> str:
    """The traceback of an error, and those of what led to it, with the kinds of the errors alone."""
    lines: list[str] = []
    visited: set[int] = set()
    while error is not None and id(error) not in visited:
        visited.add(id(error))
        places = traceback.StackSummary.extract(traceback.walk_tb(error.__traceback__), lookup_lines=False)
        where = [f'  File "{place.filename}", line {place.lineno}, in {place.name}' for place in places]
        lines = ["Traceback (most recent call last):", *where, _kind(error), *lines]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)  # type: ignore[assignment]
    return "\n".join(lines)


def _kind(error: BaseException) -> str:
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    if isinstance(error, MessageError) and re.fullmatch(r"[a-z0-9_.]+", error.message.key):
        return f"{name}: {error.message.key}"
    if isinstance(error, OSError) and error.strerror:
        return f"{name}: {error.strerror}"
    return name


def log_without_words() -> None:
    """From now on nothing that this process logs or prints about an error quotes what people gave."""
    usual = logging.getLogRecordFactory()

    def record_of(*args: Any, **more: Any) -> logging.LogRecord:
        record = usual(*args, **more)
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text = without_words(record.exc_info[1])  # formatters take it as it is
        return record

    def print_exc(limit: int | None = None, file: Any = None, chain: bool = True) -> None:
        error = sys.exc_info()[1]
        if error is not None:
            print(without_words(error), file=file or sys.stderr, flush=True)

    def of_thread(ended: Any) -> None:
        if ended.exc_value is not None and not issubclass(ended.exc_type, SystemExit):
            print(without_words(ended.exc_value), file=sys.stderr, flush=True)

    logging.setLogRecordFactory(record_of)
    traceback.print_exc = print_exc  # as Gradio reports what a handler raised
    threading.excepthook = of_thread
