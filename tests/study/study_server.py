"""A server of the study's API in a process of its own, which can be killed and is back in a moment.

``python -m tests.study.study_server`` makes all ready once, then forks a server for every line of its
standard input (port, folder and database), and answers with the server's process id when it serves. The
Blocks are those of the portal as far as studies go: the same end points and store, without the tabs that need
networks.
"""

from __future__ import annotations

import gc
import http.client
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from tests.portal import ROOT, free_port

JSON = {"Content-Type": "application/json"}


class Nursery:
    """Forks servers, because importing Gradio takes longer than all else. Close it to end the last one."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.study.study_server"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "GRADIO_ANALYTICS_ENABLED": "False"},
        )  # fmt: skip

    def fork(self, port: int, folder: Path, database: str) -> int:
        """Start a server in the place of the last one; its process id, once it answers."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(port, folder, database, sep="\t", file=self._process.stdin, flush=True)
        said = self._process.stdout.readline().strip()
        assert said.isdigit(), f"the server did not start: {said!r}"
        return int(said)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


class Server:
    """A server of the studies in a folder and a database, which can be killed and started again."""

    def __init__(self, nursery: Nursery, folder: Path, database: str) -> None:
        self._nursery, self._folder, self._database = nursery, folder, database
        self.port = free_port()
        self.start()

    def start(self) -> None:
        """Serve; returns when requests are answered."""
        self.pid = self._nursery.fork(self.port, self._folder, self._database)

    def kill(self) -> None:
        """SIGKILL: no chance to finish anything."""
        os.kill(self.pid, signal.SIGKILL)


class Late:
    """Stands for the service while the Blocks are built, which is before it is known what it serves."""

    service: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.service, name)


def main() -> None:
    import gradio as gr
    import uvicorn

    from eval.ui.study.study_api import add_study
    from lipsync.ui.page_events import start_queue

    uvicorn.Config(lambda: None, log_level="error").load()  # imports what serving needs
    late = Late()
    with gr.Blocks() as demo:
        add_study(late)  # type: ignore[arg-type]
    start_queue(demo)
    gc.collect()
    gc.freeze()  # so that the forks need no copy of it
    child = 0
    for line in sys.stdin:
        with suppress(ProcessLookupError):
            if child:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
        port, folder, database = line.rstrip("\n").split("\t")
        child = os.fork()
        if not child:
            _serve(demo, late, int(port), Path(folder), database)
        print(child if _answers(int(port), child) else "dead", flush=True)
    if child:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def _answers(port: int, child: int) -> bool:
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        with suppress(OSError, http.client.HTTPException):
            line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            line.request("POST", "/gradio_api/run/study_next", '{"data": ["x"]}', JSON)
            line.getresponse().read()
            return True
        time.sleep(0.05)
    return False


def _serve(demo: Any, late: Late, port: int, folder: Path, database: str) -> NoReturn:
    import gradio as gr
    import uvicorn
    from fastapi import FastAPI

    from eval.study.server.service import Service
    from eval.study.storage.store import Store

    sys.stdin.close()
    os.dup2(2, 1)  # what is said is not for the test
    store = Store(database, folder)
    late.service = Service(store, newcomers=100_000, requests=100_000)
    # As launch() does it, without its trial request, which gives up when the machine is busy.
    app = gr.mount_gradio_app(FastAPI(), demo, path="", allowed_paths=[str(store.clips)])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", timeout_graceful_shutdown=1)
    os._exit(0)


if __name__ == "__main__":
    main()
