"""The faces and recordings of a suite: from its own file, a folder, a manifest or a data set's test list."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eval.batch.held_out import next_of_another, person_of
from eval.batch.suites.published_lists import TEST_LISTS, ListedVideo
from eval.batch.suites.suite import ITEM_COLUMNS, Suite
from lipsync.assets import asset
from lipsync.checksum import file_sha256
from lipsync.data.face_speech_pairs import can_be_path, read_rows
from lipsync.data.preparation.sources import by_manifest, files
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
        split: of the ``manifest.csv`` in ``data`` (file, id, split, maybe language); empty: all videos.
        most: only the first so many; 0: all.
        out: folder of the results; None: nobody knows yet.
    """

    data: Path | None = None
    profile: str = ""
    list: Path | None = None
    split: str = ""
    most: int = 0
    out: Path | None = None


def suite_items(suite: Suite, source: ItemSource) -> list[SuiteItem]:
    """The items of a suite, each driven as the suite says.

    Raises:
        ConfigError: there are none, a suite of other people's speech has one person, or the results would lie
            among the videos.
    """
    if suite.items and source.data is not None:
        raise ConfigError("suite.has_items", suite=suite.name)
    items = _checked(_items(suite, source), suite)
    chosen = items[: source.most or None]
    if suite.speech != "other":
        return chosen
    # A manifest's sound is what the face is to say; that of a data set is what it says in its video.
    own = {item.item for item in items if not item.speaker and (source.profile or not item.audio)}
    people = {item.item: item.person for item in items}
    if own and len(set(people.values())) < 2:
        raise ConfigError("suite.one_person", suite=suite.name)
    by_name, other = {item.item: item for item in items}, next_of_another(people)
    return [_driven(item, by_name[other[item.item]]) if item.item in own else item for item in chosen]


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
        return _of_split(data / "manifest.csv", source.split)
    if data.is_file():
        return read_items(data)
    if source.out is not None and source.out.resolve().is_relative_to(data.resolve()):
        raise ConfigError("suite.out_in_data", out=source.out, data=data)
    return _of_folder(data)


def _of_folder(folder: Path) -> list[SuiteItem]:
    """Every video, named by its path; a person is a subfolder, or what stands before the first ``_``."""
    found = []
    for path in files(folder):
        inside = path.relative_to(folder).with_suffix("")
        person = inside.parts[0] if len(inside.parts) > 1 else person_of(inside.name)
        found.append(_own("-".join(inside.parts), path, person))
    return found


def _of_split(manifest: Path, split: str) -> list[SuiteItem]:
    """The videos of a split of a prepared folder."""
    found = [video for video in by_manifest(manifest.parent, manifest) if video.split == split]
    if not found:
        raise ConfigError("suite.no_split", manifest=manifest, split=split)
    return [_own(video.path.stem, video.path, video.identity, video.language) for video in found]


def _own(name: str, clip: Path, person: str, language: str = "") -> SuiteItem:
    return SuiteItem(name, clip, reference=clip, language=language, person=person)


def _listed(video: ListedVideo) -> SuiteItem:
    item = _own(video.name, video.path, video.person)
    sound = video.voice or video.sound
    return replace(item, audio=sound, speaker=video.voice, language=video.language)


def _item(path: Path, where: str, row: Mapping[str, str]) -> SuiteItem:
    """A row of a manifest, or of a suite's own file."""
    for name in ITEM_COLUMNS:
        if not isinstance(row.get(name, ""), str) or (name in ITEM_COLUMNS[:2] and not row.get(name)):
            raise ConfigError("suite.empty_cell", where=where, column=name)
    if row["item"] in (".", "..") or not FILE_NAME.fullmatch(row["item"]):
        raise ConfigError("suite.no_item_name", where=where, item=row["item"])
    for name in PATHS:
        if not can_be_path(row.get(name, "")):
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
    speaker = by.speaker or by.reference
    return replace(item, audio=by.audio or by.face, speaker=speaker, language=by.language)


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
    return list(found.values())
