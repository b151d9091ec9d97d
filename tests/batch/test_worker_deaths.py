"""After a worker's death all workers go on, and none outlives the process that started it.

The rows are in a file without networks: each worker imports it.
"""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from lipsync.batch.engines import in_processes
from lipsync.texts import Message
from tests.portal import ROOT

LONG = 60.0  # s, on a machine that is busy


@dataclass(frozen=True)
class Row:
    name: str
    place: Path
    threads: int = 0

    def write(self, *, error: Message) -> str:
        return str(error)


def meet(row: Row) -> str:
    """End the process, or wait for the row of the other name."""
    if row.name == "deadly":
        os._exit(1)
    (row.place / row.name).touch()
    return "met" if appears(row.place / {"left": "right", "right": "left"}[row.name]) else "was alone"


def appears(path: Path) -> bool:
    deadline = time.monotonic() + LONG
    while not path.exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def sleep(row: Row) -> None:
    (row.place / row.name).write_text(str(os.getpid()))
    (row.place / f"{row.name} is there").touch()
    time.sleep(600)


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def test_after_a_death_all_workers_go_on(tmp_path: Path) -> None:
    rows = [Row(name, tmp_path) for name in ("deadly", "deadly", "left", "right")]
    found = sorted((row.name, result) for row, result in in_processes(rows, meet, 2))
    assert all("died" in result for _, result in found[:2])
    assert found[2:] == [("left", "met"), ("right", "met")]


def test_a_worker_whose_parent_is_killed_ends(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-m", __name__, str(tmp_path)], cwd=ROOT)
    assert appears(tmp_path / "left is there")
    assert appears(tmp_path / "right is there")
    workers = [int((tmp_path / name).read_text()) for name in ("left", "right")]
    assert all(map(alive, workers))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + LONG
    while any(map(alive, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


if __name__ == "__main__":
    list(in_processes([Row("left", Path(sys.argv[1])), Row("right", Path(sys.argv[1]))], sleep, 2))
