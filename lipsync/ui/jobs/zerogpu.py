"""The GPU of a ZeroGPU Space, which is lent for one call at a time to a process of its own.

The package ``spaces`` forks the portal, runs a decorated function in the child, where there is a GPU, and
brings back what it yields. So a job's progress and its result are yielded, and stopping the job closes the
generator. Everywhere else, and wherever ``spaces`` is missing, jobs run as they are.
"""

from __future__ import annotations

import os
import queue
import re
import threading
import traceback
from collections.abc import Callable, Iterator

import gradio as gr

from lipsync.errors import Cancelled, ConfigError, LipSyncError
from lipsync.generate import Progress, Request, Result, generate
from lipsync.plan import result_seconds
from lipsync.ui.generate_queue import Generate

START = 20  # s until the child has its GPU and the networks are there
PACE = 1.0  # s of work for a second of video; tracking and encoding, on the processor, set it
MOST = 120  # s that a Space may ask for at once


def gpu_seconds(request: Request) -> int:
    """Seconds that the GPU is asked for: the fewer, the sooner it is lent, the less of a share it costs.

    Raises:
        ConfigError: longer than a Space may ask for.
        LipSyncError: the request cannot be done at all.
    """
    length = result_seconds(request)
    wanted = round(START + PACE * length + 0.5)
    if wanted > MOST:
        raise ConfigError("space.too_long", seconds=length, most=(MOST - START) / PACE)
    return wanted


def forks() -> bool:
    """Whether this is a ZeroGPU Space, whose jobs run in forks of this process."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def on_gpu(work: Generate = generate) -> Generate:
    """``work`` as it is, or on a ZeroGPU Space in a GPU step as long as the clip needs.

    To be called before anything uses CUDA, and before the portal is launched: Spaces want to see the step.
    """
    if not forks():
        return work
    try:
        import spaces
    except ImportError:
        return work

    @spaces.GPU(duration=gpu_seconds)
    def step(request: Request) -> Iterator[Progress | Result | Exception]:
        yield from _steps_of(work, request)

    def lent(request: Request, progress: Callable[[Progress], None], cancel: threading.Event) -> Result:
        steps = step(request)
        result: Result | None = None
        try:
            for reported in steps:
                if isinstance(reported, Exception):
                    raise reported
                if isinstance(reported, Result):
                    result = reported
                    continue
                progress(reported)
                if cancel.is_set():
                    raise Cancelled("job.stopped")
        except gr.Error as refused:  # no GPU was lent, or it was taken back
            reason = re.sub(r"<[^>]*>", "", str(refused.message)).strip().rstrip(".")
            raise ConfigError("space.no_gpu", reason=reason) from refused
        finally:
            steps.close()
        if result is None:
            raise RuntimeError("the GPU step ended without a result")
        return result

    return lent


def _steps_of(work: Generate, request: Request) -> Iterator[Progress | Result | Exception]:
    """Progress of a job while it runs, then its result, or why there is none; closing it stops the job."""
    reported: queue.SimpleQueue[Progress | Result | Exception] = queue.SimpleQueue()
    cancel = threading.Event()

    def run() -> None:
        try:
            reported.put(work(request, reported.put, cancel))
        except LipSyncError as problem:
            reported.put(problem)
        except Exception:  # others may not survive the way to another process; their text does
            reported.put(RuntimeError(traceback.format_exc()))

    thread = threading.Thread(target=run, name="gpu", daemon=True)
    thread.start()
    try:
        while True:
            step = reported.get()
            yield step
            if not isinstance(step, Progress):
                return
    finally:
        cancel.set()
        thread.join()
