"""The tables and the way to them: from nothing and from every earlier state, on both databases."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, make_url, text

from eval.study.storage.database import Database, database_url
from eval.study.storage.migrations import current, revisions, upgrade
from eval.study.storage.models import Base
from eval.study.storage.store import Store
from lipsync.errors import ConfigError, StudyError
from tests.study.studies import make_open


def differences(database: Database) -> list:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, Base.metadata)


def test_migrations_make_the_tables_of_the_models(database: str) -> None:
    opened = Database(database_url(database))
    assert differences(opened)
    upgrade(opened.engine)
    assert differences(opened) == []
    assert current(opened.engine) == revisions()[-1]
    upgrade(opened.engine)  # once more: nothing to do
    opened.close()


@pytest.mark.parametrize("revision", revisions())
def test_every_earlier_state_comes_to_this_one(database: str, revision: str) -> None:
    opened = Database(database_url(database))
    upgrade(opened.engine, revision)
    assert current(opened.engine) == revision
    upgrade(opened.engine)
    assert differences(opened) == []
    opened.close()


def test_two_processes_may_start_at_once(database: str, tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, eval.study.storage.store as s; s.Store(sys.argv[1], pathlib.Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, database, str(tmp_path)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in running:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said


def test_a_database_of_a_newer_portal_is_refused_with_a_sentence(store: Store, database: str) -> None:
    with store.database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match="newer version"):
        Store(database, store.folder)


def test_sqlite_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    store = Store("", tmp_path)
    with store.database.read() as session:
        pragmas = {
            name: session.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}
    assert (tmp_path / "study.sqlite").is_file()
    store.close()


def test_a_failed_change_leaves_nothing(store: Store) -> None:
    study = make_open(store)

    def fail() -> None:
        with store.database.write() as session:
            session.execute(text("UPDATE study SET state = 'closed'"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert store.get(study.id).state == "open"


def test_addresses_of_databases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert database_url(None, tmp_path) == make_url(f"sqlite:///{tmp_path}/study.sqlite")
    monkeypatch.setenv("DATABASE_URL", "postgres://me:secret@host:5433/studies?sslmode=require")
    assert database_url().drivername == "postgresql+psycopg"
    assert database_url().password == "secret"
    assert dict(database_url().query) == {"sslmode": "require"}
    assert database_url("postgresql://host/db").drivername == "postgresql+psycopg"
    for wrong in ("mysql://me:secret@host/db", "sqlite://", "nonsense me:secret", "sqlite:///:memory:"):
        with pytest.raises(ConfigError, match="DATABASE_URL") as caught:
            database_url(wrong)
        assert "secret" not in str(caught.value)


def test_an_unreachable_database_is_said_in_a_sentence(tmp_path: Path) -> None:
    for url in (
        "postgresql://nobody@127.0.0.1:1/none?connect_timeout=2",
        f"sqlite:///{tmp_path}/no/folder.sqlite",
    ):
        with pytest.raises(StudyError, match="cannot be reached"):
            Store(url, tmp_path)


def test_a_file_that_is_no_database_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "study.sqlite").write_text("not a database " * 100)
    with pytest.raises(StudyError, match="cannot be reached"):
        Store("", tmp_path)


def test_writers_of_other_processes_are_waited_for(tmp_path: Path) -> None:
    store = Store("", tmp_path)
    study = make_open(store)
    other = create_engine(f"sqlite:///{tmp_path}/study.sqlite")
    with other.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        assert store.get(study.id).state == "open"  # readers do not wait
        connection.rollback()
    assert store.close_study(study.id).state == "closed"
    store.close()
