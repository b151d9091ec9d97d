"""Batches: what fails does not stop the rest, others come between, and all is in the zip."""

import csv
import errno
import io
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import gradio as gr
import pytest
from gradio.context import LocalContext

from lipsync.assets import asset
from lipsync.errors import Cancelled, ConfigError, MediaError
from lipsync.generate import Progress, Request, Result
from lipsync.media.output.captions import Caption, caption_file
from lipsync.texts import Message
from lipsync.ui.generate_queue import Jobs
from lipsync.ui.jobs import batch_queue
from lipsync.ui.jobs.batch_panel import file_stem, pairs_of
from lipsync.ui.jobs.batch_queue import BatchEntry, VideoBatch, VideoBatches
from lipsync.ui.jobs.job_list import job_list
from lipsync.ui.public.visitor_limits import Asker, VisitorLimits
from lipsync.ui.visitor import COOKIE, visitor_of


@dataclass
class Pipeline:
    """Stands for generating: writes eight bytes once it is let through; the face ``bad.mp4`` fails."""

    open: threading.Event = field(default_factory=threading.Event)
    order: list[str] = field(default_factory=list)

    def __call__(
        self, request: Request, progress: Callable[[Progress], None], cancel: threading.Event
    ) -> Result:
        self.order.append(request.face.name)
        while not self.open.wait(0.01):
            if cancel.is_set():
                raise Cancelled("job.stopped")
        if request.face.name == "bad.mp4":
            raise MediaError("media.nothing", path="bad.mp4")
        request.output.write_bytes(b"a video.")
        result = Result(request.output, 10, 1, 96, 96, 25.0, 0.4, request.method, "0" * 64, 1)
        if request.captions == "none":
            return result
        caption_file(request.output).write_bytes(b"a caption.")
        return replace(result, captions=(Caption(0.0, 0.4, ("a caption",)),))


@dataclass
class Portal:
    pipeline: Pipeline
    jobs: Jobs
    batches: VideoBatches


@pytest.fixture
def portal() -> Iterator[Portal]:
    limits = VisitorLimits(1, 20, lambda request: Asker(visitor_of(request), visitor_of(request)))
    jobs = Jobs(work=(pipeline := Pipeline()), visitors=limits)
    batches = VideoBatches(jobs, visitors=limits)
    yield Portal(pipeline, jobs, batches)
    batches.close()
    jobs.close()


def entry(face: str, item: str = "") -> BatchEntry:
    item = item or Path(face).stem
    return BatchEntry(item, Request(Path(face), Path("one.wav"), Path(f"{item}.mp4"), "wav2lip"))


def submit(portal: Portal, *faces: str, visitor: str = "ann") -> VideoBatch:
    token = LocalContext.request.set(gr.Request(cookies={COOKIE: f"{visitor}.signature"}))
    try:
        return portal.batches.submit([entry(face) for face in faces])
    finally:
        LocalContext.request.reset(token)


def wait(done: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def table(batch: VideoBatch) -> tuple[set[str], list[dict[str, str]]]:
    """The names of the videos in the zip, and the lines of its table."""
    assert batch.zip is not None
    with zipfile.ZipFile(batch.zip) as archive:
        lines = archive.read("videos.csv").decode("utf-8-sig")
        assert all(archive.read(name) == b"a video." for name in archive.namelist() if name.endswith(".mp4"))
        return set(archive.namelist()) - {"videos.csv"}, list(csv.DictReader(io.StringIO(lines)))


def test_what_fails_is_listed_with_its_sentence_while_the_others_go_on(portal: Portal) -> None:
    portal.pipeline.open.set()
    refused = BatchEntry("cy", None, MediaError("media.missing", path="cy.mp4"))
    batch = portal.batches.submit([entry("a.mp4"), entry("bad.mp4"), refused, entry("b.mp4")])
    wait(lambda: batch.over)
    assert batch.state == "done"
    assert portal.pipeline.order == ["a.mp4", "bad.mp4", "b.mp4"]
    assert [str(one.failure) for one in batch.entries if one.failure] == [
        str(Message("media.nothing", path="bad.mp4")),
        str(Message("media.missing", path="cy.mp4")),
    ]
    names, lines = table(batch)
    assert names == {"a.mp4", "b.mp4"}
    assert [(line["item"], line["video"], bool(line["error"])) for line in lines] == [
        ("a", "a.mp4", False), ("bad", "", True), ("cy", "", True), ("b", "b.mp4", False),
    ]  # fmt: skip
    assert (lines[0]["face"], lines[0]["audio"], lines[0]["method"]) == ("a.mp4", "one.wav", "wav2lip")
    assert (lines[0]["seconds"], lines[0]["frames"], lines[0]["frames_without_face"]) == ("0.400", "10", "1")


def test_captions_lie_beside_their_video_in_the_zip(portal: Portal) -> None:
    portal.pipeline.open.set()
    asked = [replace(entry(face).request, captions="file") for face in ("ann.mp4", "bo.mp4")]
    batch = portal.batches.submit([BatchEntry(one.face.stem, one) for one in asked])
    wait(lambda: batch.over)
    with zipfile.ZipFile(batch.zip) as archive:
        assert archive.read("ann.srt") == archive.read("bo.srt") == b"a caption."


def test_a_full_disk_costs_the_zip_alone(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, entries: Sequence[BatchEntry]) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(batch_queue, "_write_zip", full)
    portal.pipeline.open.set()
    batch = submit(portal, "a.mp4")
    wait(lambda: batch.over)
    assert (batch.state, batch.zip) == ("done", None)
    assert isinstance(batch.error, ConfigError)
    result = batch.entries[0].result
    assert result is not None
    assert result.path.read_bytes() == b"a video."
    assert [path.name for path in batch.folder.iterdir()] == [result.path.parent.name]
    shown = job_list([batch], portal.jobs.ahead, "ann", 3600.0)
    assert "so there is no zip" in shown
    assert "All as zip" not in shown


def test_jobs_of_others_come_between_the_videos_of_a_batch(portal: Portal) -> None:
    batch = submit(portal, "a.mp4", "b.mp4", "c.mp4")
    wait(lambda: portal.pipeline.order)
    job = portal.jobs.submit(Request(Path("other.mp4"), None, Path("x.mp4"), "wav2lip"))
    portal.pipeline.open.set()
    wait(lambda: batch.over and job.over)
    assert portal.pipeline.order[:2] == ["a.mp4", "other.mp4"]


def test_a_cancelled_batch_keeps_what_is_done(portal: Portal) -> None:
    nothing = submit(portal, "a.mp4", "b.mp4")
    wait(lambda: portal.pipeline.order)
    nothing.cancel.set()
    wait(lambda: nothing.over)
    assert nothing.state == "cancelled"
    assert portal.pipeline.order == ["a.mp4"]
    assert not nothing.folder.exists()

    portal.pipeline.open.set()
    some = submit(portal, "c.mp4", "d.mp4")
    wait(lambda: some.entries[0].over)
    portal.pipeline.open.clear()
    some.cancel.set()
    wait(lambda: some.over)
    names, lines = table(some)
    assert "c.mp4" in names
    assert len(lines) == 2


def test_a_batch_is_one_job_of_its_visitor_and_its_files_fill_the_room(portal: Portal) -> None:
    batch = submit(portal, "a.mp4", "b.mp4", "c.mp4", "d.mp4")  # 8 bytes each, of 20
    with pytest.raises(ConfigError, match="which is the most"):
        submit(portal, "e.mp4")
    portal.pipeline.open.set()
    wait(lambda: batch.over)
    assert [one.result is not None for one in batch.entries] == [True, True, True, False]
    assert "room for" in str(batch.entries[3].failure)
    seen = portal.batches.seen_by(gr.Request(cookies={COOKIE: "ann.signature"}))
    assert seen == [batch]
    assert portal.batches.seen_by(gr.Request(cookies={COOKIE: "bo.signature"})) == []
    assert portal.jobs.seen_by(gr.Request(cookies={COOKIE: "ann.signature"})) == []
    portal.batches.delete(batch)
    assert not batch.folder.exists()
    assert all(one.job is None or portal.jobs.get(one.job.id) is None for one in batch.entries)
    last = submit(portal, "e.mp4")
    wait(lambda: last.over)


def test_uploads_are_paired_by_their_endings_or_their_csv(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("ann.mp4", "bo.JPG", "one.wav", "ann (2).mp4")]
    assert [pair.item for pair in pairs_of([str(path) for path in files])] == [
        "ann + one", "bo + one", "ann (2) + one",
    ]  # fmt: skip
    (tmp_path / "my.csv").write_text("face,audio\nann: one?.mp4,\n")
    uploaded = [str(tmp_path / "my.csv"), str(tmp_path / "ann one.mp4")]  # as Gradio writes that name
    assert [(pair.face.name, pair.audio) for pair in pairs_of(uploaded)] == [("ann one.mp4", None)]


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ([], "Add the faces"),
        (["one.wav"], "Add the faces"),
        (["ann.mp4"], "Add at least one speech"),
        (["a/ann.mp4", "b/ann.mp4", "one.wav"], "Two of the files are called ann.mp4"),
        (["a.csv", "b.csv", "ann.mp4"], "Both a.csv and b.csv"),
        ([f"{n}.mp4" for n in range(25)] + [f"{n}.wav" for n in range(20)], "would be 500 videos"),
    ],
)
def test_what_is_wrong_with_the_files_is_one_sentence(names: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        pairs_of([f"/up/{name}" for name in names])


def test_a_video_is_named_after_its_item() -> None:
    assert file_stem("ann: 1/2 + one") == "ann- 1-2 + one"
    assert file_stem("..") == "video"
    assert len(file_stem("张" * 100).encode()) <= 180
    assert asset("examples", "portrait.mp4").is_file()
