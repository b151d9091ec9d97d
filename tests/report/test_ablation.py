"""The ablation command: on whom it measures, what it prints beside the published numbers, going on."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from eval.batch.ablation import TABLES, Budget, rows_of, table_named
from eval.batch.held_out import in_turn
from eval.batch.summary import Column
from eval.batch.summary import ScoreTable as Measured
from eval.cli import main
from eval.functional.aggregate import compare, summarise
from eval.report.ablation import differing, paper_table
from lipsync.assets import asset
from lipsync.data.preparation.prepare import prepare
from lipsync.errors import ConfigError
from lipsync.media import VideoWriter, read_audio, read_frames
from lipsync.weights import hub

EXAMPLES = asset("examples")


def measured(scores: dict[str, list[float]]) -> Measured:
    """A table of one metric from its values for each row."""
    values = {name: {str(i): v for i, v in enumerate(column)} for name, column in scores.items()}
    summaries = {name: summarise(found) for name, found in values.items()}
    column = Column("ssim", "SSIM", summaries, tuple(compare(values)), "SSIM, by hand")
    return Measured([], tuple(scores), (), (column,))


def test_what_the_clips_cannot_tell_apart_is_said():
    rng = np.random.default_rng(0)
    base = rng.uniform(0.5, 0.9, 12)
    rows = rows_of(table_named("lstm-1"), Path("runs"), Budget(1, 1))[:3]
    names = [row.name for row in rows]
    # The second is better on every clip, the third better and worse by turns.
    other = base + 0.01 * np.where(np.arange(12) % 2, 1, -1)
    table = measured(dict(zip(names, (base, base + 0.05, other), strict=True)))
    assert "Of the 3 pairs of rows" in differing(rows, table)
    assert "SSIM 2. What" in differing(rows, table)  # the second against both
    same = measured(dict(zip(names, (base, other, base + (other - base)[::-1]), strict=True)))
    assert "SSIM 0. What" in differing(rows, same)


def listed(folder: Path, rows: list[tuple[str, str, str]], frames: list[int] | None = None) -> Path:
    frame = pd.DataFrame(rows, columns=["clip", "identity", "split"])
    frame.assign(frames=frames or 50).to_csv(folder / "manifest.csv", index=False)
    return folder


def test_people_take_turns_and_those_trained_on_stay_out(tmp_path):
    data = listed(
        tmp_path,
        [("a0", "a", "val"), ("a1", "a", "val"), ("b0", "b", "val"), ("c0", "c", "val"), ("c1", "c", "train"),
         ("d0", "d", "train")],
    )  # fmt: skip
    people = in_turn(data, ("train",), "val", most=12)
    assert list(people.clips) == ["a0", "b0", "a1"]
    assert people.people == 2
    assert people.clips["a1"] == tmp_path / "a1.mp4"
    assert list(in_turn(data, ("train",), "val", most=2).clips) == ["a0", "b0"]
    with pytest.raises(ConfigError, match="nobody is left"):
        in_turn(data, ("train", "val"), "val", most=2)
    rows = [("a0", "a", "val"), ("a1", "a", "val"), ("b0", "b", "val"), ("d0", "d", "train")]
    data = listed(tmp_path, rows, [90, 60, 50, 40])
    assert list(in_turn(data, ("train",), "val", most=12).clips) == ["b0", "a1", "a0"]


@pytest.mark.parametrize("name", TABLES)
def test_published_rows_stand_for_the_rows_that_are_trained(name):
    table, paper = TABLES[name], paper_table(TABLES[name])
    assert (*(row.config for row in paper.rows), *table.unprinted) == table.rows
    assert tuple(column.metric for column in paper.columns) == table.metrics


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """One real face as two people, as ``prepare`` leaves them."""
    landmarker = hub.locate("face_landmarker")
    if landmarker is None:
        pytest.skip("needs the face_landmarker artefact (make weights)")
    root = tmp_path_factory.mktemp("ablation")
    frames = [frame.image for frame in read_frames(EXAMPLES / "portrait.mp4", fps=25, max_frames=40)]
    soundfile.write(root / "sound.wav", read_audio(EXAMPLES / "english.wav")[: 40 * 640], 16_000)
    for person in ("anna", "ben"):
        (root / "in" / person).mkdir(parents=True)
        film = root / "in" / person / "film.mp4"
        height, width = frames[0].shape[:2]
        with VideoWriter(film, width, height, 25, audio=root / "sound.wav") as writer:
            for frame in frames:
                writer.write(frame)
    prepare(root / "in", root / "out", landmarker=landmarker)
    return root / "out"


@pytest.mark.slow
def test_command_trains_measures_prints_and_goes_on(prepared, tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    command = [
        "ablate", "--table", "2", "--data", str(prepared), "--out", str(tmp_path), "--steps", "1",
        "--rows", "full", "audio-channel", "--set", "stage.model.width=0.03", "run.device=cpu",
        "run.threads=1", "run.precision=fp32", "sync:stage.clips=1", "generator:stage.windows=1",
        "generator:stage.discriminator_width=0.1",
    ]  # fmt: skip
    assert main(command) == 0
    out, err = capfd.readouterr()
    assert "generator-full: training, 1 steps" in err
    text = (tmp_path / "ablation.md").read_text()
    assert text.strip() in out
    head = next(line for line in text.splitlines() if line.startswith("| Row"))
    for column in ("LSE-D (own expert)", "SSIM", "PSNR", "LipCorr", "LSE-C ↑, published"):
        assert column in head
    rows = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("| ")}
    assert "8.318 | 6.488 | 0.890 | 33.594" in rows["M-CSAWav2Lip (`full`)"]
    own = TABLES["2"].unprinted["audio-channel"]
    assert rows[f"{own} (`audio-channel`)"].endswith("|  |  |  |  |")  # the paper has no numbers for it
    assert "1.000" in rows["*real*"]  # its SSIM with itself
    numbers = rows["M-CSAWav2Lip (`full`)"].split("|")[2:-5]
    assert all(any(digit in number for digit in "0123456789") for number in numbers)
    assert "**Small budget, not the paper's.** Every row had 1 steps of `sync`" in text
    assert "1 clips of 1 people" in text
    assert "protocol 1; SSIM" in text
    runs = json.loads((tmp_path / "ablation.json").read_text())["runs"]
    assert runs["full"][1]["config"]["stage"]["model"]["channel_attention"] is True
    assert all(part["finished"] for row in runs.values() for part in row)
    # A row whose video is lost is drawn and scored again, and nothing is trained twice.
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/checkpoint.pt")}
    lost = next((tmp_path / "videos").glob("full-*"))
    shutil.rmtree(lost)
    assert main(command) == 0
    out, err = capfd.readouterr()
    assert "training" not in err
    assert "full: " in err
    assert "audio-channel: film" not in err
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/checkpoint.pt")} == kept
    assert "| M-CSAWav2Lip (`full`)" in out


def test_mistakes_are_one_sentence(tmp_path, capfd):
    data = listed(tmp_path, [("a0", "a", "val"), ("b0", "b", "train")])
    common = ["ablate", "--data", str(data), "--out", str(tmp_path / "out"), "--steps", "1"]
    assert main([*common, "--table", "3"]) == 2
    assert main([*common, "--table", "2", "--rows", "fulll"]) == 2
    err = capfd.readouterr().err
    assert "no ablation table '3'" in err
    assert "Did you mean 'full'" in err
    assert not (tmp_path / "out").exists()
