"""Bringing one file over the network, from an address or from the Hugging Face Hub.

These functions move bytes; whether the bytes are the right ones is decided in ``lipsync.weights.hub``.
Package indexes are in ``lipsync.weights.package_index``.
"""

from __future__ import annotations

import errno
import http
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lipsync.errors import ArtefactError, MessageError
from lipsync.texts import Message
from lipsync.weights.manifest import HubFile

Progress = Callable[[int, int | None], None]
"""Called with bytes done and bytes in all (None where the server does not state it). May raise to stop."""

CHUNK = 1 << 18  # bytes; small enough that a cancel is felt at once
TIMEOUT = 20  # seconds without a byte; a blocked network should not hold up the next source for long
_ATTEMPTS = 3


class SourceError(MessageError):
    """Why one source did not give the file, in a few words; the next source is tried."""


class NoSuchFile(SourceError):
    """The repository is there, the file is not."""


class RangeRefused(Exception):
    """The server cannot continue at the offset asked for."""


@dataclass(frozen=True)
class Body:
    """An open download: where it starts in the file, how long the file is, and its bytes from there."""

    start: int
    total: int | None
    chunks: Iterator[bytes]


def resume(
    part: Path,
    open_at: Callable[[int], AbstractContextManager[Body]],
    progress: Progress,
    expected: int | None = None,
) -> None:
    """Complete ``part``, going on after the bytes it already holds, also when the connection breaks.

    Args:
        part: the partial file; it stays where it is when the transfer fails, for the next time.
        open_at: opens the remote file at an offset in bytes; may start at 0 instead.
        progress: called for every chunk.
        expected: length in bytes where known; another length is refused before it is downloaded.

    Raises:
        SourceError: the source cannot be reached, refuses, breaks off repeatedly or has another length.
        ArtefactError: the disk cannot take the file.
    """
    reason = Message("fetch.lost")
    for _ in range(_ATTEMPTS):
        have = part.stat().st_size if part.exists() else 0
        if have and have == expected:
            return
        try:
            with open_at(have) as body:
                if expected is not None and body.total not in (None, expected):
                    raise SourceError("fetch.other_size", size=body.total, wanted=expected)
                done = _write(part, body, progress, expected)
            if body.total is None or done == body.total:
                return
            reason = Message("fetch.lost_after", done=done, total=body.total)
        except RangeRefused:
            part.unlink()
        except (OSError, http.client.HTTPException) as problem:
            if getattr(problem, "errno", None) in _DISK_ERRORS:
                raise disk_error(part, problem) from problem
            reason = Message("fetch.lost_because", problem=brief(problem))
    raise SourceError(reason)


def _write(part: Path, body: Body, progress: Progress, expected: int | None) -> int:
    """Bytes in ``part`` after all of ``body`` was added to it."""
    done = body.start
    progress(done, body.total)
    with part.open("ab" if body.start else "wb") as out:
        for chunk in body.chunks:
            out.write(chunk)
            done += len(chunk)
            if expected is not None and done > expected:
                raise SourceError("fetch.longer", wanted=expected)
            progress(done, body.total)
    return done


# What only a disk answers, never a connection whose opening has succeeded.
_DISK_ERRORS = (errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG)


def disk_error(path: Path, problem: BaseException, variable: str = "LIPSYNC_CACHE") -> ArtefactError:
    """The error for a disk that is full or may not be written; ``variable`` would put ``path`` elsewhere."""
    reason = getattr(problem, "strerror", None) or problem
    return ArtefactError("file.cannot_write_room", path=path, reason=reason, variable=variable)


def brief(problem: BaseException) -> str:
    """The first words of an error that may be long, for a list of reasons."""
    inner = getattr(problem, "reason", None)
    text = str(inner if isinstance(inner, BaseException) else problem) or type(problem).__name__
    line = text.splitlines()[0]
    return line if len(line) <= 100 else line[:97] + "..."


def from_url(url: str, part: Path, progress: Progress, expected: int | None) -> None:
    """Download ``url`` to ``part``, resuming what is there. Proxies come from the environment.

    Raises:
        SourceError: see :func:`resume`.
    """

    @contextmanager
    def open_at(offset: int) -> Iterator[Body]:
        request = urllib.request.Request(url, headers={"Accept-Encoding": "identity"})
        if offset:
            request.add_header("Range", f"bytes={offset}-")
        try:
            response = urllib.request.urlopen(request, timeout=TIMEOUT)
        except urllib.error.HTTPError as problem:
            problem.close()
            if problem.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise RangeRefused from problem
            raise SourceError("fetch.answered", answer=f"{problem.code} {problem.reason}") from problem
        except (OSError, http.client.HTTPException) as problem:
            raise SourceError("fetch.unreachable", problem=brief(problem)) from problem
        with response:
            yield body_of(response.status, response.headers, offset, iter(lambda: response.read(CHUNK), b""))

    resume(part, open_at, progress, expected)


def body_of(status: int, headers: Any, offset: int, chunks: Iterator[bytes]) -> Body:
    """The body of an HTTP answer, which may ignore the range asked for."""
    start = offset if status == http.HTTPStatus.PARTIAL_CONTENT else 0
    length = headers.get("Content-Length")
    return Body(start, start + int(length) if length else None, chunks)


def from_hub(source: HubFile, folder: Path, progress: Progress) -> Path:
    """Download a Hub file with the Hub's own client, which resumes and keeps to HF_ENDPOINT and HF_TOKEN.

    Args:
        source: repository, file, revision.
        folder: where the client may work; the file comes to lie in it.

    Returns:
        The downloaded file.

    Raises:
        SourceError: see :func:`hub_answers`.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

    endpoint = hub_endpoint()
    with hub_answers(folder, source.revision):
        # Asked first without retries: an unreachable Hub must not hold up the sources after it for minutes.
        address = hf_hub_url(source.repo, source.file, revision=source.revision, endpoint=endpoint)
        get_hf_file_metadata(address, timeout=TIMEOUT, endpoint=endpoint)
        return Path(
            hf_hub_download(
                source.repo,
                source.file,
                revision=source.revision,
                endpoint=endpoint,
                local_dir=folder,
                tqdm_class=reporting(progress),
            )
        )


def hub_endpoint() -> str | None:
    """``HF_ENDPOINT``, None for the Hub itself. Its client reads it when it is imported, maybe too early."""
    return os.environ.get("HF_ENDPOINT") or None


@contextmanager
def hub_answers(folder: Path, revision: str = "main", variable: str = "LIPSYNC_CACHE") -> Iterator[None]:
    """Whatever the Hub's client raises inside, in a few words.

    Args:
        folder: where the client writes.
        revision: asked for, for the words.
        variable: of the environment, that would put ``folder`` elsewhere.

    Raises:
        SourceError: not reachable, no such repository, file or revision, no permission, or too many requests.
        ArtefactError: the disk cannot take the file.
    """
    from huggingface_hub import errors as hub

    try:
        yield
    except hub.GatedRepoError as problem:
        raise SourceError("fetch.asks_permission") from problem
    except hub.RepositoryNotFoundError as problem:
        raise SourceError("fetch.no_repository") from problem
    except hub.RevisionNotFoundError as problem:
        raise SourceError("fetch.no_revision", revision=revision) from problem
    except hub.LocalEntryNotFoundError as problem:
        raise SourceError("fetch.unreachable", problem=brief(problem.__cause__ or problem)) from problem
    except hub.EntryNotFoundError as problem:
        raise NoSuchFile("fetch.no_file") from problem
    except hub.HfHubHTTPError as problem:
        code = problem.response.status_code
        raise SourceError(_HUB_ANSWERS.get(code, Message("fetch.answered", answer=code))) from problem
    except OSError as problem:
        if problem.errno in _DISK_ERRORS:
            raise disk_error(folder, problem, variable) from problem
        raise SourceError("fetch.broke_off", problem=brief(problem)) from problem
    except hub.HTTPError as problem:  # the base of everything its network library raises
        raise SourceError("fetch.unreachable", problem=brief(problem)) from problem


_HUB_ANSWERS = {
    401: Message("fetch.wants_token"),
    403: Message("fetch.token_refused"),
    429: Message("fetch.too_many_requests"),
}


def reporting(progress: Progress) -> type:
    """A progress bar class, as the Hub's client wants one, that calls ``progress`` instead of drawing."""
    from tqdm import tqdm

    furthest = -1

    class Reporting(tqdm):
        monitor_interval = 0  # otherwise every download starts a thread that never ends

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **{**options, "disable": True})
            self.total = options.get("total")
            self.done = options.get("initial") or 0
            self.update(0)

        def update(self, n: float | None = 1) -> bool | None:
            # With Xet storage two bars of this class run side by side: report only what is new.
            nonlocal furthest
            self.done += int(n or 0)
            if self.done > furthest:
                furthest = self.done
                progress(self.done, None if self.total is None else int(self.total))
            return None

    return Reporting
