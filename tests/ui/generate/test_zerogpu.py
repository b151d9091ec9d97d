"""The GPU step of a ZeroGPU Space, with a stand-in that forks as the real package does; inert elsewhere."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import gradio as gr
import pytest
from gradio.context import LocalContext

from lipsync.errors import ConfigError, FaceError
from lipsync.generate import Progress, Request, Result, generate
from lipsync.ui.generate_queue import Job, Jobs
from lipsync.ui.jobs import zerogpu
from tests.portal import ROOT

EXAMPLES = ROOT / "assets" / "examples"
REQUEST = Request(EXAMPLES / "portrait.mp4", EXAMPLES / "english.wav", Path("x.mp4"))
STAND_INS = ROOT / "tests" / "stand_ins"


@pytest.fixture
def spaces(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The stand-in, on what says that it is a ZeroGPU Space."""
    monkeypatch.syspath_prepend(str(STAND_INS))
    monkeypatch.delitem(sys.modules, "spaces", raising=False)
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    import spaces

    yield spaces
    sys.modules.pop("spaces", None)


def made(request: Request, progress, cancel) -> Result:  # type: ignore[no-untyped-def]
    """Work that is done at once, in whatever process."""
    for done in range(1, 4):
        progress(Progress("frames", done, 3))
    request.output.write_text(str(os.getpid()))
    return Result(request.output, 3, 0, 96, 96, 25.0, 0.1, request.method, "0" * 64, 1)


def run(jobs: Jobs, request: Request = REQUEST, seconds: float = 240) -> Job:
    job = jobs.submit(request)
    end = time.monotonic() + seconds
    while not job.over and time.monotonic() < end:
        time.sleep(0.02)
    assert job.over
    jobs.close()
    return job


@pytest.mark.parametrize("where", ["no Space", "a Space without the package"])
def test_elsewhere_the_work_stays_as_it_is(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spaces", None)  # import fails
    monkeypatch.setenv("SPACES_ZERO_GPU", "" if where == "no Space" else "true")
    assert zerogpu.on_gpu() is generate


def test_the_duration_follows_the_clip(tmp_path: Path) -> None:
    asked = zerogpu.gpu_seconds(REQUEST)  # 4.56 s of speech
    assert asked == zerogpu.START + 5
    as_video = Request(REQUEST.face, REQUEST.audio, REQUEST.output, length="video")  # 5 s
    assert zerogpu.gpu_seconds(as_video) > asked - 1
    with pytest.raises(ConfigError, match="lent for up to 100 s of video"):
        zerogpu.gpu_seconds(Request(_long(tmp_path), None, REQUEST.output))


def _long(folder: Path) -> Path:
    """A sound file of two minutes, which makes a request of two minutes."""
    import numpy as np

    from lipsync.media import VideoWriter, WriterOptions

    path = folder / "long.mp4"
    with VideoWriter(
        path, 32, 32, 1.0, audio=EXAMPLES / "english.wav", options=WriterOptions(duration=120.0)
    ) as writer:
        for _ in range(120):
            writer.write(np.zeros((32, 32, 3), np.uint8))
    return path


def test_a_job_runs_in_the_child_that_has_the_gpu_and_tells_how_far_it_is(spaces) -> None:  # type: ignore[no-untyped-def]
    seen: list[int] = []

    def watched(request, progress, cancel):  # type: ignore[no-untyped-def]
        return lent(request, lambda step: (seen.append(step.done), progress(step)), cancel)

    lent = zerogpu.on_gpu(made)
    jobs = Jobs(work=watched)
    visitor = gr.Request(cookies={})
    token = LocalContext.request.set(visitor)  # type: ignore[arg-type]
    try:
        job = run(jobs)
    finally:
        LocalContext.request.reset(token)
    assert job.state == "done", job.error
    assert job.result is not None
    assert seen == [1, 2, 3]
    (call,) = spaces.CALLS
    assert call["duration"] == zerogpu.gpu_seconds(REQUEST)
    assert call["request"] is visitor, "the lender counts by visitor"
    assert call["child"] != call["parent"] == os.getpid()
    assert call["exit"] == 0


def test_a_sentence_of_the_child_is_the_person_s_and_a_bug_keeps_its_traceback(spaces) -> None:  # type: ignore[no-untyped-def]
    def no_face(*_):  # type: ignore[no-untyped-def]
        raise FaceError("No face was found in me.mp4.")

    job = run(Jobs(work=zerogpu.on_gpu(no_face)))
    assert isinstance(job.error, FaceError)
    assert str(job.error) == "No face was found in me.mp4."

    def bug(*_):  # type: ignore[no-untyped-def]
        raise KeyError(threading.Lock())  # cannot go to another process

    job = run(Jobs(work=zerogpu.on_gpu(bug)))
    assert isinstance(job.error, RuntimeError)
    assert "in bug" in str(job.error)


def test_cancelling_stops_the_child(spaces) -> None:  # type: ignore[no-untyped-def]
    def endless(request, progress, cancel):  # type: ignore[no-untyped-def]
        while not cancel.wait(0.02):
            progress(Progress("frames", 1, 1000))
        raise zerogpu.Cancelled("Stopped.")

    jobs = Jobs(work=zerogpu.on_gpu(endless))
    job = jobs.submit(REQUEST)
    while job.progress is None:
        time.sleep(0.02)
    job.cancel.set()
    end = time.monotonic() + 120
    while not job.over and time.monotonic() < end:
        time.sleep(0.02)
    assert job.state == "cancelled"
    assert spaces.CALLS[0]["exit"] == 0
    jobs.close()


def test_a_lender_that_refuses_is_quoted(spaces, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(spaces, "REFUSE", "You have exceeded your <b>GPU quota</b>.")
    job = run(Jobs(work=zerogpu.on_gpu(made)))
    assert isinstance(job.error, ConfigError)
    assert str(job.error) == (
        "This Space got no GPU for the job (You have exceeded your GPU quota). Try again later."
    )
    assert not isinstance(job.error, gr.Error)


REAL = """
import sys, time
from pathlib import Path
from lipsync.generate import Request
from lipsync.ui.jobs import zerogpu
from lipsync.ui.uploads import look
from lipsync.ui.generate_queue import Jobs
face, out = Path(sys.argv[1]), Path("x.mp4")
work = zerogpu.on_gpu()
look(str(face))  # the page has used the face tracker before, in the process that is forked
jobs = Jobs(work=work)
for _ in range(2):
    job = jobs.submit(Request(face, Path(sys.argv[2]), out, "mcsawav2lip-embedded"))
    while not job.over:
        time.sleep(0.05)
    print(job.state, job.error, job.result and job.result.frames, flush=True)
jobs.close()
"""


@pytest.mark.slow
@pytest.mark.minutes
def test_the_real_pipeline_runs_in_a_fork_of_a_portal_that_was_used(tmp_path: Path) -> None:
    env = os.environ | {"SPACES_ZERO_GPU": "true", "PYTHONPATH": f"{ROOT}:{STAND_INS}"}
    done = subprocess.run(
        [sys.executable, "-c", REAL, EXAMPLES / "portrait.mp4", EXAMPLES / "english.wav"],
        cwd=tmp_path, env=env, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["done None 114"] * 2, done.stderr
