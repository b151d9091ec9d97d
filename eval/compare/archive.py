"""A comparison set as one zip, and any zip of videos as entries: nothing in it is trusted."""

from __future__ import annotations

import errno
import io
import json
import re
import shutil
import stat
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.compare.index import ComparisonSet
from eval.compare.names import REFERENCE
from eval.compare.video_import import Entry, is_junk, item_and_method
from lipsync.errors import ConfigError, LipSyncError

FORMAT = 1
CONTENTS = "set.json"  # in a zip of ours: titles, order, reasons, and which file is what
SOURCES = "sources"  # folder of the originals of converted videos
MAX_FILES = 2_000
MAX_BYTES = 2 * 1024**3  # unpacked
MAX_LIST = 4 * 1024**2  # of the list of files at a zip's end, which is held in memory many times over
MAX_CONTENTS = 4 * 1024**2
LONGEST_REASON = 2000  # characters
ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst")
EPOCH = (1980, 1, 1, 0, 0, 0)  # of every member, so that the same set gives the same bytes


@dataclass(frozen=True)
class Archive:
    """The contents of a zip: a title, videos, and the reasons for missing ones."""

    title: str
    entries: tuple[Entry, ...]
    methods: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    missing: tuple[tuple[str, str, str], ...] = ()


@contextmanager
def unpacked(zip_path: Path, folder: Path) -> Iterator[Archive]:
    """The videos of a zip, unpacked into a new folder inside ``folder`` for as long as it lasts.

    Everything is looked at before the first byte is written: names, number, size, kind of file.

    Raises:
        ConfigError: no zip, damaged, encrypted, too large, or a file in it is not what it may be.
    """
    name = zip_path.name
    target = folder / "unpacked"
    if not zip_path.exists():
        raise ConfigError("media.missing", path=zip_path)
    try:
        with _damage_explained(name), _ZipBytes(zip_path) as file, zipfile.ZipFile(file) as archive:
            members = _members(archive, name)
            _check_room(members, folder, name)
            target.mkdir()
            files = {
                inside: _unpack(archive, info, target / f"{number:05d}{_ending(inside)}", name)
                for number, (inside, info) in enumerate(members.items())
            }
        yield _read(files, Path(name).stem, name)
    finally:
        shutil.rmtree(target, ignore_errors=True)


@contextmanager
def _damage_explained(name: str) -> Iterator[None]:
    try:
        yield
    except LipSyncError:
        raise
    except NotImplementedError as problem:
        raise ConfigError("archive.packing", name=name) from problem
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ConfigError("archive.no_room", name=name) from problem
        raise ConfigError("archive.not_zip", name=name) from problem
    except Exception as problem:  # whatever the decoders say of damaged bytes: not only BadZipFile
        raise ConfigError("archive.not_zip", name=name) from problem


def _ending(inside: str) -> str:
    """The ending of a name, no longer than one of a video; a file system takes 255 bytes of a name."""
    return Path(inside).suffix.lower()[:8]


def write_archive(set_: ComparisonSet, zip_path: Path) -> None:
    """Write a set as a zip of ``item/method.mp4`` and ``set.json``; the same set gives the same bytes.

    Raises:
        ConfigError: the place cannot be written to.
    """
    contents, files = _contents(set_)
    part = zip_path.with_name(f".{zip_path.name}.part")
    try:
        zip_path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(part, "w") as archive:
            text = json.dumps(contents, ensure_ascii=False, indent=1) + "\n"
            archive.writestr(zipfile.ZipInfo(CONTENTS, EPOCH), text.encode())
            for inside, path in files.items():
                info = zipfile.ZipInfo(inside, EPOCH)
                info.file_size = path.stat().st_size
                with archive.open(info, "w") as out, path.open("rb") as file:
                    shutil.copyfileobj(file, out, 1 << 20)
        part.replace(zip_path)
    except OSError as problem:
        raise ConfigError("file.cannot_write_choose", path=zip_path, problem=problem.strerror) from problem
    finally:
        with suppress(OSError):
            part.unlink()


class _ZipBytes(io.FileIO):
    """The bytes of a zip, which does not hand out an endless list of files: `zipfile` reads it at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_LIST:
            raise ConfigError("archive.list_too_long", name=Path(str(self.name)).name, most=MAX_FILES)
        return super().read(-1 if size is None else size)


# --- reading -------------------------------------------------------------------------------------


def _members(archive: zipfile.ZipFile, name: str) -> dict[str, zipfile.ZipInfo]:
    """The files of a zip by their names without a folder around all of them, all checked."""
    infos = archive.infolist()
    if len(infos) > MAX_FILES:
        raise ConfigError("archive.too_many_files", name=name, count=len(infos), most=MAX_FILES)
    if sum(info.file_size for info in infos) > MAX_BYTES:
        raise ConfigError("archive.too_large", name=name)
    found: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        inside = _inside(info)
        _check(info, inside, name)
        if info.is_dir() or is_junk(inside):
            continue
        if inside in found:
            raise ConfigError("archive.twice", name=name, inside=inside)
        found[inside] = info
    if not found:
        raise ConfigError("archive.no_video", name=name)
    around = {inside.split("/")[0] for inside in found}
    if CONTENTS not in found and len(around) == 1 and all(inside.count("/") == 2 for inside in found):
        found = {inside.split("/", 1)[1]: info for inside, info in found.items()}
    return found


def _check(info: zipfile.ZipInfo, inside: str, name: str) -> None:
    """Refuse members that could write elsewhere, hide something or need a password."""
    parts = inside.rstrip("/").split("/")
    if (
        inside.startswith("/")
        or ".." in parts
        or "." in parts
        or "" in parts
        or re.match(r"[A-Za-z]:", inside)
    ):
        raise ConfigError("archive.leads_out", name=name, inside=inside)
    if any(unicodedata.category(character) == "Cc" for character in inside):
        raise ConfigError("archive.control_characters", name=name, inside=inside)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ConfigError("archive.link", name=name, inside=inside)
    if info.flag_bits & 0x1:
        raise ConfigError("archive.password", name=name)
    if inside.lower().endswith(ARCHIVES):
        raise ConfigError("archive.nested", name=name, inside=inside)


def _inside(info: zipfile.ZipInfo) -> str:
    """The name of a member; old programs write Chinese in GBK without saying so."""
    inside = info.orig_filename
    if not info.flag_bits & 0x800 and not inside.isascii():
        for encoding in ("utf-8", "gb18030"):
            try:
                inside = inside.encode("cp437").decode(encoding)
                break
            except UnicodeError:
                continue
    return inside.replace("\\", "/")


def _check_room(members: Mapping[str, zipfile.ZipInfo], folder: Path, name: str) -> None:
    needed = sum(info.file_size for info in members.values())
    if needed > shutil.disk_usage(folder).free - 100e6:
        raise ConfigError("archive.no_room", name=name)


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, name: str) -> Path:
    """Write one member, never more of it than it announced."""
    with archive.open(info) as packed, path.open("xb") as out:
        left = info.file_size
        while block := packed.read(1 << 20):
            left -= len(block)
            if left < 0:
                raise ConfigError("archive.larger_than_said", name=name)
            out.write(block)
    return path


def _read(files: Mapping[str, Path], title: str, name: str) -> Archive:
    if CONTENTS not in files:
        entries = [
            Entry(*item_and_method(inside, name), path, inside, True) for inside, path in files.items()
        ]
        return Archive(title, tuple(entries))
    try:
        if files[CONTENTS].stat().st_size > MAX_CONTENTS:
            raise ValueError("too long")
        return _listed(json.loads(files[CONTENTS].read_text(encoding="utf-8")), files)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise ConfigError("archive.contents_damaged", file=CONTENTS, name=name) from problem


def _listed(data: Any, files: Mapping[str, Path]) -> Archive:
    """What ``set.json`` says, as long as it names every file of the zip and no other.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: it does not.
    """
    if data["format"] != FORMAT:
        raise ValueError("format")
    entries, missing, named = [], [], {CONTENTS}
    for item in data["items"]:
        for method, clip in item["videos"].items():
            named |= {clip["file"], clip.get("source", clip["file"])}
            claim = clip.get("sha256")
            if claim is not None and not re.fullmatch(r"[0-9a-f]{64}", claim):
                raise ValueError("sha256")
            source = files[clip["source"]] if "source" in clip else None
            entries.append(
                Entry(item["name"], method, files[clip["file"]], clip["file"], True, source, claim)
            )
        missing += [(item["name"], str(method), _reason(why)) for method, why in item["missing"].items()]
    if named != set(files):
        raise ValueError("files that are not listed")
    methods, items = data["methods"], [item["name"] for item in data["items"]]
    return Archive(str(data["title"]), tuple(entries), tuple(map(str, methods)), tuple(items), tuple(missing))


def _reason(why: Any) -> str:
    """The sentence that says why a video is missing.

    Raises:
        ValueError, AttributeError: it is none.
    """
    why.encode()
    if len(why) > LONGEST_REASON:
        raise ValueError("too long")
    return str(why)


# --- writing -------------------------------------------------------------------------------------


def _contents(set_: ComparisonSet) -> tuple[dict[str, Any], dict[str, Path]]:
    """What ``set.json`` says, and the files by their names in the zip."""
    files: dict[str, Path] = {}
    folders = _plain_names([item.name for item in set_.items])
    names = _plain_names([REFERENCE, *set_.methods])
    items = []
    for item, folder in zip(set_.items, folders, strict=True):
        videos: dict[str, dict[str, Any]] = {}
        for method, name in zip((REFERENCE, *set_.methods), names, strict=True):
            clip = item.clip(method)
            if clip is None:
                continue
            inside = f"{folder}/{name}.mp4"
            files[inside] = clip.path
            videos[method] = {"file": inside}
            if clip.source != clip.path:
                source = f"{SOURCES}/{folder}/{name}{clip.source.suffix}"
                files[source] = clip.source
                videos[method]["source"] = source
            elif clip.converted:
                videos[method]["sha256"] = clip.sha256
        items.append({"name": item.name, "videos": videos, "missing": dict(item.missing)})
    return {"format": FORMAT, "title": set_.title, "methods": list(set_.methods), "items": items}, files


def _plain_names(names: Sequence[str]) -> list[str]:
    """Unique names that every file system accepts, as close to the given ones as possible."""
    plain: list[str] = []
    for name in names:
        short = re.sub(r'[\x00-\x1f/\\:*?"<>|]+', "-", name).strip(". ")[:60] or "-"
        candidate, number = short, 2
        while candidate.lower() in {other.lower() for other in plain}:
            candidate, number = f"{short} ({number})", number + 1
        plain.append(candidate)
    return plain
