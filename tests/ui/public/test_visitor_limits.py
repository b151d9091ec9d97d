"""What one visitor may have at once: jobs of all queues together, and bytes; the owner has no limit."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from gradio.context import LocalContext
from starlette.applications import Starlette
from starlette.requests import Request as Asked
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from eval.ui.compare.background_tasks import BackgroundTasks
from lipsync.errors import Cancelled, ConfigError
from lipsync.generate import Progress, Request, Result
from lipsync.ui.generate_queue import Jobs
from lipsync.ui.job_queue import Task
from lipsync.ui.public.upload_limit import UploadLimit
from lipsync.ui.public.visitor_limits import Asker, VisitorLimits, folder_bytes
from lipsync.ui.visitor import COOKIE
from tests.coroutines import run

MB = 1_000_000
ROOT = Path("/")


@dataclass
class Person:
    """Stands for a request of Gradio."""

    name: str
    address: str = "192.0.2.1"

    @property
    def cookies(self) -> dict[str, str]:
        return {COOKIE: f"{self.name}.signature"}


def asker(person: Person) -> Asker | None:
    return None if person.name == "owner" else Asker(person.name, person.address)


@contextmanager
def asking(name: str, address: str = "192.0.2.1") -> Iterator[None]:
    """As if Gradio answered a request of that visitor."""
    token = LocalContext.request.set(Person(name, address))  # type: ignore[arg-type]
    try:
        yield
    finally:
        LocalContext.request.reset(token)


class Work:
    """Stands for the pipeline: a result of some bytes, written when it is let through."""

    def __init__(self, size: int = 0) -> None:
        self.size, self.open = size, threading.Event()

    def __call__(
        self, request: Request, progress: Callable[[Progress], None], cancel: threading.Event
    ) -> Result:
        while not self.open.wait(0.01):
            if cancel.is_set():
                raise Cancelled("job.stopped")
        request.output.write_bytes(bytes(self.size))
        return Result(request.output, 1, 0, 96, 96, 25.0, 0.1, "m", "0" * 64, 1, {"total": 1.0})


REQUEST = Request(Path("a.mp4"), None, Path("out.mp4"))


@contextmanager
def queues(limits: VisitorLimits, work: Work) -> Iterator[tuple[Jobs, Jobs]]:
    both = Jobs(work=work, visitors=limits), Jobs(work=work, visitors=limits)
    try:
        yield both
    finally:
        for queue in both:
            queue.close()


def ended(job: Task) -> None:
    for _ in range(3000):
        if job.over:
            return
        threading.Event().wait(0.01)
    raise AssertionError(job.state)


def test_jobs_of_one_visitor_count_in_all_queues_until_they_end() -> None:
    work = Work()
    with queues(VisitorLimits(2, MB, asker), work) as (first, second), asking("ann"):
        one = first.submit(REQUEST)
        second.submit(REQUEST)
        with pytest.raises(ConfigError, match=r"^2 jobs of yours wait or run here") as told:
            first.submit(REQUEST)
        assert "\n" not in str(told.value)
        one.cancel.set()
        ended(one)
        first.submit(REQUEST)


def test_a_text_to_speak_counts_as_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lipsync.ui.choices.speech_queue.speak", lambda *_, cancel: cancel.wait(60))
    with queues(VisitorLimits(1, MB, asker), Work()) as (jobs, _), asking("ann"):
        text = jobs.speeches.submit("Good morning.", "en_US-joe-medium")
        with pytest.raises(ConfigError, match="1 job of yours"):
            jobs.submit(REQUEST)
        with pytest.raises(ConfigError, match="1 job of yours"):
            jobs.speeches.submit("Good morning.", "en_US-joe-medium")
        text.cancel.set()
        ended(text)
        jobs.submit(REQUEST)


def test_a_visitor_does_not_stand_in_the_way_of_another() -> None:
    with queues(VisitorLimits(1, MB, asker), Work()) as (jobs, _):
        for name, address in (("ann", "192.0.2.1"), ("bob", "192.0.2.2")):
            with asking(name, address):
                jobs.submit(REQUEST)
        with asking("ann"), pytest.raises(ConfigError, match="1 job of yours"):
            jobs.submit(REQUEST)


def test_a_new_cookie_for_each_job_ends_at_the_limit_of_the_address() -> None:
    with queues(VisitorLimits(2, MB, asker), Work()) as (jobs, _):
        for number in range(4):
            with asking(f"cookie {number}"):
                jobs.submit(REQUEST)
        with asking("cookie 5"), pytest.raises(ConfigError, match=r"^4 jobs from your network address"):
            jobs.submit(REQUEST)
        with asking("cookie 6", "192.0.2.9"):
            jobs.submit(REQUEST)


def test_the_owner_and_the_portal_itself_have_no_limit() -> None:
    with queues(VisitorLimits(1, 1, asker), Work()) as (jobs, _):
        for _ in range(3):
            with asking("owner"):
                jobs.submit(REQUEST)
            jobs.submit(REQUEST)


def test_a_run_of_several_methods_is_one_job() -> None:
    with queues(VisitorLimits(1, MB, asker), Work()) as (jobs, _), asking("ann"):
        for _ in range(3):
            jobs.submit(REQUEST, part=True)
        jobs.submit(REQUEST)


def test_a_background_task_that_outlives_its_page_is_a_job_and_no_other_is() -> None:
    tasks, halt = BackgroundTasks(visitors=VisitorLimits(1, MB, asker)), threading.Event()

    async def begin(stays: bool) -> None:
        with asking("ann"):
            async for task in tasks.follow(None, lambda task: halt.wait(60), stays):
                assert not task.over
                break

    try:
        run(begin(stays=False))
        run(begin(stays=True))
        run(begin(stays=False))
        with pytest.raises(ConfigError, match="1 job of yours"):
            run(begin(stays=True))
    finally:
        halt.set()
        tasks.close()


def test_a_refused_job_leaves_nothing_that_counts() -> None:
    with queues(VisitorLimits(1, MB, asker), Work()) as (jobs, _), asking("ann"):
        one = jobs.submit(REQUEST)
        for _ in range(3):
            with pytest.raises(ConfigError):
                jobs.submit(REQUEST)
        one.cancel.set()
        ended(one)
        jobs.submit(REQUEST)


def test_results_uploads_and_sets_take_room_together() -> None:
    work, sets = Work(size=400_000), {"ann": 0}
    limits = VisitorLimits(9, MB, asker, sets=lambda names: sum(sets.get(name, 0) for name in names))
    work.open.set()
    with queues(limits, work) as (jobs, _), asking("ann"):
        job = jobs.submit(REQUEST)
        ended(job)
        ann = Asker("ann", "192.0.2.1")
        limits.uploaded(ann, 300_000)
        limits.check_disk(ann, 300_000)
        sets["ann"] = 350_000
        with pytest.raises(ConfigError, match="take 1 MB here, and there is room for 1 MB"):
            jobs.submit(REQUEST)
        with asking("bob"):
            jobs.submit(REQUEST)
        sets["ann"] = 0
        jobs.submit(REQUEST)


def test_a_new_cookie_for_each_set_ends_at_the_limit_of_the_address() -> None:
    limits = VisitorLimits(1, MB, asker, sets=lambda names: 700_000 * len(names))
    for name in ("ann", "bob"):
        limits.check_disk(Asker(name, "192.0.2.1"))
    with pytest.raises(ConfigError, match="take 2 MB here"):
        limits.check_disk(Asker("cy", "192.0.2.1"))
    limits.check_disk(Asker("cy", "192.0.2.9"))


def test_uploads_count_for_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("lipsync.ui.public.visitor_limits.time.monotonic", lambda: now)
    limits, ann = VisitorLimits(1, MB, asker), Asker("ann", "192.0.2.1")
    limits.uploaded(ann, MB)
    with pytest.raises(ConfigError):
        limits.check_disk(ann)
    now += 24 * 3600 + 1
    limits.check_disk(ann)


def test_a_folder_that_goes_meanwhile_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_bytes(bytes(1234))
    (tmp_path / "a" / "gone").symlink_to(tmp_path / "nothing")
    assert 1234 <= folder_bytes(tmp_path / "a") < 2000
    assert folder_bytes(tmp_path / "nothing") == 0


async def taken(asked: Asked) -> PlainTextResponse:
    return PlainTextResponse(str(len(await asked.body())))


def portal(limits: VisitorLimits) -> TestClient:
    app = Starlette(routes=[Route("/gradio_api/upload", taken, methods=["POST"])])
    return TestClient(UploadLimit(app, limits, ROOT))


def by_header(asked: Asked) -> Asker | None:
    return asker(Person(asked.headers.get("x-name", "ann")))


def test_an_upload_without_room_is_refused_before_it_is_read() -> None:
    limits = VisitorLimits(1, MB, by_header)
    client = portal(limits)
    assert client.post("/gradio_api/upload", content=bytes(600_000)).text == "600000"
    refused = client.post("/gradio_api/upload", content=bytes(600_000))
    assert refused.status_code == 413
    assert refused.json()["detail"].startswith("Your results, uploads and sets take 1 MB here")
    assert client.post("/gradio_api/upload", content=bytes(600_000), headers={"x-name": "owner"}).text


def test_uploads_that_come_at_once_count_together() -> None:
    limits, ann = VisitorLimits(1, MB, by_header), Asker("ann", "192.0.2.1")

    async def slow(asked: Asked) -> PlainTextResponse:
        with pytest.raises(ConfigError):  # another one, while this one is on its way
            limits.check_disk(ann, 600_000)
        return await taken(asked)

    app = Starlette(routes=[Route("/gradio_api/upload", slow, methods=["POST"])])
    client = TestClient(UploadLimit(app, limits, ROOT))
    assert client.post("/gradio_api/upload", content=bytes(600_000)).text == "600000"
    limits.check_disk(ann, 300_000)  # it counts once


def test_an_upload_that_hides_its_length_counts_all_the_same() -> None:
    limits = VisitorLimits(1, MB, by_header)
    client = portal(limits)
    assert client.post("/gradio_api/upload", content=iter([bytes(600_000)] * 2)).text == "1200000"
    assert client.post("/gradio_api/upload", content=b"x").status_code == 413


def test_other_requests_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    passed = []

    async def app(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        passed.append((scope, receive, send))

    limit = UploadLimit(app, VisitorLimits(1, 1, by_header), ROOT)
    scope = {"type": "http", "path": "/gradio_api/queue/join", "method": "POST", "headers": []}
    run(limit(scope, "receive", "send"))  # type: ignore[arg-type]
    run(limit({"type": "websocket", "path": "/gradio_api/upload"}, "receive", "send"))  # type: ignore[arg-type]
    assert [(receive, send) for _, receive, send in passed] == [("receive", "send")] * 2
