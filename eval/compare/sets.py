"""Comparison sets on disk: created, listed, opened and changed, safely from several processes at once."""

from __future__ import annotations

import logging
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from eval.compare.archive import Archive, unpacked, write_archive
from eval.compare.changes import Report, explained, taken_in, with_taken, write_changed
from eval.compare.clip import ComparisonClip
from eval.compare.index import CLIPS, INDEX, ComparisonSet, Item, read_index, write_index
from eval.compare.names import REFERENCE, checked
from eval.compare.video_import import Entry
from lipsync.assets import asset
from lipsync.errors import ConfigError, full_disk_reported

__all__ = ["REFERENCE", "ComparisonClip", "ComparisonSet", "Entry", "Item", "SetInfo", "Sets"]

log = logging.getLogger(__name__)
FOLDER = "compare"  # in the data folder
EXAMPLE = asset("examples") / "set"  # the folder of a set
LEFT_OVER = 24 * 3600.0  # s after which the workplace of a process that died is cleared


@dataclass(frozen=True)
class SetInfo:
    """One line of the list of sets; ``items`` and ``methods`` are counts, the rest is as in the set."""

    id: str
    title: str
    items: int
    methods: int
    modified: datetime
    maker: str = ""
    published: bool = False


class Sets:
    """The comparison sets of a data folder. Any number of processes may use one folder.

    Args:
        folder: the data folder, as `lipsync.data_folder.data_folder` gives it; the sets lie in its
            folder ``compare``, each in one of a random name.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve() / FOLDER
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.folder / ".lock")

    def list(self) -> tuple[SetInfo, ...]:
        """All sets, the one changed last first. A damaged one is left out and named in the log."""
        found = []
        for folder in self.folder.iterdir():
            if not _is_id(folder.name):
                continue
            try:
                set_ = read_index(folder)
            except ConfigError as problem:
                log.warning("%s", problem)
                continue
            found.append(
                SetInfo(
                    set_.id, set_.title, len(set_.items), len(set_.methods), set_.modified, set_.maker,
                    set_.published,
                )
            )  # fmt: skip
        return tuple(sorted(found, key=lambda summary: summary.modified, reverse=True))

    def open(self, id: str) -> ComparisonSet:
        """The set as it is now, with a sentence for every missing video.

        Raises:
            ConfigError: there is none of this id, or its index is damaged.
        """
        set_ = read_index(self._place(id))
        return replace(set_, items=tuple(explained(item, set_.methods) for item in set_.items))

    def find(self, name: str) -> ComparisonSet:
        """The set of an id or, where only one has it, a title.

        Raises:
            ConfigError: there is none, or there are several.
        """
        fitting = [summary.id for summary in self.list() if name in (summary.id, summary.title)]
        if len(fitting) > 1:
            raise ConfigError("sets.several_of_name", count=len(fitting), name=name)
        if not fitting:
            raise ConfigError("sets.missing", name=name)
        return self.open(fitting[0])

    def create(
        self, title: str, entries: Iterable[Entry] = (), report: Report | None = None, maker: str = ""
    ) -> str:
        """Create a set and return its id. An unreadable video is recorded as missing, with the reason.

        Args:
            title: what to call it; empty: after its items.
            entries: videos; there may be none yet.
            report: called with (videos done, videos in all, name) before each video and at the end; an
                exception from it stops all and leaves nothing.
            maker: whose set it is; empty: the portal's owner's.

        Raises:
            ConfigError: a name is not possible, or a video is there twice.
            MediaError: not one of the videos can be read.
        """
        entries = _checked(entries)
        title = checked(
            title.strip() or ", ".join(dict.fromkeys(e.item for e in entries))[:80] or "-", "title"
        )
        now = datetime.now(UTC)
        with self._workplace() as place:
            taken = taken_in(entries, place / CLIPS, report)
            empty = ComparisonSet(place.name, title, place, (), (), now, now, maker)
            write_index(with_taken(empty, taken, place))
            id = secrets.token_hex(8)
            place.rename(self.folder / id)
        return id

    def add(self, id: str, entries: Iterable[Entry], report: Report | None = None) -> None:
        """Add videos to a set; one of the same item and method replaces the old one.

        Raises:
            LipSyncError: as `create`, or there is no such set.
        """
        entries = _checked(entries)
        self._place(id)
        with self._workplace() as place:
            taken = taken_in(entries, place / CLIPS, report)
            with self._changing(id) as set_:
                moved = [file.rename(set_.folder / CLIPS / file.name) for file in (place / CLIPS).iterdir()]
                try:
                    write_changed(set_, with_taken(set_, taken, set_.folder))
                except ConfigError:  # the old index is still there, and names none of them
                    for file in moved:
                        file.unlink()
                    raise

    def record_failure(self, id: str, item: str, method: str, sentence: str) -> None:
        """Record why a method has no video of an item.

        Raises:
            ConfigError: there is no such set, or a name is not possible.
        """
        item, method = checked(item, "item"), checked(method, "method")
        with self._changing(id) as set_:
            write_changed(set_, with_taken(set_, [(item, method, sentence)], set_.folder))

    def rename(self, id: str, title: str) -> None:
        """Rename a set.

        Raises:
            ConfigError: there is no such set, or the title is not possible.
        """
        title = checked(title, "title")
        with self._changing(id) as set_:
            write_index(replace(set_, title=title))

    def publish(self, id: str, published: bool) -> None:
        """Show a set to every visitor of the portal, or no longer; when it was changed stays as it is.

        Raises:
            ConfigError: there is no such set.
        """
        with self._lock:
            write_index(replace(read_index(self._place(id)), published=published))

    def delete(self, id: str) -> None:
        """Remove a set with all its files.

        Raises:
            ConfigError: there is no such set.
        """
        gone = self.folder / f".gone-{secrets.token_hex(8)}"
        with self._lock:
            self._place(id).rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def export(self, id: str, zip_path: Path) -> Path:
        """Write a set as one zip that `bring` reads.

        Raises:
            ConfigError: there is no such set, or the file cannot be written.
        """
        write_archive(read_index(self._place(id)), zip_path)
        return zip_path

    def bring(self, zip_path: Path, title: str = "", report: Report | None = None, maker: str = "") -> str:
        """Create a set from a zip, of `export` or of videos named ``item/method.mp4``; returns its id.

        Raises:
            ConfigError: the zip is damaged, encrypted, too large, or holds what it may not.
            MediaError: not one of its videos can be read.
        """
        with self._workplace() as place, unpacked(zip_path, place) as archive:
            entries = tuple(_checked(archive.entries))
            return self._make(replace(archive, title=title or archive.title, entries=entries), report, maker)

    def copy(self, folder: Path, maker: str = "") -> str:
        """Create a set from a set's folder elsewhere, with its scores and curves; returns its id.

        Raises:
            ConfigError: there is no set in the folder, or it cannot be copied.
        """
        now = datetime.now(UTC)
        original = read_index(folder)
        with self._workplace() as place:
            try:
                shutil.copytree(folder, place, dirs_exist_ok=True)
            except (OSError, shutil.Error) as problem:
                raise ConfigError("sets.cannot_copy", title=original.title) from problem
            write_index(replace(read_index(place), created=now, modified=now, maker=maker, published=False))
            id = secrets.token_hex(8)
            place.rename(self.folder / id)
        return id

    def example(self, maker: str = "") -> str:
        """The id of the maker's copy of the bundled example, which is made where they have none."""
        title = read_index(EXAMPLE).title
        for known in self.list():
            if (known.title, known.maker) == (title, maker):
                return known.id
        return self.copy(EXAMPLE, maker)

    def add_zip(self, id: str, zip_path: Path, report: Report | None = None) -> None:
        """Put the videos of a zip into a set, as `add`.

        Raises:
            LipSyncError: as `bring` and `add`.
        """
        with self._workplace() as place, unpacked(zip_path, place) as archive:
            self.add(id, archive.entries, report)

    def _make(self, archive: Archive, report: Report | None, maker: str) -> str:
        title = checked(archive.title, "title")
        methods = tuple(checked(method, "method") for method in archive.methods)
        missing = [(checked(i, "item"), checked(m, "method"), why) for i, m, why in archive.missing]
        items = tuple(Item(checked(name, "item"), secrets.token_hex(6)) for name in archive.items)
        now = datetime.now(UTC)
        with self._workplace() as place:
            taken = taken_in(archive.entries, place / CLIPS, report)
            empty = ComparisonSet(place.name, title, place, methods, items, now, now, maker)
            write_index(with_taken(empty, [*missing, *taken], place))
            id = secrets.token_hex(8)
            place.rename(self.folder / id)
        return id

    def _place(self, id: str) -> Path:
        """The folder of a set, which is there."""
        if not _is_id(id) or not (self.folder / id / INDEX).is_file():
            raise ConfigError("sets.missing", name=id)
        return self.folder / id

    @contextmanager
    def _changing(self, id: str) -> Iterator[ComparisonSet]:
        """The set with the time of its change, while nobody else changes one."""
        with self._lock:
            yield replace(read_index(self._place(id)), modified=datetime.now(UTC))

    @contextmanager
    def _workplace(self) -> Iterator[Path]:
        """A temporary folder on the same disk; deleted afterwards unless it was renamed."""
        for old in self.folder.glob(".*-*"):
            if old.is_dir() and time.time() - old.stat().st_mtime > LEFT_OVER:
                shutil.rmtree(old, ignore_errors=True)
        place = self.folder / f".new-{secrets.token_hex(8)}"
        try:
            with full_disk_reported():
                (place / CLIPS).mkdir(parents=True)
                yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)


def _is_id(name: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{16}", name) is not None


def _checked(entries: Iterable[Entry]) -> Sequence[Entry]:
    entries = [
        replace(entry, item=checked(entry.item, "item"), method=checked(entry.method, "method"))
        for entry in entries
    ]
    seen: set[tuple[str, str]] = set()
    for entry in entries:
        if (entry.item, entry.method) in seen:
            raise ConfigError("sets.two_videos", item=entry.item, method=entry.method)
        seen.add((entry.item, entry.method))
    return entries
