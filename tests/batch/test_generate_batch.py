"""Many videos by many methods: what lies where, what is done again, and what is refused or listed."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import lipsync.batch.batch_method
import lipsync.batch.generate_batch
import lipsync.batch.generated_video
from eval.compare.video_import import entries_of_folder
from lipsync.batch.batch_method import batch_methods
from lipsync.batch.engines import DIED
from lipsync.batch.generate_batch import generate_batch
from lipsync.batch.generated_video import GenerationJob
from lipsync.data.face_speech_pairs import FaceSpeechPair
from lipsync.errors import ConfigError, FaceError
from lipsync.generate import Request, Result
from lipsync.methods.base import LipSyncMethod


class Fake(LipSyncMethod):
    def __init__(self, name: str) -> None:
        self.card = SimpleNamespace(name=name)  # type: ignore[assignment]
        self.weights_sha256, self.crop_size = f"weights of {name}", 8


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    """Methods without networks; which videos they were asked for. A face called ``none`` has no face."""
    asked: list[tuple[str, str]] = []

    def generate(request: Request, load: Callable[..., LipSyncMethod]) -> Result:
        core = load(request.method, request.checkpoint)
        asked.append((request.output.parent.parent.name, core.card.name))
        if request.face.stem == "none":
            raise FaceError("face.none_found", path=request.face.name)
        request.output.write_bytes(b"video of " + request.face.read_bytes())
        request.output.with_suffix(".srt").write_text("words")
        facts = (7, 1, 8, 8, 25.0, 0.28, "m", core.weights_sha256, 1, {"total": 0.5}, ("a note",))
        return Result(request.output, *facts)

    monkeypatch.setattr(lipsync.batch.generated_video, "generate", generate)
    monkeypatch.setattr(
        lipsync.batch.batch_method, "load_method", lambda name, checkpoint=None, **_: Fake(name)
    )
    monkeypatch.setattr(lipsync.batch.batch_method, "METHODS", {"a": None, "b": None, "hub": None})
    lipsync.batch.batch_method.forget_networks()
    yield asked
    lipsync.batch.batch_method.forget_networks()


@pytest.fixture
def rows(tmp_path: Path) -> list[FaceSpeechPair]:
    for name in ("ann", "none", "speech", "real"):
        (tmp_path / f"{name}.mp4").write_bytes(name.encode())
    speech = tmp_path / "speech.mp4"
    return [
        FaceSpeechPair("one", tmp_path / "ann.mp4", speech, tmp_path / "real.mp4"),
        FaceSpeechPair("two", tmp_path / "none.mp4", None),
    ]


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_each_video_lies_under_item_and_method_with_what_is_known_of_it(
    made: list[tuple[str, str]], rows: list[FaceSpeechPair], tmp_path: Path
) -> None:
    out, told = tmp_path / "out", []
    videos = generate_batch(rows, ["a", "b"], out, report=lambda *step: told.append(step))
    assert made == [("one", "a"), ("two", "a"), ("one", "b"), ("two", "b")]  # one method after the other
    assert [(video.item, video.method, video.error is None) for video in videos] == [
        ("one", "a", True), ("one", "b", True), ("two", "a", False), ("two", "b", False),
    ]  # fmt: skip
    assert [(done, total) for done, total, _ in told] == [(n, 4) for n in range(5)]
    assert told[0][2] is None
    assert (videos[0].frames, videos[0].frames_without_face, videos[0].seconds) == (7, 1, 0.5)
    assert videos[0].notes == ("a note",)
    found = files(out)
    assert sorted(found) == [
        "one/a.json", "one/a.mp4", "one/a.srt", "one/b.json", "one/b.mp4", "one/b.srt", "one/reference.mp4",
        "two/a.json", "two/b.json",
    ]  # fmt: skip
    assert (found["one/a.mp4"], found["one/reference.mp4"]) == (b"video of ann", b"real")
    record = json.loads(found["one/a.json"])
    assert record["weights_sha256"] == "weights of a"
    assert [os.path.basename(path) for path, *_ in record["inputs"]] == ["ann.mp4", "speech.mp4"]
    assert "none.mp4" in json.loads(found["two/b.json"])["error"]
    assert [(entry.item, entry.method) for entry in entries_of_folder(out)] == [
        ("one", "a"), ("one", "b"), ("one", "reference"),
    ]  # fmt: skip


def test_finished_rows_stay_and_failed_ones_are_tried_again(
    made: list[tuple[str, str]], rows: list[FaceSpeechPair], tmp_path: Path
) -> None:
    first = generate_batch(rows, ["a"], tmp_path / "out")
    made.clear()
    told: list[tuple[int, int]] = []
    again = generate_batch(
        rows, ["a"], tmp_path / "out", report=lambda done, all, _: told.append((done, all))
    )
    assert again == first
    assert made == [("two", "a")]
    assert told == [(1, 2), (2, 2)]


@pytest.mark.parametrize("change", ["settings", "face", "weights", "video", "record"])
def test_whatever_makes_another_video_makes_it_again(
    made: list[tuple[str, str]],
    rows: list[FaceSpeechPair],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
) -> None:
    out, settings = tmp_path / "out", {"length": "video"}
    generate_batch(rows[:1], ["a"], out, settings=settings)
    made.clear()
    generate_batch(rows[:1], ["a"], out, settings=settings | {"batch_size": 1})  # for less memory
    assert made == []
    if change == "settings":
        settings = {"length": "audio"}
    elif change == "weights":
        monkeypatch.setattr(Fake, "__init__", lambda self, name: vars(self).update(
            card=SimpleNamespace(name=name), weights_sha256="others"))  # fmt: skip
    elif change == "video":
        (out / "one" / "a.mp4").write_bytes(b"half")
    elif change == "record":
        (out / "one" / "a.json").write_text('{"fingerprint": ')
    else:
        (tmp_path / "ann.mp4").write_bytes(b"another")
    (video,) = generate_batch(rows[:1], ["a"], out, settings=settings)
    assert made == [("one", "a")]
    assert video.error is None


def test_another_reference_takes_the_place_of_the_old_one_and_makes_no_video_again(
    made: list[tuple[str, str]], rows: list[FaceSpeechPair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, real = tmp_path / "out", tmp_path / "real.mp4"
    generate_batch([replace(rows[0], reference=None)], ["a"], out)
    made.clear()
    for name, content in (("real.mp4", b"real"), ("other.mov", b"other"), ("other.mov", b"changed")):
        (tmp_path / name).unlink(missing_ok=True)
        (tmp_path / name).write_bytes(content)
        (video,) = generate_batch([replace(rows[0], reference=tmp_path / name)], ["a"], out)
        assert video.error is None
        assert {path.name: path.read_bytes() for path in out.rglob("reference.*")} == {
            f"reference{Path(name).suffix}": content
        }
    before = files(out)
    real.unlink()
    assert "There is no file" in str(generate_batch(rows[:1], ["a"], out)[0].error)
    monkeypatch.setattr(os, "link", lambda *_: Path("/dev/full").write_bytes(b"x"))
    monkeypatch.setattr(shutil, "copy2", lambda *_: Path("/dev/full").write_bytes(b"x"))
    real.write_bytes(b"real")
    with pytest.raises(ConfigError, match="is full"):
        generate_batch(rows[:1], ["a"], out)
    assert files(out) == before
    assert made == []


def test_weights_that_are_replaced_during_the_run_are_not_taken_for_those_of_before(
    made: list[tuple[str, str]], rows: list[FaceSpeechPair], tmp_path: Path
) -> None:
    (method,) = batch_methods(["a"])
    before = replace(method, weights_sha256="of before")
    (video,) = generate_batch(rows[:1], [before], tmp_path / "out")
    assert "weights of a were replaced during the run" in str(video.error)
    assert not (tmp_path / "out" / "one" / "a.mp4").exists()


def test_a_video_whose_inputs_are_gone_is_not_lost(
    made: list[tuple[str, str]], rows: list[FaceSpeechPair], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    generate_batch(rows[:1], ["a"], out)
    before, away = files(out), shutil.move(tmp_path / "ann.mp4", tmp_path / "away.mp4")
    (video,) = generate_batch(rows[:1], ["a"], out)
    assert "There is no file" in str(video.error)
    assert files(out) == before
    shutil.move(away, tmp_path / "ann.mp4")
    made.clear()
    assert generate_batch(rows[:1], ["a"], out)[0].error is None
    assert made == []
    # Under another line of the manifest it would be taken for that one's.
    (video,) = generate_batch([replace(rows[0], face=tmp_path / "gone.mp4")], ["a"], out)
    assert "There is no file" in str(video.error)
    assert sorted(files(out)) == ["one/a.json", "one/reference.mp4"]


def test_what_a_killed_worker_left_is_removed(
    made: list[tuple[str, str]], rows: list[FaceSpeechPair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Deadly:
        elsewhere = False

        def for_rows(self, count: int) -> "Deadly":
            return self

        def results(self, jobs: list[GenerationJob], run: object) -> object:
            for job in jobs:
                job.scratch.mkdir(parents=True)
                (job.scratch / ".x.part").write_bytes(b"half")
                job.path.write_bytes(b"moved, but nothing is known of it")
                yield job, job.write(error=DIED)

    out = tmp_path / "out"
    (video,) = generate_batch(rows[:1], ["a"], out, Deadly())  # type: ignore[arg-type]
    assert "died" in str(video.error)
    assert list(files(out)) == ["one/a.json"]
    assert not (out / "one" / ".a").exists()
    assert generate_batch(rows[:1], ["a"], out)[0].error is None


@pytest.mark.parametrize(
    ("items", "methods", "sentence"),
    [
        (["x", "x"], ["a"], "The item 'x' is listed twice"),
        (["Ä", "A\u0308"], ["a"], "is listed twice"),
        (["a/b"], ["a"], "'a/b' cannot be the name of an item"),
        ([".."], ["a"], "cannot be the name of an item"),
        (["x" * 121], ["a"], "cannot be the name of an item"),
        (["字" * 90], ["a"], "cannot be the name of an item"),
        (["a\nb"], ["a"], "cannot be the name of an item"),
        (["x"], ["one/core", "two/core"], "Two methods cannot be called 'core'"),
        (["x"], ["one/reference"], "'reference'"),
    ],
)
def test_names_that_cannot_be_are_one_sentence(
    made: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, items: list[str],
    methods: list[str], sentence: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for name in ("one/core", "two/core", "one/reference"):
        Path(name).mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(
        lipsync.batch.batch_method,
        "load_method",
        lambda name, checkpoint: Fake((checkpoint or Path(name)).name),
    )
    with pytest.raises(ConfigError) as caught:
        generate_batch([FaceSpeechPair(item, Path("f.mp4"), None) for item in items], methods, Path("out"))
    assert sentence in str(caught.value)
    assert made == []
    assert not Path("out").exists()


def test_a_method_of_the_hub_or_a_folder_has_a_name_that_files_can_have(
    made: list[tuple[str, str]], rows: list[FaceSpeechPair], tmp_path: Path
) -> None:
    videos = generate_batch(rows[:1], ["hub:org/core@1234567", "a"], tmp_path / "out")
    assert [video.method for video in videos] == ["hub-org-core@1234567", "a"]
    assert made == [("one", "hub:org/core@1234567"), ("one", "a")]


def test_no_video_is_written_over_an_input(
    made: list[tuple[str, str]], rows: list[FaceSpeechPair], tmp_path: Path
) -> None:
    (tmp_path / "one").mkdir()
    face = tmp_path / "one" / "a.mp4"
    face.write_bytes(b"precious")
    with pytest.raises(ConfigError, match="both an input and a result"):
        generate_batch([FaceSpeechPair("one", face, None)], ["a"], tmp_path)
    assert face.read_bytes() == b"precious"


def test_of_many_rows_each_file_is_looked_at_once_and_none_is_read(
    made: list[tuple[str, str]], rows: list[FaceSpeechPair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Path] = []
    real = lipsync.batch.generate_batch.file_state
    monkeypatch.setattr(
        lipsync.batch.generate_batch, "file_state", lambda path: looked.append(path) or real(path)
    )
    monkeypatch.setattr(
        lipsync.batch.generate_batch, "run_job", lambda job: SimpleNamespace(item=job.row.item)
    )
    monkeypatch.setattr(Path, "read_bytes", None)
    many = [FaceSpeechPair(f"{number}", rows[0].face, rows[0].audio) for number in range(10_000)]
    videos = generate_batch(many, ["a"], tmp_path / "out")
    assert [video.item for video in videos] == [str(number) for number in range(10_000)]
    assert len(looked) == 2
