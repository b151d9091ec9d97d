"""The videos that a data set is made of, and who is in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lipsync.errors import ConfigError


@dataclass(frozen=True)
class Video:
    """One source."""

    path: Path
    name: str  # relative to the folder of videos, with forward slashes
    identity: str
    split: str = ""  # "" leaves the choice to the seed
    sound: Path | None = None  # where the sound is a file of its own
    recording: str = ""  # videos cut from one recording share the offset of its sound; "": alone
    language: str = ""  # spoken; "" where nothing says so

    @property
    def group(self) -> str:
        """What its offset is found together with."""
        return self.recording or self.name


def files(folder: Path) -> list[Path]:
    """All videos under a folder, sorted.

    Raises:
        ConfigError: there is no such folder, or no video in it.
    """
    from lipsync.media.source import VIDEO_SUFFIXES  # loads PyAV

    if not folder.is_dir():
        raise ConfigError("data.no_folder", folder=folder)
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in VIDEO_SUFFIXES and p.is_file())
    if not paths:
        raise ConfigError("data.no_video_in", folder=folder, endings=", ".join(sorted(VIDEO_SUFFIXES)))
    return paths


def by_folder(folder: Path) -> list[Video]:
    """A person is a subfolder, or, until faces are compared (``people``), a file that lies in none.

    Raises:
        ConfigError: there is no such folder, or no video in it.
    """
    videos = []
    for path in files(folder):
        inside = path.relative_to(folder)
        identity = inside.parent.as_posix() if len(inside.parts) > 1 else path.stem
        videos.append(Video(path, inside.as_posix(), identity))
    return videos


def by_manifest(folder: Path, manifest: Path) -> list[Video]:
    """The rows of a CSV with ``file`` (relative to the folder), ``id``, maybe ``split`` and ``language``.

    Raises:
        ConfigError: it cannot be used.
    """
    import pandas as pd  # half a second

    try:
        rows = pd.read_csv(manifest, dtype=str, keep_default_na=False)
    except FileNotFoundError as problem:
        raise ConfigError("data.no_manifest", folder=manifest.parent, name=manifest.name) from problem
    except (OSError, ValueError) as problem:
        raise ConfigError("data.manifest_unreadable", manifest=manifest, problem=problem) from problem
    for column in ("file", "id"):
        if column not in rows:
            raise ConfigError("data.manifest_column", manifest=manifest, column=column)
    if rows.empty or rows["file"].duplicated().any():
        raise ConfigError("data.manifest_rows", manifest=manifest)
    splits, languages = (rows[name] if name in rows else [""] * len(rows) for name in ("split", "language"))
    return [
        Video(folder / file, file, identity, split, language=language)
        for file, identity, split, language in zip(rows["file"], rows["id"], splits, languages, strict=True)
    ]
