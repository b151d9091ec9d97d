"""What each video gave, kept on disk, so that preparing goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lipsync.data.preparation.limits import Limits
from lipsync.data.preparation.sources import Video


def write(out: Path, video: Video, record: dict[str, Any]) -> None:
    """Keep the record of a video; it appears whole or not at all."""
    path = _path(out, video)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(record, indent=1), encoding="utf-8")
    partial.replace(path)


def stamp(video: Video, limits: Limits) -> dict[str, Any]:
    """What a record must agree with to stand for this video."""
    found: dict[str, Any] = {"source": video.name, **_state(video.path), "limits": asdict(limits)}
    if video.sound is not None:
        found["sound"] = _state(video.sound)
    return found


def read(out: Path, video: Video, limits: Limits) -> dict[str, Any] | None:
    """The record of a video, None where it must be cut: changed, cut with other limits, or a clip is lost."""
    try:
        record = json.loads(_path(out, video).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    wanted = stamp(video, limits)
    whole = all((out / f"{row['clip']}.mp4").is_file() for row in record.get("clips", []))
    return record if whole and {key: record.get(key) for key in wanted} == wanted else None


def slug(name: str) -> str:
    """A file name that distinguishes two sources, also ``a.mp4`` and ``a.mov``."""
    stem = "".join(c if c.isalnum() or c in "-_" else "-" for c in name.rpartition(".")[0] or name)
    return f"{stem[-60:]}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _path(out: Path, video: Video) -> Path:
    return out / "records" / f"{slug(video.name)}.json"


def _state(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {"size": None, "changed": None}
    status = path.stat()
    return {"size": status.st_size, "changed": status.st_mtime_ns}
