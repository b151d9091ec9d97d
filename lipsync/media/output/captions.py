"""Captions: lines of text with times, and the SubRip file that holds them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from lipsync.errors import MediaError

CaptionStyle = Literal["none", "file", "track", "burnt"]
CAPTION_STYLES: tuple[CaptionStyle, ...] = get_args(CaptionStyle)


@dataclass(frozen=True)
class Caption:
    """What stands under the picture for a while: one or two lines."""

    start: float  # seconds of the video
    end: float
    lines: tuple[str, ...]


def caption_file(video: Path) -> Path:
    """Where the captions of a video are: beside it, under its name."""
    return video.with_suffix(".srt")


def write_srt(captions: Iterable[Caption], path: Path) -> None:
    """Write captions as a SubRip file, UTF-8.

    Raises:
        MediaError: the file cannot be written; nothing is left of it.
    """
    blocks = (
        f"{number}\n{_clock(caption.start)} --> {_clock(caption.end)}\n{chr(10).join(caption.lines)}\n"
        for number, caption in enumerate(captions, 1)
    )
    text, part = "\n".join(blocks), path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as problem:
        part.unlink(missing_ok=True)
        raise MediaError("writer.cannot_write", name=path.name, problem=problem.strerror) from problem


def _clock(seconds: float) -> str:
    """Hours, minutes, seconds and, after a comma, milliseconds."""
    whole, milliseconds = divmod(round(1000 * seconds), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02},{milliseconds:03}"
