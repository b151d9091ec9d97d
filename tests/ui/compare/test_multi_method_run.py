"""Several methods on one upload become an item of a set; what takes seconds runs once and can be left."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eval.compare.names import REFERENCE
from eval.compare.rights import PersonalSets, Visitor
from eval.compare.sets import Entry, Sets
from eval.study.server.admin import Admin
from eval.study.storage.store import Store
from eval.ui.access import Access
from eval.ui.compare.background_tasks import BackgroundTask, BackgroundTasks
from eval.ui.compare.compare_context import CompareContext, set_of_result
from lipsync.assets import asset
from lipsync.errors import ArtefactError, Cancelled, ConfigError
from lipsync.generate import Progress, Request, Result
from lipsync.methods import METHODS
from lipsync.ui.generate_queue import Jobs
from tests.coroutines import run

EXAMPLES = asset("examples")
FACE, SPEECH = EXAMPLES / "portrait.mp4", EXAMPLES / "english.wav"


class Pipeline:
    """Stands for generating: copies the face, or fails for a method, once it is let through."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.order: list[str] = []

    def __call__(
        self, request: Request, progress: Callable[[Progress], None], cancel: threading.Event
    ) -> Result:
        self.order.append(request.method)
        while not self.open.wait(0.01):
            if cancel.is_set():
                raise Cancelled("Stopped.")
        if request.method == "wav2lip":
            raise ArtefactError("The weights of wav2lip are not here.")
        shutil.copyfile(FACE, request.output)
        return Result(
            request.output, 125, 0, 384, 384, 25.0, 5.0, request.method, "0" * 64, 1, {"total": 1.0}
        )


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline()


@pytest.fixture
def context(tmp_path: Path, pipeline: Pipeline) -> Iterator[CompareContext]:
    jobs, store = Jobs(work=pipeline), Store(folder=tmp_path)
    access = Access(Sets(tmp_path), store, Admin(), private=True)
    context = CompareContext.of(tmp_path, access, jobs)
    yield context
    context.close()
    jobs.close()
    store.close()


@pytest.fixture
def sets(context: CompareContext, tmp_path: Path) -> PersonalSets:
    """The sets as one visitor may use them."""
    return PersonalSets(Sets(tmp_path), Visitor("ann"), frozenset)


def wait(done: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def asked(method: str, audio: Path | None = SPEECH) -> Request:
    return Request(FACE, audio, Path("out.mp4"), method)


def title(method: str) -> str:
    return METHODS.get(method).card.title


def test_methods_run_in_order_into_one_item_and_a_failure_is_kept_with_its_reason(
    context: CompareContext, sets: PersonalSets, pipeline: Pipeline
) -> None:
    methods = ["mcsawav2lip-embedded", "wav2lip", "wav2lip_gan"]
    method_run = context.runs.start(sets, [asked(name) for name in methods], "portrait")
    assert context.runs.get(method_run.id) is method_run, "a reloaded page finds it"
    pipeline.open.set()
    wait(lambda: method_run.over)
    assert pipeline.order == methods
    item = sets.open(method_run.set).items[0]
    assert item.name == "portrait"
    assert set(item.clips) == {title("mcsawav2lip-embedded"), title("wav2lip_gan")}
    assert item.missing[title("wav2lip")] == "The weights of wav2lip are not here."
    assert item.reference is None, "the face with other speech is no reference"

    again = context.runs.start(sets, [asked("wav2lip_gan", None)], "portrait", method_run.set)
    wait(lambda: again.over)
    set_ = sets.open(method_run.set)
    assert [known.name for known in set_.items] == ["portrait", "portrait 2"]
    assert set_.items[1].reference is not None, "with its own sound the face is what should come out"


def test_a_cancelled_round_keeps_what_is_done_and_leaves_no_empty_set(
    context: CompareContext, sets: PersonalSets, pipeline: Pipeline
) -> None:
    method_run = context.runs.start(sets, [asked("mcsawav2lip-embedded"), asked("wav2lip_gan")], "portrait")
    wait(lambda: pipeline.order)
    method_run.stop()
    wait(lambda: method_run.over)
    assert sets.list() == ()
    with pytest.raises(ConfigError, match="no comparison set"):
        context.runs.start(sets, [asked("wav2lip_gan")], "portrait", "0" * 16)


def test_a_round_goes_into_no_set_of_somebody_else(
    context: CompareContext, sets: PersonalSets, tmp_path: Path
) -> None:
    others = PersonalSets(Sets(tmp_path), Visitor("bo"), frozenset).create("portrait")
    with pytest.raises(ConfigError, match="Only the person who made this set"):
        context.runs.start(sets, [asked("wav2lip_gan")], "portrait", others)


def test_a_result_is_sent_beside_the_video_it_was_made_from(
    context: CompareContext, sets: PersonalSets, pipeline: Pipeline
) -> None:
    pipeline.open.set()
    for audio, other in ((SPEECH, "input"), (None, REFERENCE)):
        job = context.jobs.submit(asked("mcsawav2lip-embedded", audio))
        wait(lambda job=job: job.over)
        id, name, _ = set_of_result(context, sets, str(job.result.path), str(FACE))
        item = sets.open(id).item(name)
        assert item.clip(title("mcsawav2lip-embedded")) is not None
        assert item.clip(other) is not None, other
    id, name, _ = set_of_result(context, sets, str(job.result.path), str(EXAMPLES / "portrait.jpg"))
    assert list(sets.open(id).item(name).clips) == [title("mcsawav2lip-embedded")]


def test_a_result_that_is_sent_again_opens_the_set_made_before(
    context: CompareContext, sets: PersonalSets, pipeline: Pipeline, tmp_path: Path
) -> None:
    pipeline.open.set()
    job = context.jobs.submit(asked("mcsawav2lip-embedded"))
    wait(lambda: job.over)
    result = str(job.result.path)
    first, again = (set_of_result(context, sets, result, str(FACE)) for _ in range(2))
    assert first[:2] == again[:2]
    assert first != again, "the page opens it only when it is told something new"
    others = PersonalSets(Sets(tmp_path), Visitor("bo"), frozenset)
    assert set_of_result(context, others, result, str(FACE))[0] != first[0]
    sets.delete(first[0])
    anew = set_of_result(context, sets, result, str(FACE))[0]
    assert sets.open(anew).items


async def told(tasks: BackgroundTasks, key: object, work: Callable[[BackgroundTask], object]) -> list[object]:
    async for task in tasks.follow(key, work):
        last = task
    return [last.outcome(), last.id]


def test_the_same_errand_is_done_once_for_all_who_ask(context: CompareContext) -> None:
    calls, asked_by_all = [], threading.Event()

    def work(task: BackgroundTask) -> str:
        calls.append(task)
        assert asked_by_all.wait(120)
        return "done"

    async def both() -> list[list[object]]:
        followers = [context.tasks.follow("same", work) for _ in range(2)]
        for follower in followers:
            await anext(follower)  # it has asked: its first state is here
        asked_by_all.set()
        return [[(task.outcome(), task.id) async for task in follower][-1] for follower in followers]

    first, second = run(both())
    assert first == second
    assert len(calls) == 1
    assert run(told(context.tasks, None, work))[0] == "done"
    assert len(calls) == 2


@pytest.mark.parametrize("stays", [False, True])
def test_an_errand_that_nobody_waits_for_is_stopped_unless_it_stays(
    context: CompareContext, stays: bool
) -> None:
    seen: list[str] = []
    end = threading.Event()

    def work(task: BackgroundTask) -> None:
        step = 0
        while not end.wait(0.01):
            step += 1
            task.report(step, step + 1)
        seen.append("ended")

    async def leave() -> None:
        follower = context.tasks.follow("left", work, stays)
        async for task in follower:
            if task.done:
                break
        await follower.aclose()

    run(leave())
    if stays:
        assert context.tasks.has("left")
        end.set()
        wait(lambda: seen)
        return
    wait(lambda: all(task.over for task in context.tasks._tasks.values()))
    assert seen == []
    assert [task.state for task in context.tasks._tasks.values()] == ["cancelled"]


def test_errors_of_an_errand_reach_the_one_who_asked(context: CompareContext, sets: PersonalSets) -> None:
    def work(task: BackgroundTask) -> None:
        sets.create("", [Entry("a", "b", SPEECH)])

    with pytest.raises(Exception, match="sound file"):
        run(told(context.tasks, None, work))
