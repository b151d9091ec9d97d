"""The scores of a model card: who speaks for whom, who is left out, and the table of a real run."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from eval.held_out import held_out, speaker_for, unseen
from lipsync.errors import ConfigError


def write(folder: Path, rows: list[tuple[str, str, str]]) -> Path:
    pd.DataFrame(rows, columns=["file", "id", "split"]).to_csv(folder / "manifest.csv", index=False)
    return folder


def test_other_speech_is_another_persons():
    clips = {name: Path(name) for name in ("a_1", "a_2", "b_1", "c_1")}
    assert {name: speaker_for(name, clips) for name in clips} == {
        "a_1": "b_1", "a_2": "b_1", "b_1": "c_1", "c_1": "a_1",
    }  # fmt: skip


def test_people_that_were_trained_on_are_left_out(tmp_path):
    data = write(
        tmp_path,
        [
            ("v/a_1.mp4", "a", "val"),
            ("v/b_1.mp4", "b", "val"),
            ("v/c_1.mp4", "c", "val"),
            ("x/c_2.mp4", "c", "extra"),
        ],
    )
    assert set(held_out(data, "val")) == {"a_1", "b_1", "c_1"}
    assert set(unseen(data, held_out(data, "val"), ["train", "extra"])) == {"a_1", "b_1"}


def test_a_split_of_one_person_is_refused(tmp_path):
    data = write(tmp_path, [("a.mp4", "a", "val"), ("b.mp4", "a", "val")])
    with pytest.raises(ConfigError, match="fewer than two people"):
        held_out(data, "val")
    with pytest.raises(ConfigError, match=r"manifest\.csv"):
        held_out(tmp_path / "nowhere", "val")


@pytest.mark.slow
def test_the_shipped_core_follows_its_own_speech_more_than_others(shared, tmp_path, monkeypatch):
    """Three held-out people: the mouth correlates with the speech that drives it, not with another's."""
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(shared / "weights"))
    rows = pd.read_csv(shared / "data" / "manifest.csv", dtype=str)
    chosen = rows[rows["file"].isin([f"train/{name}_clip01.mp4" for name in ("id022", "id037", "id044")])]
    chosen = chosen.assign(file=[str(shared / "data" / file) for file in chosen["file"]])
    chosen.to_csv(tmp_path / "manifest.csv", index=False)
    command = [sys.executable, "-m", "eval", "core", "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "out" / "summary.csv")
    scores = table[table["metric"] == "LipCorr"].set_index("method")["mean"]
    assert scores["own speech"] > 0.25
    assert scores["own speech"] > scores["other speech"] + 0.1
