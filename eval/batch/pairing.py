"""Which reference belongs to which generated video, found by the names of the files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from eval.batch.batch_manifest import ManifestRow
from lipsync.errors import ConfigError


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
