"""Every change of the studies as lines of JSON, one for each transaction, and the studies again from them.

For a database whose disk may be lost. The database itself records what is stored, however it was written, by
triggers of each connection, and the lines are on disk before the change is. Rows are named by what lasts
(study, rater, trial, file), not by numbers: lines of several processes, read twice even, come to the same.
"""

from __future__ import annotations

import json
import logging
import math
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Connection, event

from eval.study.storage.change_log_rows import GONE, SEEN, TABLES, is_change
from eval.study.storage.models import OPEN
from eval.study.storage.store import Store
from lipsync.errors import ConfigError, StudyError

log = logging.getLogger(__name__)

FOLDER = "journal"  # in the data folder
LONGEST = 1_000_000  # bytes of a file, which is sent as a whole whenever it has grown
# {"table": name, "row": {...}}, or {"table": "gone", "study": id, "rater": name or None}
Change = dict[str, Any]


class ChangeLog:
    """The lines of one database, in a folder beside it.

    Raises:
        ConfigError: the database is not SQLite in the data folder; others look after their rows themselves.
    """

    def __init__(self, store: Store) -> None:
        if store.database.engine.dialect.name != "sqlite":
            raise ConfigError("hub_backup.own_database")
        self.folder = store.folder / FOLDER
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lock = threading.Lock()
        self.gone: list[Change] = []  # deletions that earlier lines do not know of yet
        self._engine = store.database.engine
        self._file: TextIO | None = None
        self._closed = False

    def replay(self) -> int:
        """Bring the database to what all lines say; how many changes could not be stored.

        What the database has and no line says, since it was stored by a process without a journal, becomes
        a line. To be called before :meth:`start`. Doing it again changes nothing.
        """
        paths = sorted(self.folder.glob("*.jsonl"))
        lines = sorted((line for path in paths for line in _read_file(path)), key=lambda line: line["t"])
        found = [change for line in lines for change in line["changes"]]
        changes = [change for change in found if is_change(change)]
        left_out = len(found) - len(changes)
        proxy = self._engine.raw_connection()
        try:
            cursor = proxy.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            for change in changes:
                try:
                    _store(cursor, change)
                except sqlite3.Error as problem:
                    left_out += 1
                    log.warning("a change in the journal does not fit: %s", problem)
            cursor.execute(SEEN)
            for (study,) in cursor.execute(
                "SELECT id FROM study WHERE state = ? AND salt IS NULL", (OPEN,)
            ).fetchall():
                cursor.execute("UPDATE study SET salt = ? WHERE id = ?", (secrets.token_hex(32), study))
            new = _unrecorded(cursor, changes)
            proxy.commit()
        finally:
            proxy.close()
        if new:
            self._append(new)
        return left_out

    def start(self) -> None:
        """Note every change from now on."""
        event.listen(self._engine, "connect", self._connect)
        event.listen(self._engine, "commit", self._commit)
        event.listen(self._engine, "rollback", self._forget)
        self._engine.dispose()  # connections made before do not know of it

    def close(self) -> None:
        """Refuse changes from now on, so that none is acknowledged that the last upload does not have."""
        with self.lock:
            self._closed = True
            if self._file is not None:
                self._file.close()
                self._file = None

    def _connect(self, connection: Any, record: Any) -> None:
        recorded: list[Change] = []
        record.info["journal"] = recorded
        connection.create_function("journal", -1, partial(_note, recorded))
        for sql in (*(sql for table in TABLES.values() for sql in table.triggers()), *GONE):
            connection.execute(sql)

    def _commit(self, connection: Connection) -> None:
        recorded: list[Change] = connection.connection.info["journal"]
        if not recorded:
            return
        changes = [*recorded]
        recorded.clear()
        with self.lock:
            if self._closed:
                raise StudyError("database.starting")
            try:
                self._append(changes)
            except OSError as problem:
                raise StudyError("database.unreachable", why=problem.strerror) from problem
            self.gone += [change for change in changes if change["table"] == "gone"]

    def _forget(self, connection: Connection) -> None:
        connection.connection.info["journal"].clear()

    def _append(self, changes: list[Change]) -> None:
        if self._file is None or self._file.tell() > LONGEST:
            if self._file is not None:
                self._file.close()
            name = f"{time.time_ns() // 1_000_000:015d}-{secrets.token_hex(4)}.jsonl"
            self._file = (self.folder / name).open("a", encoding="utf-8")
        line = json.dumps({"t": time.time(), "changes": changes}, ensure_ascii=False)
        self._file.write(f"{line}\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def erase(self) -> tuple[list[Path], set[str]]:
        """Take deleted raters and studies out of the files: those that changed, ids of the studies."""
        with self.lock:
            gone, self.gone = self.gone, []
            studies = {change["study"] for change in gone if change["rater"] is None}
            raters = {(change["study"], change["rater"]) for change in gone}
            if not gone:
                return [], set()
            if self._file is not None:
                self._file.close()  # the next line begins a new file
                self._file = None
            paths = sorted(self.folder.glob("*.jsonl"))
            return [path for path in paths if _without(path, studies, raters)], studies


def _note(recorded: list[Change], table: str, *values: Any) -> None:
    if table == "gone":
        recorded.append({"table": table, "study": values[0], "rater": values[1]})
    else:
        recorded.append({"table": table, "row": dict(zip(TABLES[table].fields, values, strict=True))})


def _read_file(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a file; one that a dying process cut short was never acknowledged."""
    for text in path.read_bytes().split(b"\n"):  # splitlines() also ends one at U+2028 in a rater's remark
        if not text.strip():
            continue
        try:
            line = json.loads(text)
            if not math.isfinite(line["t"]) or not isinstance(line["changes"], list):
                raise ValueError("no line of a journal")
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            log.warning("%s holds a line that is cut short", path.name)
            continue
        yield line


def _unrecorded(cursor: Any, changes: list[Change]) -> list[Change]:
    """What the database has and no line says."""
    recorded = {_signature(change) for change in changes if "row" in change}
    found: list[Change] = []
    for table in TABLES.values():
        for values in cursor.execute(table.select()).fetchall():
            _note(found, table.name, *values)
    return [change for change in found if _signature(change) not in recorded]


def _signature(change: Change) -> str:
    row = {name: value for name, value in change["row"].items() if name != "seen"}
    return json.dumps([change["table"], row], sort_keys=True)


def _store(cursor: Any, change: Change) -> None:
    if change["table"] != "gone":
        cursor.execute(TABLES[change["table"]].insert(), change["row"])
    elif change["rater"] is None:
        cursor.execute("DELETE FROM study WHERE id = ?", (change["study"],))
    else:
        key = (change["study"], change["rater"])
        cursor.execute("DELETE FROM rater WHERE study_id = ? AND name = ?", key)


def _without(path: Path, studies: set[str], raters: set[tuple[str, str | None]]) -> bool:
    """Rewrite a file without what it says of these; whether there was anything."""

    def stays(change: Change) -> bool:
        if not is_change(change) or "row" not in change:
            return True  # that somebody is gone has to be known where older lines come back
        row = change["row"]
        study = row["id"] if change["table"] == "study" else row.get("study_id", row.get("study"))
        rater = row["name"] if change["table"] == "rater" else row.get("rater")
        return study not in studies and (study, rater) not in raters

    changed, lines = False, []
    for line in _read_file(path):
        changes = [change for change in line["changes"] if stays(change)]
        changed = changed or len(changes) < len(line["changes"])
        if changes:
            lines.append(json.dumps({**line, "changes": changes}, ensure_ascii=False) + "\n")
    if changed:
        part = path.with_suffix(".part")
        part.write_text("".join(lines), encoding="utf-8")
        part.replace(path)
    return changed
