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
from lipsync.__main__ import main
from lipsync.batch.batch_method import batch_methods
from lipsync.batch.engines import DIED
from lipsync.batch.generate_batch import generate_batch
from lipsync.batch.generated_video import GenerationJob
from lipsync.data.face_speech_pairs import FaceSpeechPair
from lipsync.errors import ConfigError, FaceError
from lipsync.generate import Request, Result
from lipsync.methods.base import LipSyncMethod
from lipsync.methods.registry import EMBEDDED


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
    assert [os.path.basename(path) for path, *_ in record["inputs"]] == ["ann.mp4", "speech.mp4", "real.mp4"]
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


@pytest.mark.parametrize("change", ["settings", "face", "reference", "weights", "video", "record"])
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
        (tmp_path / {"face": "ann.mp4", "reference": "real.mp4"}[change]).write_bytes(b"another")
    (video,) = generate_batch(rows[:1], ["a"], out, settings=settings)
    assert made == [("one", "a")]
    assert video.error is None
    assert (out / "one" / "reference.mp4").read_bytes() == (tmp_path / "real.mp4").read_bytes()


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


# --- the command -----------------------------------------------------------------------------------------


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """As a spreadsheet of a German Windows writes it, with a row that works and two that cannot."""
    from skimage.data import astronaut
    from skimage.io import imsave

    from tests.test_generate import say

    imsave(tmp_path / "ann.png", astronaut()[:320, 60:380])
    say(tmp_path / "speech.wav", 0.4)
    path = tmp_path / "m.csv"
    lines = ["item;face;audio;reference", "good;ann.png;speech.wav;", "mute;ann.png;;", "lost;nobody.mp4;;"]
    path.write_bytes("\r\n".join(lines).encode("utf-8-sig"))
    return path


def test_the_command_makes_what_can_be_made_and_lists_the_rest(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[str] = []
    real = lipsync.batch.batch_method.load_method
    monkeypatch.setattr(
        lipsync.batch.batch_method, "load_method", lambda *given: loads.append(given[0]) or real(*given)
    )
    lipsync.batch.batch_method.forget_networks()
    arguments = ["generate", "--manifest", str(manifest), "--methods", EMBEDDED, "--out", str(tmp_path / "R")]
    assert main([*arguments, "--quality", "small", "--no-label"]) == 2
    said = capsys.readouterr()
    assert said.out.strip().endswith("R: 1 of 3 videos")
    assert said.err.strip().splitlines()[-2:] == [
        f"mute, {EMBEDDED}: ann.png has no sound of its own. Add a recording of speech.",
        f"lost, {EMBEDDED}: There is no file {tmp_path / 'nobody.mp4'}; check the name.",
    ]
    assert "3/3" in said.err
    record = json.loads((tmp_path / "R" / "good" / f"{EMBEDDED}.json").read_text())
    assert (record["frames"], record["settings"]["quality"]) == (10, "small")
    assert loads == [EMBEDDED]
    manifest.write_text("item,face,audio\ngood,ann.png,speech.wav\n")
    assert main([*arguments, "--quality", "small", "--no-label", "--json"]) == 0
    (video,) = json.loads(capsys.readouterr().out)
    assert (video["item"], video["frames"], video["error"]) == ("good", 10, None)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--manifest", "m.csv", "--audio", "x.wav"], "--audio is for one video"),
        (["--manifest", "m.csv", "--method", "multi-reference"], "--method is for one video"),
        (["--manifest", "m.csv", "--checkpoint", "x"], "--checkpoint is for one video"),
        (["--manifest", "m.csv", "--audio-range", "0", "1"], "--audio-range is for one video"),
        (["--face", "x.mp4", "--methods", "a"], "--methods is for many videos"),
        (["--face", "x.mp4", "--workers", "2"], "--workers is for many videos"),
        (["--manifest", "m.csv", "--workers", "0"], "--workers must be 1 or more"),
        (["--manifest", "m.csv", "--methods", "multi-referense"], "multi-reference"),
        (["--manifest", "nowhere.csv"], "There is no file nowhere.csv"),
        (["--manifest", "two.csv"], "'one' is listed twice"),
        (["--manifest", "lacks.csv"], "lacks.csv has no column 'item'"),
        (["--manifest", "m.csv", "--methods", EMBEDDED, "--ray", "127.0.0.1:9"], "No Ray cluster"),
    ],
)
def test_what_cannot_be_together_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str],
    sentence: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("m.csv").write_text("item,face,audio\none,x.mp4,\n")
    Path("two.csv").write_text("item,face,audio\none,x.mp4,\none,y.mp4,\n")
    Path("lacks.csv").write_text("face,audio\nx.mp4,\n")
    assert main(["generate", "--out", "R", *arguments]) == 2
    assert sentence in capsys.readouterr().err.strip().splitlines()[-1]
    assert not list(Path("R").rglob("*.json"))
