"""Which reference belongs to which generated video, found by the names of the files."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
        shared = set() if reference is None else set(_words(reference.stem))
        method = "-".join(word for word in _words(path.stem) if word not in shared) or path.stem
        rows.append(ManifestRow(item, method, path, reference, image))
    return rows


def videos_of_items(folder: Path, items: Sequence[str], method: str) -> Mapping[str, Path]:
    """The videos that a method's folder has of some items; one without a video is left out.

    ``ITEM.mp4`` is taken (also ``A/B.mp4`` for an item ``A-B``), else ``ITEM/METHOD.mp4``, else the one file
    whose name holds all words of the item, as ``Wav2Lip_id003_clip05.mp4`` those of ``id003``. A file that
    could be that of several items belongs to the one with the most words; of two such, to none.

    Raises:
        ConfigError: there is no such folder.
    """
    if not folder.is_dir():
        raise ConfigError("folder.missing", folder=folder)
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)
    by_name: dict[str, Path] = {}
    for path in paths:
        by_name.setdefault(_composed(path.relative_to(folder).with_suffix("").as_posix()), path)
    by_name = {**{name.replace("/", "-"): path for name, path in by_name.items()}, **by_name}
    found = {}
    for item in items:
        exact = by_name.get(_composed(item)) or by_name.get(_composed(f"{item}/{method}"))
        if exact is not None:
            found[item] = exact
    claimed = _claimed(set(paths) - set(found.values()), items)
    return found | {
        item: claim[0] for item, claim in claimed.items() if item not in found and len(claim) == 1
    }


def _claimed(paths: Iterable[Path], items: Sequence[str]) -> Mapping[str, list[Path]]:
    """The files that can only be those of an item, by the words of their names."""
    words_of = {item: set(_words(item)) for item in items}
    count = Counter(word for words in words_of.values() for word in words)
    by_rarest: dict[str, list[str]] = {}
    for item, words in words_of.items():
        if words:
            by_rarest.setdefault(min(words, key=lambda word: count[word]), []).append(item)
    claimed: dict[str, list[Path]] = {}
    for path in paths:
        mine = set(_words(path.stem))
        fitting = [item for word in mine for item in by_rarest.get(word, ()) if words_of[item] <= mine]
        most = max((len(words_of[item]) for item in fitting), default=0)
        named = [item for item in fitting if len(words_of[item]) == most]
        if len(named) == 1:
            claimed.setdefault(named[0], []).append(path)
    return claimed


def _nearest(path: Path, references: Sequence[Path]) -> Path | None:
    if len(references) < 2:
        return references[0] if references else None
    mine = set(_words(path.stem))
    common = {reference: len(mine & set(_words(reference.stem))) for reference in references}
    best = max(references, key=lambda reference: (common[reference], -len(_words(reference.stem))))
    return best if common[best] else None


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", _composed(name)) if word]


def _composed(name: str) -> str:
    """The name as one system writes it, whichever wrote it: some keep a letter and its accent apart."""
    return unicodedata.normalize("NFC", name)


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
