"""Jobs run in the background, in order, can be stopped, and clean up after themselves."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import gradio as gr
import numpy as np
import pytest
from gradio.context import LocalContext

from lipsync.adapt import Adapted, AdaptRequest
from lipsync.assets import asset
from lipsync.errors import Cancelled, ConfigError, MediaError
from lipsync.generate import Progress, Request, Result
from lipsync.media import VideoWriter, read_frames
from lipsync.methods import AUTO
from lipsync.methods.adapted import Facts
from lipsync.ui.generate_queue import THUMBNAIL, Job, Jobs, speed
from lipsync.ui.public.visitor_limits import Asker, VisitorLimits
from lipsync.ui.visitor import COOKIE, visitor_of


class Gate:
    """Stands for the pipeline: works until let through (the face ``free`` is at once), stops when asked."""

    def __init__(self, error: Exception | None = None, free: str = "") -> None:
        self.open, self.error, self.free = threading.Event(), error, free
        self.order: list[str] = []

    def __call__(
        self, request: Request, progress: Callable[[Progress], None], cancel: threading.Event
    ) -> Result:
        self.order.append(request.face.name)
        request.output.with_suffix(".part").write_bytes(b"half")
        progress(Progress("frames", 5, 10, 2.0, 2.5))
        while request.face.name != self.free and not self.open.wait(0.01):
            if cancel.is_set():
                raise Cancelled("Stopped.")
        if self.error:
            raise self.error
        request.output.write_bytes(b"video")
        return Result(request.output, 10, 0, 96, 96, 25.0, 0.4, request.method, "0" * 64, 1, {"total": 5.0})


@contextmanager
def running(work: Gate, **options: float) -> Iterator[Jobs]:
    jobs = Jobs(work=work, **options)  # type: ignore[arg-type]
    try:
        yield jobs
    finally:
        jobs.close()


def asked(name: str = "a.mp4") -> Request:
    return Request(Path(name), None, Path("out.mp4"))


def wait(job: Job, until: Callable[[Job], bool] = lambda job: job.over) -> Job:
    deadline = time.monotonic() + 120
    while not until(job):
        assert time.monotonic() < deadline, job.state
        time.sleep(0.005)
    return job


def test_a_job_is_found_again_with_its_progress_and_result() -> None:
    with running(work := Gate()) as jobs:
        job = jobs.submit(asked())
        wait(job, lambda job: job.progress is not None)
        assert jobs.get(job.id) is job
        assert job.state == "running"
        work.open.set()
        assert wait(job).state == "done"
        assert job.result is not None
        assert job.result.path.read_bytes() == b"video"
        assert job.result.path.parent.parent == jobs.folder
        assert jobs.speed(job.request.method) == speed(job.result) == 2.0
        assert jobs.get("guess") is None
        assert jobs.get(None) is None
    assert not jobs.folder.exists()


def test_a_job_that_takes_too_long_is_stopped_with_a_sentence_and_the_next_has_its_own_time() -> None:
    with running(Gate(free="b.mp4"), limit=1.0) as jobs:
        first, second = jobs.submit(asked("a.mp4")), jobs.submit(asked("b.mp4"))
        assert wait(first).state == "failed"
        assert isinstance(first.error, ConfigError)
        assert "the limit here, and was stopped" in str(first.error)
        assert not first.folder.exists()
        assert wait(second).state == "done"


def test_who_cancels_within_the_limit_has_cancelled() -> None:
    with running(Gate(), limit=60.0) as jobs:
        job = jobs.submit(asked())
        wait(job, lambda job: job.state == "running")
        job.cancel.set()
        assert wait(job).state == "cancelled"
        assert job.error is None


def test_jobs_wait_for_each_other_and_know_their_place() -> None:
    with running(work := Gate()) as jobs:
        first, second = jobs.submit(asked("a.mp4")), jobs.submit(asked("b.mp4"))
        wait(first, lambda job: job.state == "running")
        assert (second.state, jobs.ahead(first), jobs.ahead(second)) == ("waiting", 0, 1)
        work.open.set()
        wait(second)
        assert work.order == ["a.mp4", "b.mp4"]


def test_cancelling_stops_the_work_and_removes_its_folder() -> None:
    with running(work := Gate()) as jobs:
        active, waiting = jobs.submit(asked()), jobs.submit(asked("b.mp4"))
        wait(active, lambda job: job.progress is not None)
        folder = active.request.output.parent
        assert list(folder.iterdir())
        waiting.cancel.set()
        active.cancel.set()
        assert wait(active).state == wait(waiting).state == "cancelled"
        assert not folder.exists()
        assert work.order == ["a.mp4"]


@pytest.mark.parametrize("error", [MediaError("a.mp4 is odd."), ZeroDivisionError("bug")])
def test_a_failure_keeps_its_reason_and_no_files(error: Exception) -> None:
    with running(work := Gate(error)) as jobs:
        work.open.set()
        job = wait(jobs.submit(asked()))
        assert (job.state, job.error) == ("failed", error)
        assert list(jobs.folder.iterdir()) == []


def test_results_are_forgotten_with_their_files() -> None:
    with running(work := Gate(), keep=0.0) as jobs:
        work.open.set()
        job = wait(jobs.submit(asked()))
        time.sleep(0.01)
        assert jobs.get(job.id) is None
        assert list(jobs.folder.iterdir()) == []


def test_results_go_without_anybody_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Jobs, "sweep", 0.02)
    with running(work := Gate(), keep=0.0) as jobs:
        work.open.set()
        job = jobs.submit(asked())
        deadline = time.monotonic() + 120
        while not job.over or list(jobs.folder.iterdir()):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_too_many_waiting_jobs_are_refused() -> None:
    with running(Gate(), most=2) as jobs:
        jobs.submit(asked())
        jobs.submit(asked())
        with pytest.raises(ConfigError, match="2 jobs are waiting"):
            jobs.submit(asked())


def test_the_file_is_named_after_the_method_that_auto_took() -> None:
    def work(request: Request, progress: Callable[[Progress], None], cancel: threading.Event) -> Result:
        request.output.write_bytes(b"video")
        return Result(request.output, 10, 0, 96, 96, 25.0, 0.4, "core", "0" * 64, 1, {"total": 5.0})

    with running(work) as jobs:  # type: ignore[arg-type]
        job = wait(jobs.submit(Request(Path("a.mp4"), None, Path("a-auto.mp4"), AUTO)))
        assert job.result is not None
        assert (job.result.path.name, job.result.path.read_bytes()) == ("a-core.mp4", b"video")
        assert (jobs.speed("core"), jobs.speed(AUTO)) == (2.0, None)
        kept = wait(jobs.submit(Request(Path("a.mp4"), None, Path("a-core.mp4"), "core")))
        assert kept.result is not None
        assert kept.result.path.name == "a-core.mp4"


def facts(name: str) -> Facts:
    figures = {"mouth_l1": 0.03, "mouth_lpips": 0.2, "lipcorr": 0.5, "score": 0.2}
    return Facts(
        name, "multi-reference", "Multi-reference fusion", "0" * 64, "a.mp4", 256, True, False, 10.0, 60.0, 9,
        8, figures, figures | {"mouth_lpips": 0.1},
    )  # fmt: skip


def test_a_face_is_learned_before_its_video_is_made_with_what_was_learned() -> None:
    told: list[str] = []

    def learn(
        request: AdaptRequest, progress: Callable[[Progress], None], cancel: threading.Event
    ) -> Adapted:
        progress(Progress("learn", 40, 120))
        told.append(request.out.name)
        return Adapted(request.out, facts(request.out.name))

    work = Gate()
    work.open.set()
    with running(work, adapt=learn) as jobs:  # type: ignore[arg-type]
        job = wait(jobs.submit(asked(), AdaptRequest(Path("a.mp4"), Path("cores") / "ada~1")))
        assert (job.state, told) == ("done", ["ada~1"])
        assert job.result is not None
        assert job.result.method == "adapted:ada~1"
        assert "from 0.200 to 0.100" in job.result.notes[0]
        assert wait(jobs.submit(asked())).adapted is None
        assert told == ["ada~1"]


def request_of(name: str) -> gr.Request:
    """A request of the browser of that name, as behind `VisitorCookie`."""
    return gr.Request(cookies={COOKIE: f"{name}.signature"})


def submit_as(jobs: Jobs, name: str, part: bool = False) -> Job:
    token = LocalContext.request.set(request_of(name))
    try:
        return jobs.submit(asked(), part=part)
    finally:
        LocalContext.request.reset(token)


def test_a_visitor_sees_the_own_jobs_the_newest_first_and_the_owner_all() -> None:
    asker = lambda request: None if visitor_of(request) == "owner" else Asker(visitor_of(request), "1.2.3.4")  # noqa: E731
    with running(work := Gate(), visitors=VisitorLimits(9, 10**9, asker)) as jobs:  # type: ignore[arg-type]
        first, other, second = (submit_as(jobs, name) for name in ("ann", "bo", "ann"))
        submit_as(jobs, "ann", part=True)  # what it is a part of shows it
        jobs.submit(asked())  # of nobody
        assert jobs.seen_by(request_of("ann")) == [second, first]
        assert jobs.seen_by(request_of("bo")) == [other]
        assert jobs.seen_by(request_of("cy")) == []
        assert jobs.seen_by(request_of("owner")) == [second, other, first]
        work.open.set()
        wait(second)


def test_a_deleted_job_is_gone_with_its_files_and_no_longer_counts() -> None:
    limits = VisitorLimits(2, 12, lambda request: Asker(visitor_of(request), "1.2.3.4"))
    with running(work := Gate(), visitors=limits) as jobs:  # type: ignore[arg-type]
        active, waiting = submit_as(jobs, "ann"), submit_as(jobs, "ann")
        work.open.set()
        wait(waiting)
        with pytest.raises(ConfigError, match="room for 0 MB"):  # 9 bytes each
            submit_as(jobs, "ann")
        jobs.delete(active)
        assert not active.folder.exists()
        assert jobs.get(active.id) is None
        assert jobs.seen_by(request_of("ann")) == [waiting]
        assert wait(submit_as(jobs, "ann")).state == "done"


def test_what_is_deleted_while_it_runs_is_stopped() -> None:
    with running(Gate()) as jobs:
        job = submit_as(jobs, "ann")
        wait(job, lambda job: job.state == "running")
        jobs.delete(job)
        assert wait(job).state == "cancelled"
        assert not job.folder.exists()


def test_a_result_has_a_small_picture_beside_it() -> None:
    def work(request: Request, progress: Callable[[Progress], None], cancel: threading.Event) -> Result:
        shutil.copyfile(request.face, request.output)
        return Result(request.output, 10, 0, 96, 96, 25.0, 0.4, request.method, "0" * 64, 1, {"total": 5.0})

    face = asset("examples", "portrait.mp4")
    with running(work) as jobs:  # type: ignore[arg-type]
        picture = wait(jobs.submit(Request(face, None, Path("out.mp4")))).folder / THUMBNAIL
        shown = cv2.imread(str(picture)).astype(float)
        first = next(iter(read_frames(face))).image[..., ::-1]
        expected = cv2.resize(first, (192, 192), interpolation=cv2.INTER_AREA)
        assert np.abs(shown - expected).mean() < 4


def test_learning_a_face_can_be_stopped_and_what_is_refused_makes_no_video() -> None:
    begun = threading.Event()

    def learn(
        request: AdaptRequest, progress: Callable[[Progress], None], cancel: threading.Event
    ) -> Adapted:
        if request.face.name == "photo.jpg":
            raise MediaError("photo.jpg is a photo")
        begun.set()
        assert cancel.wait(120)
        raise Cancelled("Stopped.")

    with running(work := Gate(), adapt=learn) as jobs:  # type: ignore[arg-type]
        job = jobs.submit(asked(), AdaptRequest(Path("a.mp4"), Path("ada")))
        assert begun.wait(120)
        job.cancel.set()
        assert wait(job).state == "cancelled"
        refused = wait(jobs.submit(asked(), AdaptRequest(Path("photo.jpg"), Path("ada"))))
        assert isinstance(refused.error, MediaError)
        assert work.order == []


def stepped(path: Path) -> Path:
    """A video of 60 frames a second, each 5 levels brighter than the one before."""
    with VideoWriter(path, 64, 64, 60.0) as writer:
        for level in range(0, 180, 5):
            writer.write(np.full((64, 64, 3), level, np.uint8))
    return path


def test_the_part_beside_a_result_begins_with_the_frame_that_the_result_does(tmp_path: Path) -> None:
    """A GIF of it has 30 frames a second, so its part begins at 2/30 s, where an mp4's does at 3/60 s."""
    wanted = Request(stepped(tmp_path / "a.mp4"), None, Path("o.gif"), face_range=(0.05, 0.5))
    with running(work := Gate()) as jobs:
        work.open.set()
        for ending, first in ((".gif", 4), (".mp4", 3)):
            job = wait(jobs.submit(replace(wanted, output=Path(f"o{ending}"))))
            assert job.source is not None
            (frame,) = read_frames(job.source, max_frames=1)
            assert frame.image.mean() == pytest.approx(5 * first, abs=2)


def test_a_job_that_is_cancelled_while_its_part_is_cut_out_leaves_nothing(tmp_path: Path) -> None:
    work = Gate()
    work.open.set()

    def cancelled_late(request: Request, progress: Callable, cancel: threading.Event) -> Result:  # type: ignore[type-arg]
        cancel.set()
        return work(request, progress, threading.Event())

    wanted = Request(stepped(tmp_path / "a.mp4"), None, Path("o.mp4"), face_range=(0.1, 0.5))
    with running(cancelled_late) as jobs:  # type: ignore[arg-type]
        job = wait(jobs.submit(wanted))
        assert job.state == "cancelled"
        assert not job.folder.exists()
