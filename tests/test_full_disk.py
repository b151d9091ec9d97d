"""On a full disk nothing half-done stays, a sentence says what is wrong, and all works again with room."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.requests import Request as Asked
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from eval.compare.sets import Entry, Sets
from eval.scoring.scores import write_text
from lipsync.batch.batch_method import BatchMethod
from lipsync.batch.generate_batch import generate_batch
from lipsync.data.face_speech_pairs import FaceSpeechPair
from lipsync.errors import ConfigError, LipSyncError, MediaError
from lipsync.generate import Request, Result
from lipsync.media import VideoWriter, WriterOptions, read_frames
from lipsync.ui.generate_queue import Job, Jobs
from lipsync.ui.public.upload_limit import UploadLimit
from lipsync.ui.public.visitor_limits import VisitorLimits

ROOM = 2_000_000  # bytes of the disk
SIDE = 256


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(options, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path, leave: int) -> Path:
    """Take all but so many bytes."""
    filler = disk / "filler"
    filler.write_bytes(bytes(max(0, shutil.disk_usage(disk).free - leave)))
    return filler


def left(disk: Path) -> list[str]:
    """Every file and folder but the filler, and what locks leave."""
    names = (str(path.relative_to(disk)) for path in disk.rglob("*"))
    return sorted(name for name in names if name != "filler" and not name.endswith(".lock"))


def noise(path: Path, frames: int = 30) -> Path:
    """A video that no encoder makes small: about 50 kB a frame."""
    random = np.random.default_rng(0)
    with VideoWriter(path, SIDE, SIDE, 25, options=WriterOptions(crf=8)) as writer:
        for _ in range(frames):
            writer.write(random.integers(0, 256, (SIDE, SIDE, 3), np.uint8))
    return path


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return noise(tmp_path_factory.mktemp("noise") / "noise.mp4")


def told(does: Callable[[], object]) -> str:
    """The one sentence of what fails."""
    with pytest.raises(LipSyncError) as caught:
        does()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_video_that_does_not_fit(disk: Path) -> None:
    with pytest.raises(MediaError, match=r"[Nn]o space left"):
        noise(disk / "out.mp4", frames=80)
    assert left(disk) == []
    noise(disk / "out.mp4", frames=5)
    assert len(list(read_frames(disk / "out.mp4"))) == 5


def ended(job: Job) -> Job:
    deadline = time.monotonic() + 120
    while not job.over:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return job


def test_a_job_that_does_not_fit(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    sizes = iter([ROOM * 2, 1000])

    def work(request: Request, progress: object, cancel: object) -> Result:
        request.output.write_bytes(bytes(next(sizes)))
        return Result(request.output, 1, 0, 96, 96, 25.0, 0.1, "m", "0" * 64, 1, {"total": 1.0})

    jobs = Jobs(work=work)
    try:
        job = ended(jobs.submit(Request(Path("a.mp4"), None, Path("out.mp4"))))
        assert isinstance(job.error, ConfigError)
        assert str(job.error).startswith("The disk of this machine is full; nothing was kept.")
        assert [path for path in disk.rglob("*") if path.is_file()] == []
        assert not job.folder.exists()
        again = ended(jobs.submit(Request(Path("a.mp4"), None, Path("out.mp4"))))
        assert again.state == "done"
        assert again.result is not None
        assert again.result.path.stat().st_size == 1000
    finally:
        jobs.close()
    assert left(disk) == []


@pytest.mark.parametrize("leave", [0, 100_000, 1_200_000])
def test_sets_that_do_not_fit(disk: Path, tmp_path: Path, video: Path, leave: int) -> None:
    whole = Sets(tmp_path / "elsewhere")
    zipped = whole.export(
        whole.create("one", [Entry("a", "A", video), Entry("b", "A", video)]), tmp_path / "a.zip"
    )
    sets = Sets(disk)
    small = sets.create("small", [Entry("a", "A", noise(tmp_path / "tiny.mp4", 2))])
    before, filler = left(disk), fill(disk, leave)
    two = [Entry("c", "A", video), Entry("d", "A", video)]
    for does in (
        lambda: sets.create("two", two),
        lambda: sets.add(small, two),
        lambda: sets.bring(zipped),
        lambda: sets.add_zip(small, zipped),
    ):
        assert any(
            words in told(does)
            for words in ("disk of this machine is full", "enough room on the disk", "o space left")
        )
        assert left(disk) == before
    assert sets.open(small).title == "small"
    filler.unlink()
    sets.delete(small)
    assert not [name for name in left(disk) if name.startswith("compare/")]


def test_an_index_that_does_not_fit_takes_its_videos_along(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = Sets(tmp_path)
    id = sets.create("one", [Entry("a", "A", video)])
    before = left(tmp_path)

    def full(*args: object) -> None:
        raise ConfigError("disk.full")

    monkeypatch.setattr("eval.compare.changes.write_index", full)
    told(lambda: sets.add(id, [Entry("b", "A", video)]))
    assert left(tmp_path) == before


def test_exports_that_do_not_fit(disk: Path, tmp_path: Path, video: Path) -> None:
    sets = Sets(tmp_path)
    id = sets.create("one", [Entry("a", "A", video), Entry("b", "A", video)])
    fill(disk, 100_000)
    assert "o space left" in told(lambda: sets.export(id, disk / "out.zip"))
    assert "o space left" in told(lambda: write_text(disk / "ratings.csv", "x" * ROOM))
    assert left(disk) == []


def test_a_batch_that_does_not_fit_keeps_what_is_finished_and_goes_on_with_room(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(request: Request, load: object) -> Result:
        noise(request.output, frames=15)  # 750 kB
        return Result(request.output, 15, 0, SIDE, SIDE, 25.0, 0.6, "m", "0" * 64, 1)

    method = BatchMethod("m", "m", None, "0" * 64)
    monkeypatch.setattr("lipsync.batch.generated_video.generate", work)
    monkeypatch.setattr("lipsync.batch.generate_batch.batch_methods", lambda names, opened: (method,))
    face = tmp_path / "face.mp4"
    face.write_bytes(b"x")
    rows = [FaceSpeechPair(item, face, None) for item in ("a", "b", "c")]
    out = disk / "out"
    filler = fill(disk, 1_000_000)
    assert "is full. What is finished stays" in told(lambda: generate_batch(rows, ["m"], out))
    finished = ["out/a/m.json", "out/a/m.mp4"]
    assert [name for name in left(disk) if "." in name] == finished
    filler.unlink()
    assert [video.error for video in generate_batch(rows[:2], ["m"], out)] == [None, None]


def test_an_upload_that_does_not_fit_is_refused_before_it_is_written(disk: Path) -> None:
    async def taken(asked: Asked) -> PlainTextResponse:
        return PlainTextResponse(str(len(await asked.body())))

    app = Starlette(routes=[Route("/gradio_api/upload", taken, methods=["POST"])])
    limits = VisitorLimits(1, 10**9, lambda request: None)
    client = TestClient(UploadLimit(app, limits, disk / "gradio"))
    refused = client.post("/gradio_api/upload", content=bytes(1000))
    assert refused.status_code == 413
    assert refused.json()["detail"].startswith("The disk of this machine is full")
    roomy = TestClient(UploadLimit(app, limits, Path("/")))
    assert roomy.post("/gradio_api/upload", content=bytes(1000)).text == "1000"
