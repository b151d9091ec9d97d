"""``python -m tests.benchmarks.study``: votes per second of many raters at once over the real HTTP API.

Raters on threads and connections of their own vote as fast as they are allowed to, on SQLite and on
PostgreSQL; every acknowledged vote is then looked for in the database. Prints votes per second, the median
and the 95th percentile of what one vote takes, and the processor time that the server spends on one. The
raters run on the same machine.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from eval.study.storage.store import Store
from tests.study.http_rater import Crowd, check
from tests.study.postgres import new_schema, postgres_server
from tests.study.studies import make_open
from tests.study.study_server import Nursery, Server


def processor_seconds(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(nursery: Nursery, folder: Path, database: str, options: argparse.Namespace) -> str:
    """One study, one crowd: what was measured."""
    store = Store(database, folder)
    study = make_open(
        store, options.items, options.methods, seconds=options.seconds, stimuli_per_rater=options.clips,
        ratings_per_stimulus=100_000,
    )  # fmt: skip
    server = Server(nursery, folder, database)
    before = processor_seconds(server.pid)
    crowd = Crowd(server.port, study.link).run(options.raters)
    spent = processor_seconds(server.pid) - before
    check(store, study.id, crowd.votes)
    store.close()
    each = 1000 * spent / len(crowd.votes)
    return f"{crowd.summary()}, {each:.1f} ms of processor each; all are there once"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--raters", type=int, default=50, help="at once")
    parser.add_argument("--clips", type=int, default=40, help="that each rates")
    parser.add_argument("--items", type=int, default=20)
    parser.add_argument("--methods", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.02, help="that a clip lasts")
    options = parser.parse_args()
    print(f"{options.raters} raters at once, {options.clips} clips each, {options.seconds:g} s a clip")
    with ExitStack() as stack:
        nursery = Nursery()
        stack.callback(nursery.close)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        print("SQLite:    ", run(nursery, folder, f"sqlite:///{folder / 'study.sqlite'}", options))
        try:
            address = stack.enter_context(postgres_server())
        except pytest.skip.Exception as reason:
            print(f"PostgreSQL:  {reason}")
            return
        print("PostgreSQL:", run(nursery, folder, new_schema(address), options))


if __name__ == "__main__":
    main()
