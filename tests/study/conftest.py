"""Both databases for real: SQLite in a folder, PostgreSQL as a server of its own on a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eval.study.storage.store import Store, StudyInfo
from tests.study.postgres import new_schema, postgres_server
from tests.study.rater import Clock
from tests.study.studies import make_open
from tests.study.study_server import Nursery, Server


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Address of a PostgreSQL server of our own."""
    with postgres_server() as address:
        yield address


@pytest.fixture
def postgres_database(postgres: str) -> str:
    """Address of an empty place on that server."""
    return new_schema(postgres)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty database, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'study.sqlite'}"
    return str(request.getfixturevalue("postgres_database"))


@pytest.fixture
def store(database: str, tmp_path: Path) -> Iterator[Store]:
    """An empty store on each kind of database."""
    opened = Store(database, tmp_path)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Forks servers of the API."""
    started = Nursery()
    yield started
    started.close()


@pytest.fixture
def server(nursery: Nursery, store: Store, database: str) -> Server:
    """A server, in a process of its own, of what ``store`` holds."""
    return Server(nursery, store.folder, database)


@pytest.fixture
def clock() -> Clock:
    """A clock that the test moves."""
    return Clock()


@pytest.fixture
def make(store: Store) -> Callable[..., StudyInfo]:
    """Makes an open study of clips that are only names; see :func:`make_open`."""

    def make_study(items: int = 4, methods: int = 3, **values: Any) -> StudyInfo:
        return make_open(store, items, methods, **values)

    return make_study
