"""What one visitor may have at once on a portal that serves others: jobs, and room on the disk."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from gradio.context import LocalContext

from lipsync.errors import ConfigError

AROUND = 2  # times as much for an address: several people may share it, and a cookie is thrown away easily
UPLOAD_LIFETIME = 24 * 3600.0  # s after which uploads are removed


@dataclass(frozen=True)
class Asker:
    """Somebody for whom the limits hold.

    Attributes:
        name: of the browser, random.
        address: of the visitor, as the outermost trusted proxy saw it.
    """

    name: str
    address: str


class Work(Protocol):
    """What of a task the limits look at."""

    folder: Path

    @property
    def over(self) -> bool:
        """It neither waits nor runs any more."""


class VisitorLimits:
    """Counts what visitors have, in memory alone.

    Args:
        jobs: that one visitor may have waiting or running.
        disk: bytes that the results, uploads and sets of one visitor may take.
        asker: who makes a request; None: somebody for whom no limit holds, such as the owner.
        sets: bytes of the comparison sets of the visitors of those names.
    """

    def __init__(
        self,
        jobs: int,
        disk: int,
        asker: Callable[[Any], Asker | None],
        sets: Callable[[Collection[str]], int] = lambda names: 0,
    ) -> None:
        self._jobs, self._disk, self._asker, self._sets = jobs, disk, asker, sets
        self._lock = threading.Lock()
        self._work: list[tuple[Asker, Work]] = []
        self._uploads: list[tuple[Asker, float, int]] = []  # who, when, bytes
        self._askers: dict[Asker, float] = {}  # who took up room, and when last

    def admit(self, work: Work) -> None:
        """Count a new task of whoever makes the request that Gradio answers just now.

        Raises:
            ConfigError: that person has too many jobs already, or no room left.
        """
        request = LocalContext.request.get(None)
        asker = None if request is None else self._asker(request)
        if asker is None:
            return
        self.check_disk(asker)
        with self._lock:
            self._forget()
            busy = [who for who, known in self._work if not known.over]
            if sum(who.name == asker.name for who in busy) >= self._jobs:
                raise ConfigError("visitor.jobs", count=self._jobs)
            if sum(who.address == asker.address for who in busy) >= AROUND * self._jobs:
                raise ConfigError("visitor.jobs_address", count=AROUND * self._jobs)
            self._work.append((asker, work))

    def asker(self, request: Any) -> Asker | None:
        """Who makes a request, where limits hold for that person."""
        return self._asker(request)

    def check_disk(self, asker: Asker, more: int = 0) -> None:
        """Check that there is room for so many more bytes.

        Raises:
            ConfigError: there is not.
        """
        with self._lock:
            self._askers[asker] = time.monotonic()
            self._forget()
            names = {who.name for who in self._askers if who.address == asker.address}
            own = self._bytes(lambda who: who.name == asker.name) + self._sets({asker.name})
            around = self._bytes(lambda who: who.address == asker.address) + self._sets(names)
        for used, most in ((own, self._disk), (around, AROUND * self._disk)):
            if used + more > most or used >= most:
                raise ConfigError("visitor.disk", used=used / 1e6, most=most / 1e6)

    def check_room(self, work: Work) -> None:
        """Check that whoever asked for a task, which goes on, still has room.

        Raises:
            ConfigError: there is none left.
        """
        with self._lock:
            asker = next((who for who, known in self._work if known is work), None)
        if asker is not None:
            self.check_disk(asker)

    def uploaded(self, asker: Asker, size: int) -> None:
        """Count an upload; a size below 0 takes back what was counted too much."""
        with self._lock:
            self._uploads.append((asker, time.monotonic(), size))

    def _bytes(self, whose: Callable[[Asker], bool]) -> int:
        results = sum(folder_bytes(known.folder) for who, known in self._work if whose(who))
        return results + sum(size for who, _, size in self._uploads if whose(who))

    def _forget(self) -> None:
        self._work = [(who, known) for who, known in self._work if not known.over or known.folder.exists()]
        oldest = time.monotonic() - UPLOAD_LIFETIME
        self._uploads = [upload for upload in self._uploads if upload[1] > oldest]
        self._askers = {who: when for who, when in self._askers.items() if when > oldest}


def folder_bytes(folder: Path) -> int:
    """Bytes of the files in a folder, which may change or go meanwhile; 0 where there is none."""
    return sum(_sizes(folder))


def _sizes(folder: Path) -> Iterable[int]:
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                yield os.lstat(os.path.join(place, name)).st_size
            except OSError:
                continue
