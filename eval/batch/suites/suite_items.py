"""The faces and recordings of a suite: from its own file, a folder, a manifest or a data set's test list."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from eval.batch.batch_manifest import LONGEST
from eval.batch.held_out import another, person_of
from eval.batch.suites.published_lists import TEST_LISTS, ListedVideo
from eval.batch.suites.suite import ITEM_COLUMNS, Suite
from lipsync.assets import asset
from lipsync.checksum import file_sha256
from lipsync.data.face_speech_pairs import read_rows
from lipsync.data.preparation.sources import files
from lipsync.errors import ConfigError
from lipsync.registry import unknown

PATHS = ("face", "audio", "reference", "speaker")
FILE_NAME = re.compile(r"[^/\\\0-\x1f]{1,100}")  # of an item: its results lie in a folder of its name
BUNDLED = "examples:"  # before a path: it lies in the examples that ship


@dataclass(frozen=True)
class SuiteItem:
    """One face, and what it says.

    Attributes:
        item: name of its folder among the results.
        face: video or photo.
        audio: speech; None: the sound of ``face``.
        reference: the real video of this speech; None where there is none.
        speaker: the video of who says ``audio``, where it is another person.
        language: of the speech, such as ``en``; empty where nothing says so.
        person: who is in ``face``; another person's speech comes from another one.
    """

    item: str
    face: Path
    audio: Path | None = None
    reference: Path | None = None
    speaker: Path | None = None
    language: str = ""
    person: str = ""


@dataclass(frozen=True)
class ItemSource:
    """Where the user's items come from.

    Attributes:
        data: a folder of videos, or a manifest.
        profile: of ``TEST_LISTS``, the data set that ``data`` is; empty: none.
        list: file to be read instead of the data set's own test list.
        split: of the ``manifest.csv`` in ``data``, see `_of_split`; empty: all videos.
        most: only the first so many; 0: all.
    """

    data: Path | None = None
    profile: str = ""
    list: Path | None = None
    split: str = ""
    most: int = 0


def suite_items(suite: Suite, source: ItemSource) -> list[SuiteItem]:
    """The items of a suite, each driven as the suite says.

    Raises:
        ConfigError: there are none, or a suite of other people's speech has one person.
    """
    if suite.items and source.data is not None:
        raise ConfigError("suite.has_items", suite=suite.name)
    items = _checked(_items(suite, source), suite)
    chosen = items[: source.most or None]
    if suite.speech != "other":
        return chosen
    people = {item.item: item.person for item in items}
    by_name = {item.item: item for item in items}
    return [item if item.audio else _driven(item, by_name[another(item.item, people)]) for item in chosen]


def data_sha256(items: Sequence[SuiteItem]) -> str:
    """Of the names and contents of all files: two reports with the same one are of the same data."""
    known: dict[Path, str] = {}
    whole = hashlib.sha256()
    for item in items:
        whole.update(item.item.encode())
        for name in PATHS:
            path = getattr(item, name)
            if path is not None and path not in known:
                known[path] = file_sha256(path) if path.is_file() else "missing"
            whole.update(f" {name} {known[path]}".encode() if path else b"")
    return whole.hexdigest()


def read_items(path: Path) -> list[SuiteItem]:
    """The rows of a manifest of faces and speech; paths in it are relative to its folder.

    Raises:
        ConfigError: it cannot be read, lacks a column or a value, or names an item twice.
    """
    rows = read_rows(path, ITEM_COLUMNS[:2])
    return [_item(path, f"{path.name}:{number}", row) for number, row in rows]


def _items(suite: Suite, source: ItemSource) -> list[SuiteItem]:
    if suite.items:
        known = [*ITEM_COLUMNS]
        for row in suite.items:
            for key in row:
                if key not in known:
                    raise ConfigError(
                        "suite.wrong", path=suite.path, problem=unknown("kind.suite_column", key, known)
                    )
        return [_item(suite.path, suite.path.name, row) for row in suite.items]
    data = source.data or (suite.path.parent / suite.data if suite.data else None)
    if data is None:
        raise ConfigError("suite.needs_data", suite=suite.name)
    if source.profile:
        if source.profile not in TEST_LISTS:
            raise ConfigError(unknown("kind.test_list", source.profile, TEST_LISTS))
        return [_listed(video) for video in TEST_LISTS[source.profile](data, source.list)]
    if source.list is not None:
        raise ConfigError("suite.list_needs_profile")
    if source.split:
        return _of_split(data, source.split)
    return read_items(data) if data.is_file() else _of_folder(data)


def _of_folder(folder: Path) -> list[SuiteItem]:
    """Every video, named by its path; a person is a subfolder, or what stands before the first ``_``."""
    found = []
    for path in files(folder):
        inside = path.relative_to(folder).with_suffix("")
        person = inside.parts[0] if len(inside.parts) > 1 else person_of(inside.name)
        found.append(_own("-".join(inside.parts), path, person))
    return found


def _of_split(folder: Path, split: str) -> list[SuiteItem]:
    """The clips of a split, each with its person and, where the manifest says so, its language."""
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        raise ConfigError("held_out.no_manifest", data=folder)
    return [
        _own(Path(row["file"]).stem, folder / row["file"], row["id"], row.get("language", ""))
        for _, row in read_rows(manifest, ("file", "id", "split"))
        if row["split"] == split
    ]


def _own(name: str, clip: Path, person: str, language: str = "") -> SuiteItem:
    return SuiteItem(name, clip, reference=clip, language=language, person=person)


def _listed(video: ListedVideo) -> SuiteItem:
    item = _own(video.name, video.path, video.person)
    sound = video.voice or video.sound
    values = {one.name: getattr(item, one.name) for one in fields(SuiteItem)}
    return SuiteItem(**{**values, "audio": sound, "speaker": video.voice, "language": video.language})


def _item(path: Path, where: str, row: Mapping[str, str]) -> SuiteItem:
    """A row of a manifest, or of a suite's own file."""
    for name in ITEM_COLUMNS:
        if not isinstance(row.get(name, ""), str) or (name in ITEM_COLUMNS[:2] and not row.get(name)):
            raise ConfigError("suite.empty_cell", where=where, column=name)
    if row["item"] in (".", "..") or not FILE_NAME.fullmatch(row["item"]):
        raise ConfigError("suite.no_item_name", where=where, item=row["item"])
    for name in PATHS:
        if any(len(os.fsencode(part)) > LONGEST or "\0" in part for part in Path(row.get(name, "")).parts):
            raise ConfigError("suite.no_file_name", where=where, column=name)
    face, audio, reference, speaker = (_place(path.parent, row.get(name, "")) for name in PATHS)
    assert face is not None
    if audio is None and reference is None:
        reference = face
    person = row.get("person") or person_of(row["item"])
    return SuiteItem(row["item"], face, audio, reference, speaker, row.get("language", ""), person)


def _place(folder: Path, text: str) -> Path | None:
    if text.startswith(BUNDLED):
        return asset("examples") / text.removeprefix(BUNDLED)
    return folder / text if text else None


def _driven(item: SuiteItem, by: SuiteItem) -> SuiteItem:
    """The item with the speech of another one; its own video stays the reference, whose mouth may shine
    through."""
    return SuiteItem(
        item.item, item.face, by.audio or by.face, item.reference, by.face, by.language, item.person
    )


def _checked(items: Iterable[SuiteItem], suite: Suite) -> list[SuiteItem]:
    """The items; one whose file is missing is listed with the failed ones later.

    Raises:
        ConfigError: two have one name, there is none, or no face of any is there.
    """
    found: dict[str, SuiteItem] = {}
    for item in items:
        if item.item in found:
            raise ConfigError("suite.two_items", item=item.item)
        for column in suite.columns:
            if not getattr(item, column):
                raise ConfigError("suite.needs_column", suite=suite.name, item=item.item, column=column)
        found[item.item] = item
    if not found:
        raise ConfigError("suite.no_item", suite=suite.name)
    if not any(item.face.is_file() for item in found.values()):
        raise ConfigError("suite.no_face", suite=suite.name, path=next(iter(found.values())).face)
    if suite.speech == "other" and not all(item.audio for item in found.values()):
        people = {item.person for item in found.values()}
        if len(people) < 2:
            raise ConfigError("suite.one_person", suite=suite.name)
    return list(found.values())
