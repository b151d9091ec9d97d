"""The leaderboard of a data folder: what stands on it, who may see it, and which names are published."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import shutil
import threading
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from eval.leaderboard.standings import Filters, Standings, choices, standings
from eval.leaderboard.strengths import MINIMUM
from eval.report.bench.bench_json import BenchReport, read_bench_report
from eval.scoring.scores import write_text
from eval.study.storage.models import OPEN
from eval.study.storage.store import ListedStudy, Store
from lipsync.errors import ConfigError
from lipsync.texts import Message

FOLDER = "leaderboard"  # in the data folder
SETTINGS = "leaderboard.json"
REPORTS = "reports"
STORED = (f"{FOLDER}/{SETTINGS}", f"{FOLDER}/{REPORTS}/*.json")  # patterns of all files, in the data folder
SIZE = 20_000_000  # bytes of a report
MOST = 100  # reports
REMEMBERED = 64  # pairs of suite and language


@dataclass(frozen=True)
class BoardSettings:
    """What the owner chose.

    Attributes:
        public: visitors see the leaderboard.
        published: methods whose names visitors see.
        minimum: votes from which on a method is ranked.
        salt: key of the names that other methods have.
    """

    public: bool = False
    published: frozenset[str] = frozenset()
    minimum: int = MINIMUM
    salt: str = ""


@dataclass(frozen=True)
class Added:
    """A report on the leaderboard.

    Attributes:
        id: of its contents, so that the same report stands there once.
        report: what is in it.
    """

    id: str
    report: BenchReport


class Board:
    """The leaderboard of one store of studies, and of the reports in the same data folder. Thread-safe.

    Nothing that can be computed is stored: votes and marks are the store's, scores are those of the reports.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.folder = store.folder / FOLDER
        self.folder.mkdir(parents=True, exist_ok=True)
        self._writing = FileLock(self.folder / f".{SETTINGS}.lock")
        self._reading, self._lock = threading.Lock(), threading.Lock()
        self._read_state: object = None
        self._reports: tuple[list[Added], list[Message]] = ([], [])
        self._state: object = None
        self._known: dict[Filters, Standings] = {}

    # What the owner chose

    @property
    def settings(self) -> BoardSettings:
        """The settings in the data folder.

        Raises:
            ConfigError: their file is damaged.
        """
        path = self.folder / SETTINGS
        if not path.is_file():
            with self._writing:  # processes that share the folder share the salt
                if not path.is_file():
                    self._write(BoardSettings(salt=secrets.token_hex(16)))
        try:
            return _settings(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise ConfigError("leaderboard.damaged", path=path) from problem

    def show_to_visitors(self, public: bool) -> None:
        """Let visitors see the leaderboard, or no longer."""
        self._change(public=public)

    def rank_from(self, minimum: int) -> None:
        """Set the number of votes from which on a method is ranked.

        Raises:
            ConfigError: below 1.
        """
        if minimum < 1:
            raise ConfigError("leaderboard.minimum", minimum=minimum)
        self._change(minimum=minimum)

    def publish_only(self, methods: Collection[str]) -> None:
        """Show visitors the names of these methods and of no others.

        Raises:
            ConfigError: one of them is not on the leaderboard.
        """
        self._check_known(methods)
        self._change(published=frozenset(methods))

    def publish(self, methods: Collection[str], published: bool = True) -> None:
        """Show the names of methods to visitors, or no longer.

        Raises:
            ConfigError: one of them is not on the leaderboard.
        """
        self._check_known(methods)
        with self._writing:
            before = self.settings.published
            self._change(published=before | set(methods) if published else before - set(methods))

    def _check_known(self, methods: Collection[str]) -> None:
        known = self.methods()
        for method in methods:
            if method not in known:
                raise ConfigError("leaderboard.no_method", method=method, known=", ".join(known))

    def _change(self, **values: Any) -> None:
        with self._writing:
            self._write(replace(self.settings, **values))

    def _write(self, settings: BoardSettings) -> None:
        data = asdict(settings) | {"published": sorted(settings.published)}
        write_text(self.folder / SETTINGS, json.dumps(data, indent=1, ensure_ascii=False) + "\n")

    # What stands on it

    def add(self, path: Path) -> Added:
        """Put a benchmark's ``report.json`` on the leaderboard; again, nothing changes.

        Raises:
            ConfigError: it is no such report, or there are too many.
        """
        if path.is_file() and path.stat().st_size > SIZE:
            raise ConfigError("leaderboard.too_large", name=path.name, megabytes=SIZE // 1_000_000)
        report = read_bench_report(path)
        id = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        place = self.folder / REPORTS / f"{id}.json"
        with self._writing:
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.is_file() and len(self._files()) >= MOST:
                raise ConfigError("leaderboard.too_many", most=MOST)
            part = place.with_suffix(".part")
            shutil.copyfile(path, part)
            part.replace(place)
        return Added(id, report)

    def remove(self, id: str) -> None:
        """Take a report off the leaderboard.

        Raises:
            ConfigError: there is none of that id.
        """
        for path in self._files():
            if path.stem == id:
                path.unlink(missing_ok=True)
                return
        raise ConfigError("leaderboard.no_report", id=id, known=", ".join(p.stem for p in self._files()))

    def reports(self) -> tuple[list[Added], list[Message]]:
        """The reports, and a sentence for each file that cannot be read; read again where one changed."""
        files = self._files()
        with self._reading:
            if (state := _state(files)) != self._read_state:
                found, damaged = [], []
                for path in files:
                    try:
                        found.append(Added(path.stem, read_bench_report(path)))
                    except ConfigError as problem:
                        damaged.append(problem.message)
                self._read_state, self._reports = state, (found, damaged)
            return self._reports

    def arenas(self, suite: str | None = None) -> list[ListedStudy]:
        """The studies that visitors can vote in."""
        return [
            study
            for study in self.store.on_leaderboard()
            if study.spec.arena and study.state == OPEN and suite in (None, study.spec.suite)
        ]

    def choices(self) -> tuple[list[str], list[str]]:
        """The suites and the languages that can be asked for alone."""
        return choices(self.store.on_leaderboard(), [added.report for added in self.reports()[0]])

    def _files(self) -> list[Path]:
        return sorted((self.folder / REPORTS).glob("*.json"))

    # What it shows

    def standings(self, filters: Filters = Filters()) -> Standings:  # noqa: B008 - frozen
        """The leaderboard as of now, with the names of all methods; computed where something changed."""
        minimum, studies = self.settings.minimum, self.store.on_leaderboard()
        with self._lock:
            state = (minimum, studies, _state(self._files()))
            if state != self._state or len(self._known) >= REMEMBERED:
                self._known, self._state = {}, state
            if filters not in self._known:
                reports = [added.report for added in self.reports()[0]]
                self._known[filters] = standings(self.store, studies, reports, filters, minimum)
            return self._known[filters]

    def methods(self) -> tuple[str, ...]:
        """Names of all methods on the leaderboard, sorted."""
        return tuple(sorted({*self.standings().methods, *self.titles()}))

    def titles(self) -> dict[str, str]:
        """What people call the methods of the reports."""
        return {
            method.name: method.title or method.name
            for added in self.reports()[0]
            for method in added.report.methods
        }

    def anonymous(self, method: str) -> Message:
        """What visitors read in place of a name that is not published; always the same for one method."""
        mark = hmac.new(self.settings.salt.encode(), method.encode(), hashlib.sha256).digest()
        return Message("leaderboard.anonymous", mark=base64.b32encode(mark).decode()[:4])


def _state(files: Sequence[Path]) -> list[tuple[str, int]]:
    """A value that changes when a file is added, removed or written."""
    return [(path.name, path.stat().st_mtime_ns) for path in files]


def _settings(data: Any) -> BoardSettings:
    """Raises ValueError, KeyError or TypeError where these are none."""
    published, minimum, salt = data["published"], data["minimum"], data["salt"]
    good = type(data["public"]) is bool and type(minimum) is int and minimum > 0 and type(salt) is str
    if not good or not salt or not all(isinstance(name, str) for name in published):
        raise ValueError("no settings of a leaderboard")
    return BoardSettings(data["public"], frozenset(published), minimum, salt)
