"""The database of studies: SQLite in the data folder, or PostgreSQL where ``DATABASE_URL`` names one."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from eval.study.storage.migrations import upgrade
from lipsync.data_folder import data_folder
from lipsync.errors import ConfigError, StudyError
from lipsync.texts import Message

BUSY = 30_000  # ms that a writer waits for another process
FILE = "study.sqlite"


def database_url(named: str | None = None, folder: Path | None = None) -> URL:
    """The URL of the database of studies.

    Args:
        named: a URL; None: ``DATABASE_URL`` of the environment, and without that a SQLite file.
        folder: of that file; None: the data folder.

    Raises:
        ConfigError: no URL of SQLite or PostgreSQL. Its password is in no message.
    """
    named = named if named is not None else os.environ.get("DATABASE_URL", "")
    if not named:
        return URL.create("sqlite", database=str((folder or data_folder()) / FILE))
    try:
        url = make_url(named)
    except (ArgumentError, ValueError) as problem:
        raise ConfigError("database.address") from problem
    kind = url.drivername.split("+")[0]
    if kind in ("postgres", "postgresql"):
        return url.set(drivername="postgresql+psycopg")
    if kind == "sqlite" and url.database not in (None, "", ":memory:"):
        return url
    raise ConfigError("database.kind", kind=kind)


class Database:
    """Opens sessions: :meth:`read` to query, :meth:`write` for one change that is on disk when it ends.

    Raises:
        ConfigError: the database cannot be reached, or is of a newer version of the portal.
    """

    def __init__(self, url: URL) -> None:
        self.url = url
        self.engine = _engine(url)
        self._writer = self.engine.execution_options(immediate=True)
        # Threads of this process queue here, in turn and at no cost. SQLite's own waiting sleeps and lets
        # others pass; PostgreSQL's keeps a connection for each. Other processes are kept out by the database.
        self._turn = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one state of the database."""
        with _sentences(), Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose changes are on disk when the block has ended, or not made at all.

        Raises:
            StudyError: the database is busy or full; nothing was changed.
        """
        with (
            _sentences(),
            self._turn,
            Session(self._writer, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def migrate(self) -> None:
        """Bring the tables to those of this version.

        Raises:
            ConfigError: the database was made by a newer version.
            StudyError: it cannot be reached.
        """
        with _sentences():
            upgrade(self.engine)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() == "sqlite":
            engine = create_engine(url, pool_size=4, max_overflow=32, connect_args={"timeout": BUSY / 1000})
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        return create_engine(url, pool_size=4, max_overflow=16, pool_pre_ping=True)
    except (ImportError, NoSuchModuleError) as problem:
        raise ConfigError("database.no_psycopg") from problem


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # BEGIN is said by _begin_sqlite
    for pragma in (
        f"busy_timeout = {BUSY}",
        "journal_mode = WAL",
        "synchronous = FULL",  # an acknowledged vote survives the loss of power, not only of the process
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Any) -> None:
    # A reader that turns writer half-way fails when another wrote meanwhile; a writer says so at once.
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def _sentences() -> Iterator[None]:
    """Turn errors of the database itself, not of a statement, into a sentence."""
    try:
        yield
    except PoolTimeout as problem:
        raise StudyError("database.unreachable", why=Message("database.too_many")) from problem
    except DBAPIError as problem:
        lost = problem.connection_invalidated or type(problem) in (OperationalError, DatabaseError)
        if not lost:
            raise
        why = " ".join(str(problem.orig).split())
        raise StudyError("database.unreachable", why=why) from problem
