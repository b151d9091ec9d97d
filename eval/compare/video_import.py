"""Imports uploaded files, a folder or a manifest as videos of items and methods."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.batch.batch_manifest import ManifestRow, read_manifest
from eval.batch.pairing import rows_by_name
from eval.compare.names import REFERENCE
from lipsync.errors import ConfigError
from lipsync.media.source import VIDEO_SUFFIXES
from lipsync.methods import METHODS

# Words in a file name that say "this is the real video".
REAL = frozenset({"reference", "ref", "gt", "groundtruth", "real", "original", "target"})
JUNK = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
BESIDE = frozenset({".json", ".srt"})  # what `lipsync generate` writes beside a video


@dataclass(frozen=True)
class Entry:
    """A video that is to be added to a set.

    Attributes:
        item: which face and speech.
        method: who made it; ``reference`` for the real video.
        path: the file.
        name: what the file is called in sentences, where its own name says nothing.
        move: the file may be moved instead of copied.
        original: the file that ``path`` was made from for browsers, where it was.
        sha256: of such a file, where only that is known.
    """

    item: str
    method: str
    path: Path
    name: str = ""
    move: bool = False
    original: Path | None = None
    sha256: str | None = None


def entries_of_files(
    generated: Sequence[Path], references: Sequence[Path] = (), item: str = ""
) -> tuple[Entry, ...]:
    """Videos paired by name as `eval.batch.pairing` does it, for the user to correct.

    Without ``references`` they are looked for among the files: one whose name holds a word such as
    "reference", "gt" or "real", or else one whose name is a part of the others' names, as ``id076.mp4``
    beside ``Wav2Lip_id076.mp4``. Without any all files are one item, and what their names do not share
    is the method.

    Args:
        item: what to call the item where there is no reference.
    """
    generated = list(generated)
    if not references:
        references = _references(generated)
        generated = [path for path in generated if path not in references]
    if references:
        return entries_of_rows(
            [row for row in rows_by_name(generated, references) if row.reference is not None],
            {path: _plain_name(path) for path in references},
        ) + tuple(
            Entry(_plain_name(path), REFERENCE, path)
            for path in references
            if not any(row.reference == path for row in rows_by_name(generated, references))
        )
    shared = set.intersection(*(_words(path, False) for path in generated)) if len(generated) > 1 else set()
    rows = []
    for path in generated:
        own = [word for word in _split(path) if word not in shared]
        rows.append(
            Entry(item or "-".join(_split_shared(path, shared)) or "1", "-".join(own) or path.stem, path)
        )
    return tuple(rows)


def _references(paths: Sequence[Path]) -> list[Path]:
    """The real videos among files, as their names tell; none where they do not."""
    words = {path: _words(path) for path in paths}
    named = [path for path in paths if words[path] & REAL and len(paths) > 1]
    # Of "a_reference" and "a_multi-reference" beside "a_other" only the first is one.
    plain = [p for p in named if any(words[p] - REAL <= words[q] for q in paths if q not in named)]
    if named:
        return plain or named
    known = {word for name in METHODS for word in _words(Path(name))}
    bare = [
        path for path in paths
        if not words[path] & known
        and any(words[path] < other for other in words.values())
        and not any(other < words[path] for other in words.values())
    ]  # fmt: skip
    served = all(path in bare or any(words[real] < words[path] for real in bare) for path in paths)
    return bare if served else []


def entries_of_rows(rows: Sequence[ManifestRow], items: dict[Path, str] | None = None) -> tuple[Entry, ...]:
    """The videos of rows to score, each reference once per item.

    Args:
        items: what the items of these references are called, where not as in the rows.
    """
    entries: dict[tuple[str, str], Entry] = {}
    for row in rows:
        name = (items or {}).get(row.reference, row.item) if row.reference else row.item
        if row.reference is not None:
            entries.setdefault((name, REFERENCE), Entry(name, REFERENCE, row.reference))
            if entries[name, REFERENCE].path != row.reference:
                raise ConfigError("sets.two_references", item=name)
        if (name, row.method) in entries:
            raise ConfigError("sets.two_videos", item=name, method=row.method)
        entries[name, row.method] = Entry(name, row.method, row.generated)
    return tuple(entries.values())


def entries_of_manifest(path: Path) -> tuple[Entry, ...]:
    """The videos of a manifest as `eval.batch.batch_manifest` reads it.

    Raises:
        ConfigError: it cannot be read, lacks a column or names something twice.
    """
    return entries_of_rows(read_manifest(path))


def entries_of_folder(folder: Path) -> tuple[Entry, ...]:
    """The videos of a folder with one folder per item: ``item/method.mp4``.

    Raises:
        ConfigError: there is none, or a file is named otherwise.
    """
    if not folder.is_dir():
        raise ConfigError("folder.missing", folder=folder)
    names = [
        path.relative_to(folder).as_posix()
        for path in sorted(folder.rglob("*"))
        if not path.is_dir() and not is_junk(path.relative_to(folder).as_posix())
    ]
    if not names:
        raise ConfigError("archive.no_video", name=folder.name)
    return tuple(Entry(*item_and_method(name, folder.name), folder / name, name) for name in names)


def item_and_method(name: str, where: str) -> tuple[str, str]:
    """Item and method of a file called ``item/method.mp4``.

    Args:
        where: the archive or folder, for the sentence.

    Raises:
        ConfigError: it is called otherwise.
    """
    parts = name.split("/")
    stem, dot, suffix = parts[-1].rpartition(".")
    if (
        len(parts) != 2
        or not parts[0].strip()
        or not stem.strip()
        or f"{dot}{suffix}".lower() not in VIDEO_SUFFIXES
    ):
        raise ConfigError("archive.only_videos", where=where, name=name)
    return parts[0], REFERENCE if stem.lower() == REFERENCE else stem


def is_junk(name: str) -> bool:
    """Whether a file of a folder or archive is passed over: an operating system left it there
    (``.DS_Store`` and the like), or it describes the video that it lies beside (``item/method.json``).
    """
    parts = name.split("/")
    left = parts[0] == "__MACOSX" or parts[-1].lower() in JUNK or parts[-1].startswith("._")
    return left or (len(parts) > 1 and Path(name).suffix.lower() in BESIDE)


def _split(path: Path) -> list[str]:
    return [word for word in re.split(r"[^0-9A-Za-z\u4e00-\u9fff]+", path.stem) if word]


def _words(path: Path, lower: bool = True) -> set[str]:
    return {word.lower() if lower else word for word in _split(path)}


def _split_shared(path: Path, shared: set[str]) -> list[str]:
    return [word for word in _split(path) if word in shared]


def _plain_name(path: Path) -> str:
    """A reference's name without the word that says it is one."""
    return "-".join(word for word in _split(path) if word.lower() not in REAL) or path.stem
