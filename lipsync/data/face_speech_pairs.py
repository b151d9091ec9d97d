"""Which face goes with which speech, where there are many: all combinations, or what a CSV says."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lipsync.errors import ConfigError

PAIR = ("face", "audio")  # columns of the CSV of a batch; ``item`` may be there too
MANIFEST = ("item", "face", "audio")  # of a manifest; ``reference`` may be there too
LONGEST_NAME = 255  # bytes, which file systems take
DELIMITERS = ",;\t"  # between the columns: spreadsheets write what their country uses


@dataclass(frozen=True)
class FaceSpeechPair:
    """A face and the speech that it is to follow.

    Attributes:
        item: what to call them together; no two pairs of a list have the same.
        audio: None: the face video's own sound.
        reference: the real video of this face with this speech, which a result can be compared with.
    """

    item: str
    face: Path
    audio: Path | None
    reference: Path | None = None

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The files that a video of it is made of."""
        return (self.face,) if self.audio is None else (self.face, self.audio)

    @property
    def files(self) -> tuple[Path, ...]:
        """All that it names."""
        return self.inputs if self.reference is None else (*self.inputs, self.reference)


def combined(faces: Sequence[Path], speeches: Sequence[Path]) -> list[FaceSpeechPair]:
    """Every face with every speech."""
    return _numbered(_pair("", face, audio) for face in faces for audio in speeches)


def read_pairs(path: Path, find: Callable[[str], Path | None]) -> list[FaceSpeechPair]:
    """The pairs that a CSV lists, one a line, with the columns ``face``, ``audio`` and, if wanted, ``item``.

    Args:
        path: the CSV, in UTF-8.
        find: gives the file of a name in it, None where there is none.

    Raises:
        ConfigError: it cannot be read, lacks a column, lists nothing, or names a file that is not there.
    """
    return _numbered(_row(path, number, row, find) for number, row in read_rows(path, PAIR))


def read_manifest(path: Path) -> list[FaceSpeechPair]:
    """The pairs that a manifest lists, one a line, with the columns ``item``, ``face``, ``audio`` and, if
    wanted, ``reference``.

    Paths are relative to its folder; whether there is a file is seen when its turn comes. An empty ``audio``
    stands for the video's own sound.

    Raises:
        ConfigError: it cannot be read, lacks a column, lists nothing, or a line has no item or no face.
    """
    found = []
    for number, row in read_rows(path, MANIFEST, filled=("item", "face")):
        face, audio, reference = files_of_row(path, number, row, ("face", "audio", "reference"))
        assert face is not None
        found.append(FaceSpeechPair(row["item"], face, audio, reference))
    return found


def files_of_row(
    path: Path, number: int, row: Mapping[str, str], columns: Sequence[str]
) -> tuple[Path | None, ...]:
    """The files that a line of a CSV names, relative to its folder; None where a cell is empty.

    Raises:
        ConfigError: no file can have such a name.
    """
    for column in columns:
        if not can_be_path(row.get(column, "")):
            raise ConfigError("pairs.no_file_name", path=path.name, number=number, column=column)
    return tuple(path.parent / row[column] if row.get(column) else None for column in columns)


def can_be_path(text: str) -> bool:
    """Whether a file can have that path."""
    return "\0" not in text and all(len(os.fsencode(part)) <= LONGEST_NAME for part in Path(text).parts)


def read_rows(
    path: Path, wanted: Sequence[str], filled: Sequence[str] = ()
) -> list[tuple[int, dict[str, str]]]:
    """The lines of a CSV below its first, each with its number, cells by column; empty lines are passed over.

    Args:
        path: the CSV, in UTF-8 with or without a byte order mark; commas, semicolons or tabs between cells.
        wanted: columns that it must have.
        filled: columns in which every line must have something.

    Raises:
        ConfigError: it cannot be read, lacks a column that is wanted, or has no line.
    """
    if not path.is_file():
        raise ConfigError("media.missing", path=path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            reader = csv.DictReader(file, delimiter=max(DELIMITERS, key=first.count))
            columns = [str(name).strip() for name in reader.fieldnames or ()]
            lines = [
                (reader.line_num, [(line.get(name) or "").strip() for name in reader.fieldnames or ()])
                for line in reader
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise ConfigError("pairs.not_csv", path=path.name) from problem
    lacking = next((name for name in wanted if name not in columns), None)
    if lacking is not None:
        raise ConfigError("pairs.no_column", path=path.name, column=lacking, columns=", ".join(wanted))
    rows = [(number, dict(zip(columns, cells, strict=True))) for number, cells in lines if any(cells)]
    if not rows:
        raise ConfigError("pairs.no_rows", path=path.name)
    for number, row in rows:
        for column in filled:
            if not row[column]:
                raise ConfigError("pairs.empty_cell", path=path.name, number=number, column=column)
    return rows


def _row(
    path: Path, number: int, row: Mapping[str, str], find: Callable[[str], Path | None]
) -> FaceSpeechPair:
    """The pair of a line."""

    def found(name: str) -> Path:
        file = find(name)
        if file is None:
            raise ConfigError("pairs.no_file", path=path.name, number=number, name=name)
        return file

    return _pair(row.get("item", ""), found(row["face"]), found(row["audio"]) if row["audio"] else None)


def _pair(item: str, face: Path, audio: Path | None) -> FaceSpeechPair:
    return FaceSpeechPair(item or face.stem + (f" + {audio.stem}" if audio is not None else ""), face, audio)


def _numbered(pairs: Iterable[FaceSpeechPair]) -> list[FaceSpeechPair]:
    """The pairs, with a number behind each item that was there before."""
    found: dict[str, FaceSpeechPair] = {}
    for pair in pairs:
        name, number = pair.item, 1
        while name in found:
            number += 1
            name = f"{pair.item} {number}"
        found[name] = replace(pair, item=name)
    return list(found.values())
