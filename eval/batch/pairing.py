"""Which reference belongs to which generated video, found by the names of the files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from eval.batch.batch_manifest import ManifestRow
from lipsync.errors import ConfigError
from lipsync.media.source import VIDEO_SUFFIXES


def rows_by_name(
    generated: Sequence[Path], references: Sequence[Path], image: Path | None = None
) -> list[ManifestRow]:
    """A row for every generated video, with the reference whose name has most in common with it.

    Names are cut into words at everything that is no letter or digit. One reference alone serves
    all. The words that the names do not share are the method; the reference's name is the item.

    Args:
        generated, references: files; with several references those without a word in common with
            any are left out.
        image: one picture of the person, for all.
    """
    rows: list[ManifestRow] = []
    for path in generated:
        reference = _nearest(path, references)
        item = path.stem if reference is None else reference.stem
        shared = set() if reference is None else set(_words(reference))
        method = "-".join(word for word in _words(path) if word not in shared) or path.stem
        rows.append(ManifestRow(item, method, path, reference, image))
    return rows


def videos_of_items(folder: Path, items: Sequence[str], method: str) -> Mapping[str, Path]:
    """The videos that a method's folder has of some items; one without a video is left out.

    ``ITEM.mp4`` is taken, else ``ITEM/METHOD.mp4``, else the one file whose name holds all words of the item
    (as ``Wav2Lip_id003_clip05.mp4`` those of ``id003``) and whose name is no other item's.

    Raises:
        ConfigError: there is no such folder.
    """
    if not folder.is_dir():
        raise ConfigError("folder.missing", folder=folder)
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)
    by_name: dict[str, Path] = {}
    by_word: dict[str, set[Path]] = {}
    for path in paths:
        by_name.setdefault(path.relative_to(folder).with_suffix("").as_posix(), path)
        for word in _words(path):
            by_word.setdefault(word, set()).add(path)
    found = {}
    for item in items:
        exact = by_name.get(item) or by_name.get(f"{item}/{method}")
        if exact is not None:
            found[item] = exact
    left = set(paths) - set(found.values())
    for item in items:
        words = _words(Path(f"{item}.mp4"))
        if item not in found and words:
            named = set.intersection(*(by_word.get(word, set()) for word in words)) & left
            if len(named) == 1:
                found[item] = named.pop()
    return found


def _nearest(path: Path, references: Sequence[Path]) -> Path | None:
    if len(references) < 2:
        return references[0] if references else None
    mine = set(_words(path))
    common = {reference: len(mine & set(_words(reference))) for reference in references}
    best = max(references, key=lambda reference: (common[reference], -len(_words(reference))))
    return best if common[best] else None


def _words(path: Path) -> list[str]:
    return [word for word in re.split(r"[^0-9A-Za-z\u4e00-\u9fff]+", path.stem) if word]


def renamed(rows: list[ManifestRow], named: list[list[str]]) -> list[ManifestRow]:
    """The rows with the clips and methods that a person wrote into their table.

    Raises:
        ConfigError: a name is empty, or two rows are the same.
    """
    if len(named) == len(rows):
        rows = [
            replace(row, item=str(item).strip(), method=str(method).strip())
            for row, (item, method, *_) in zip(rows, named, strict=True)
        ]
    if not all(row.item and row.method for row in rows):
        raise ConfigError("pairing.empty_cell")
    pairs = [(row.item, row.method) for row in rows]
    double = next((pair for pair in pairs if pairs.count(pair) > 1), None)
    if double:
        raise ConfigError("pairing.two_videos", item=double[0], method=double[1])
    return rows
