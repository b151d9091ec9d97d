"""A PostgreSQL server of our own, on a socket in a folder that goes with it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
OPTIONS = ("-c", "listen_addresses=", "-c", "max_connections=100", "-c", "shared_buffers=16MB")


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address of a server that nobody else reaches; stopped and removed at the end.

    It ends with this process, also when that is killed. Skips the test where there is no PostgreSQL, or no
    way to run it.
    """
    if not BINARIES:
        pytest.skip("needs PostgreSQL's server (Debian: apt-get install postgresql)")
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv (Debian: util-linux) to start PostgreSQL, which refuses to run as root")
    import psycopg

    programs = BINARIES[-1].parent
    # A path of a socket may have 107 bytes: pytest's own folders are too deep, and closed to others.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    data = folder / "data"
    words = ["setpriv", "--pdeathsig", "INT"]
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
            words += ["--reuid", "postgres", "--regid", "postgres", "--init-groups"]
        made = [*words, programs / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-N"]
        subprocess.run(made, check=True, capture_output=True, timeout=120, cwd="/")
        with (folder / "log").open("wb") as log:
            command = [*words, BINARIES[-1], "-D", data, "-k", folder, *OPTIONS]
            server = subprocess.Popen(command, stdout=log, stderr=log, cwd="/")
        try:
            address = f"postgresql:///postgres?host={folder}&user=postgres"
            deadline = time.monotonic() + 60
            while True:
                try:
                    psycopg.connect(address).close()
                    break
                except psycopg.OperationalError as problem:
                    if server.poll() is not None or time.monotonic() > deadline:
                        raise RuntimeError((folder / "log").read_text()[-2000:]) from problem
                    time.sleep(0.05)
            yield address
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
            server.wait(60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_schema(address: str) -> str:
    """The address of an empty schema on a server, which is made faster than a database."""
    import psycopg

    name = f"t{os.urandom(6).hex()}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"{address}&options=-csearch_path%3D{name}"
