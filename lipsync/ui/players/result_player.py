"""A result and what it was made from, to look at alone or side by side."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from lipsync.errors import LipSyncError
from lipsync.media import probe
from lipsync.ui import markup
from lipsync.ui.generate_queue import Job
from lipsync.ui.languages import by_language

VIEWS = ("result", "input", "both")


def result_payload(job: Job, view: str, autoplay: bool = False) -> dict[str, Any]:
    """What the locked players show of a finished job, ``view`` of `VIEWS`; a GIF is shown elsewhere."""
    result, source = job.result, job.source
    if result is None or source is None:
        return {}
    clips = [_input(source)] if view in ("input", "both") else []
    if view in ("result", "both") and result.path.suffix != ".gif":
        clips.append(_clip("result.video", result.path))
    with_sound = [number for number, clip in enumerate(clips) if clip.get("sound")]
    return {
        "key": secrets.token_hex(6),
        "place": job.id,
        "blind": False,
        "plain": True,
        "autoplay": autoplay,
        "sound": with_sound[-1] if with_sound else -1,
        "fps": result.fps,
        "duration": result.duration,
        "difference": False,
        "clips": clips,
    }


def _input(source: Path) -> dict[str, Any]:
    try:
        return _clip("result.input", source)
    except (LipSyncError, OSError):  # it was removed since
        gone = {"src": None, "error": by_language("player.broken"), "duration": 0.0, "width": 1, "height": 1}
        return {"titles": by_language("result.input"), "letter": "", "real": False, **gone}


def _clip(title: str, path: Path) -> dict[str, Any]:
    info, address = probe(path), markup.address(path)
    photo = info.kind == "photo"
    return {
        "titles": by_language(title),
        "letter": "",
        "real": False,
        "src": None if photo else address,
        "picture": address if photo else None,
        "error": None,
        "bytes": path.stat().st_size,
        "duration": info.duration,
        "fps": info.output_fps,
        "width": info.width,
        "height": info.height,
        "sound": info.has_audio,
    }
