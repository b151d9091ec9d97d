"""The ``bench`` command: what is generated and scored, what is kept, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import eval.batch.rows
import lipsync.batch.batch_method
import lipsync.batch.generated_video
from eval.__main__ import main
from eval.batch.suites.bench_run import chosen_methods
from eval.report.bench.bench_json import read_bench_report
from lipsync.assets import asset
from lipsync.errors import ConfigError, FaceError
from lipsync.generate import Request, Result
from lipsync.media import VideoWriter, WriterOptions, read_frames
from lipsync.methods.base import LipSyncMethod
from tests.benchmarks.published import manifest, write_bench_folders

SUITE = """
title = "Small"
description = "Two clips of a few frames."
version = 1
speech = "own"
region = "full"
metrics = ["psnr"]
controls = ["still frame"]
data = "clips"
"""


def write_clip(path: Path, images: list[np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    options = WriterOptions(duration=len(images) / 25, crf=8)
    height, width = images[0].shape[:2]
    with VideoWriter(path, width, height, 25, asset("examples") / "english.wav", options) as writer:
        for image in images:
            writer.write(image)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suite with two clips of a moving portrait, 8 and 10 frames, and another method's folder of videos."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "small.toml").write_text(SUITE)
    source = read_frames(asset("examples") / "set" / "clips" / "english-reference.mp4")
    images = [frame.image[::3, ::3][:128, :128] for frame in islice(source, 18)]
    write_clip(folder / "clips" / "a_1.mp4", images[:8])
    write_clip(folder / "clips" / "b_1.mp4", images[8:])
    shutil.copytree(folder / "clips", folder / "theirs")
    return folder


@pytest.fixture
def suite(clips: Path, tmp_path: Path) -> Path:
    shutil.copytree(clips, tmp_path / "suite")
    return tmp_path / "suite" / "small.toml"


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, ...]]]:
    """What is generated, by methods that copy the face (``still`` its first frame), and what is scored."""
    done: list[tuple[str, ...]] = []
    real = eval.batch.rows.score

    class Fake(LipSyncMethod):
        def __init__(self, name: str) -> None:
            self.card = SimpleNamespace(name=name, title=f"The {name}")  # type: ignore[assignment]
            self.weights_sha256, self.crop_size = name[:1] * 64, 8

    def generate(request: Request, load: Callable[..., LipSyncMethod]) -> Result:
        done.append(("generate", request.face.stem, request.method))
        assert not request.label
        if request.method == "broken":
            raise FaceError("face.none_found", path=request.face.name)
        images = [frame.image for frame in read_frames(request.face)]
        write_clip(request.output, images if request.method == "copy" else images[:1] * len(images))
        sha256 = load(request.method, request.checkpoint).weights_sha256
        return Result(request.output, len(images), 0, 128, 128, 25.0, len(images) / 25, "m", sha256, 1)

    def score(generated, *arguments, **options):
        control = options["control"]
        done.append(("score", *generated.parts[-2:], control.name if control else ""))
        return real(generated, *arguments, **options)

    methods = {name: SimpleNamespace(card=Fake(name).card) for name in ("copy", "still", "broken")}
    for module in ("lipsync.batch.batch_method", "eval.batch.suites.bench_run"):
        monkeypatch.setattr(f"{module}.METHODS", methods)
    monkeypatch.setattr(lipsync.batch.generated_video, "generate", generate)
    monkeypatch.setattr(
        lipsync.batch.batch_method, "load_method", lambda name, checkpoint=None, **_: Fake(name)
    )
    monkeypatch.setattr(eval.batch.rows, "score", score)
    monkeypatch.setenv("LIPSYNC_OFFLINE", "1")
    lipsync.batch.batch_method.forget_networks()
    yield done
    lipsync.batch.batch_method.forget_networks()


def bench(suite: Path, *methods: str, more: tuple[str, ...] = ()) -> int:
    return main(["bench", str(suite), "--out", str(suite.parent / "out"), *more, "--methods", *methods])


def test_videos_are_made_or_found_scored_and_reported(suite, work):
    out = suite.parent / "out"
    assert bench(suite, "copy", "still", f"Theirs={suite.parent / 'theirs'}") == 0
    assert [entry for entry in work if entry[0] == "generate"] == [
        ("generate", "a_1", "copy"), ("generate", "b_1", "copy"),
        ("generate", "a_1", "still"), ("generate", "b_1", "still"),
    ]  # fmt: skip
    assert sum(entry[0] == "score" for entry in work) == 3 * 2 + 2  # and the control
    report = read_bench_report(out / "report.json")
    assert [(m.name, m.title, m.source, m.weights_sha256[:1]) for m in report.methods] == [
        ("copy", "The copy", "generated", "c"), ("still", "The still", "generated", "s"),
        ("Theirs", "Theirs", "folder", ""),
    ]  # fmt: skip
    assert report.command.endswith(f"--methods copy still Theirs={suite.parent}/theirs --out {out}")
    assert (report.suite.name, report.suite.version, len(report.data_sha256)) == ("small", 1, 64)
    assert [item.item for item in report.items] == ["a_1", "b_1"]
    found = {score.method: score for score in report.scores}
    assert found["Theirs"].value == 100.0  # the same files
    assert found["copy"].value > 35 > found["still"].value

    def psnr(generated: Path, reference: Path) -> float:
        pairs = zip(read_frames(generated, fps=25), read_frames(reference, fps=25), strict=True)
        errors = [np.mean((a.image.astype(float) - b.image) ** 2) for a, b in pairs]
        return float(np.mean([10 * np.log10(255**2 / e) if e else 100.0 for e in errors]))

    plain = [
        psnr(out / "videos" / i / "still.mp4", suite.parent / "clips" / f"{i}.mp4") for i in ("a_1", "b_1")
    ]
    assert found["still"].value == pytest.approx(np.mean(plain), abs=0.01)
    page = (out / "report.html").read_text("utf-8")
    assert "<title>Small</title>" in page


def test_what_is_finished_stays_and_another_method_costs_its_own_rows(suite, work):
    bench(suite, "copy")
    work.clear()
    bench(suite, "copy")
    assert work == []
    bench(suite, "copy", "still")
    assert sorted(work) == [
        ("generate", "a_1", "still"), ("generate", "b_1", "still"),
        ("score", "a_1", "still.mp4", ""), ("score", "b_1", "still.mp4", ""),
    ]  # fmt: skip
    work.clear()
    (suite.parent / "out" / "videos" / "a_1" / "copy.mp4").unlink()  # as a run that was killed
    bench(suite, "copy", "still")
    assert [entry[:2] for entry in work] == [("generate", "a_1"), ("score", "a_1")]


def test_rows_that_fail_and_videos_that_are_missing_are_listed_and_counted(suite, work, capsys):
    theirs = suite.parent / "theirs"
    (theirs / "a_1.mp4").unlink()
    (theirs / "b_1.mp4").write_bytes(b"no video")
    assert bench(suite, "broken", f"Theirs={theirs}", "copy") == 0
    report = read_bench_report(suite.parent / "out" / "report.json")
    counts = {score.method: (score.n, score.videos, score.value is None) for score in report.scores}
    assert counts == {"broken": (0, 2, True), "Theirs": (0, 2, True), "copy": (2, 2, False)}
    page = (suite.parent / "out" / "report.html").read_text("utf-8")
    assert "The folder theirs has no video of it." in page
    assert "a_1.mp4" in page  # the sentence of the method that failed names its face
    work.clear()
    bench(suite, "broken", "copy")
    assert [entry[0] for entry in work] == ["generate", "generate"]  # tried again, and nothing else


def test_other_sizes_are_resized_where_the_command_says_so(suite, work):
    source = read_frames(suite.parent / "clips" / "a_1.mp4")
    (suite.parent / "theirs" / "b_1.mp4").unlink()
    write_clip(suite.parent / "theirs" / "a_1.mp4", [frame.image[:96, :96] for frame in source])
    theirs = f"Theirs={suite.parent / 'theirs'}"
    bench(suite, theirs)
    assert [score.n for score in read_bench_report(suite.parent / "out" / "report.json").scores] == [0]
    bench(suite, theirs, more=("--resize",))
    report = read_bench_report(suite.parent / "out" / "report.json")
    assert [score.n for score in report.scores] == [1]
    assert " --resize " in report.command


def test_a_control_speaks_with_the_sound_that_is_a_file_of_its_own(suite, work):
    folder = suite.parent
    (folder / "items.csv").write_text(
        f"item,face,audio,reference\na_1,clips/a_1.mp4,{asset('examples') / 'english.wav'},clips/a_1.mp4\n"
    )
    suite.write_text(SUITE.replace('"clips"', '"items.csv"'))
    bench(suite, "copy")
    rows = [json.loads(path.read_text()) for path in (folder / "out" / "scores" / "rows").glob("*.json")]
    assert {row["method"] for row in rows} == {"still frame", "copy"}
    assert all("error" not in row for row in rows)


@pytest.mark.parametrize(
    ("methods", "said"),
    [
        (["=theirs"], "write NAME=FOLDER"),
        (["Ours="], "write NAME=FOLDER"),
        (["Ours=nowhere"], "nowhere"),
        (["copy", "copy=theirs"], "Two rows would be called 'copy'"),
        (["still frame=theirs"], "Two rows would be called 'still frame'"),
    ],
)
def test_a_method_that_cannot_be_is_refused(suite, work, methods, said, monkeypatch):
    monkeypatch.chdir(suite.parent)
    with pytest.raises(ConfigError, match=said):
        chosen_methods(methods)


def test_a_method_that_is_named_twice_is_one(suite, work, monkeypatch):
    monkeypatch.chdir(suite.parent)
    names = [method.name for method in chosen_methods(["copy", "T=theirs", "copy", "still", "T=theirs"])]
    assert names == ["copy", "T", "still"]


def test_weights_may_lie_in_a_folder_with_an_equals_sign(suite, work, monkeypatch):
    (suite.parent / "lr=1e-4").mkdir()
    monkeypatch.chdir(suite.parent)
    (method,) = chosen_methods(["lr=1e-4"])
    assert method.folder is None
    assert method.method.checkpoint == suite.parent / "lr=1e-4"


def test_an_unknown_method_is_named():
    with pytest.raises(ConfigError, match="Did you mean 'lstm-cbam'"):
        chosen_methods(["lstm-cbm"])


def test_what_cannot_run_is_said_in_one_sentence(suite, work, capsys):
    (suite.parent / "empty").mkdir()
    assert bench(suite, "copy", f"Ours={suite.parent / 'empty'}") == 2
    assert "no video for Ours; name files as the items, such as a_1.mp4" in capsys.readouterr().err
    assert main(["bench", str(suite), "--out", str(suite.parent / "out")]) == 2
    assert "Name at least one method" in capsys.readouterr().err
    assert bench(suite, "copy", more=("--workers", "0")) == 2
    inside = ("bench", str(suite), "--methods", "copy", "--out", str(suite.parent / "clips" / "out"))
    assert main([*inside]) == 2
    assert "would lie among the videos" in capsys.readouterr().err
    assert work == []
    (suite.parent / "file").touch()
    assert main(["bench", str(suite), "--out", str(suite.parent / "file"), "--methods", "copy"]) == 2
    assert "file" in capsys.readouterr().err
    (suite.parent / "items.csv").write_text("item,face,audio\na,clips/a_1.mp4,clips/b_1.mp4\n")
    suite.write_text(SUITE.replace('"clips"', '"items.csv"'))
    assert bench(suite, "copy") == 2
    assert "reference" in capsys.readouterr().err
    assert work == []


def test_a_full_disk_is_one_sentence_and_loses_nothing(suite, work, capsys, monkeypatch):
    bench(suite, "copy")
    capsys.readouterr()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert bench(suite, "copy") == 2
    assert "No space left on device" in capsys.readouterr().err
    monkeypatch.undo()
    assert read_bench_report(suite.parent / "out" / "report.json").scores


@pytest.mark.minutes
def test_the_example_runs_from_a_fresh_checkout(tmp_path, monkeypatch):
    monkeypatch.delenv("LIPSYNC_WEIGHTS", raising=False)
    monkeypatch.setenv("LIPSYNC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LIPSYNC_OFFLINE", "1")
    assert main(["bench", "example", "--out", str(tmp_path / "out")]) == 0
    report = read_bench_report(tmp_path / "out" / "report.json")
    assert {score.n for score in report.scores} == {1, 2}  # one of each language
    assert {score.language for score in report.scores} == {None, "en", "zh"}


@pytest.mark.minutes
def test_models_that_ship_and_published_methods_stand_in_one_report(shared, tmp_path, monkeypatch):
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(shared / "weights"))
    monkeypatch.setenv("LIPSYNC_OFFLINE", "1")
    folder = tmp_path / "published"
    published = write_bench_folders(manifest(shared / "data"), folder)
    assert len(published) == 5
    suite = tmp_path / "short.toml"
    suite.write_text(SUITE.replace('"psnr"', '"psnr", "lipcorr"').replace('"clips"', f'"{folder}/items.csv"'))
    methods = ["mcsawav2lip-embedded", *(f"{name}={folder / name}" for name in published)]
    assert bench(suite, *methods, more=("--clips", "1")) == 0
    report = read_bench_report(tmp_path / "out" / "report.json")
    assert [score.n for score in report.scores] == [1] * 2 * 6
