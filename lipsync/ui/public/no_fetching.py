"""A portal that serves others takes uploads alone: it fetches no file from an address that a visitor names.

Gradio would, into memory and then to the disk, whatever its size.
"""

from __future__ import annotations

from typing import NoReturn

import gradio as gr
from gradio import processing_utils

from lipsync.texts import Message


async def _refuse(url: str, cache_dir: str) -> NoReturn:
    message = Message("upload.address")
    raise gr.Error(message, title=message.text("zh"), print_exception=False)


def fetch_nothing() -> None:
    """From now on an address in place of an uploaded file is refused with a sentence."""
    processing_utils.async_ssrf_protected_download = _refuse
