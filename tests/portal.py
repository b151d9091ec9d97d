"""A portal as a process of its own on a free port."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
START = 240  # s that a busy machine may take
STOP = 120  # s, the same for its end
PORTS = range(20_000, 32_000)  # below those that Linux gives to outgoing connections


def free_port() -> int:
    """A port that nobody listens on, and that no connection is given before the server listens."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def serving(
    work: Path,
    env: Mapping[str, str] | None = None,
    root: Path = ROOT,
    python: Sequence[str] = (sys.executable,),
) -> Iterator[str]:
    """The address of a portal, which is stopped at the end.

    Args:
        work: folder of its temporary files, its data and its log.
        env: variables beside those of this process.
        root: where its ``app.py`` lies.
        python: what starts it.
    """
    port = free_port()
    given = {"PORT": str(port), "HOST": "127.0.0.1", "GRADIO_TEMP_DIR": str(work / "cache")}
    given |= {"TMPDIR": str(work), "LIPSYNC_MAX_SECONDS": "60", "LIPSYNC_DATA": str(work / "data")}
    log = work / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [*python, "app.py"], cwd=root, env=os.environ | given | (env or {}), stdout=out, stderr=out
        )
    with answering(server, port, log) as address:
        yield address


@contextmanager
def answering(server: subprocess.Popen[bytes], port: int, log: Path) -> Iterator[str]:
    """The address of a server, once it answers; it is stopped at the end.

    Args:
        log: what it writes, shown where it does not start.
    """
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START
        while not _answers(address):
            told = log.read_text(errors="replace")
            assert server.poll() is None, f"the portal did not start:\n{told}"
            assert time.monotonic() < deadline, f"the portal does not answer:\n{told}"
            time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait(STOP)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=20) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
