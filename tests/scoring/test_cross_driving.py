"""Followed, leak and closures: a mouth with another person's speech, beside theirs and beside its own."""

import csv

import numpy as np
import pytest
from sklearn.metrics import f1_score

from eval.__main__ import main
from eval.scoring.networks import load_networks
from eval.scoring.score import possible, score, wanted
from lipsync.errors import ConfigError

FACE, SPEAKER = "train/id003_clip01.mp4", "train/id022_clip01.mp4"
METRICS = ("lipcorr", "followed", "leak", "closures")


@pytest.fixture(scope="module")
def clips(cut):
    return cut(FACE, 36), cut(SPEAKER, 30)


@pytest.fixture(scope="module")
def landmarker(weights):
    return load_networks(METRICS)


@pytest.fixture(scope="module")
def ignored(clips, landmarker):
    """The face clip as it was, driven by the speaker: nothing follows, all leaks."""
    face, speaker = clips
    return score(face, face, speaker=speaker, metrics=METRICS, networks=landmarker)


def column(scores, name: str) -> np.ndarray:
    return np.array([row[name] for row in scores.frames], float)


def test_numbers_equal_numpy_and_scikit_learn_on_the_openings(ignored):
    ours, theirs = column(ignored, "opening_generated"), column(ignored, "opening_speaker")
    assert (len(ours), np.isnan(theirs).sum()) == (36, 6)  # the speaker's video ends six frames before
    assert ignored["followed"] == pytest.approx(np.corrcoef(ours[:30], theirs[:30])[0, 1])
    assert ignored.scores["followed"].frames == 30
    real = column(ignored, "opening_reference")
    assert ignored["closures"] == pytest.approx(f1_score(real < 0.03, ours < 0.03)) == 1
    detail = ignored.scores["closures"].detail
    assert (detail["precision"], detail["recall"]) == (1, 1)
    assert detail["share"] == (real < 0.03).mean()


def test_a_mouth_that_ignores_the_speech_leaks(ignored):
    assert ignored["leak"] == ignored["lipcorr"] == pytest.approx(1)
    assert ignored["followed"] < 0.5


def test_a_mouth_that_is_the_speakers_follows(clips, landmarker):
    face, speaker = clips
    found = score(speaker, face, speaker=speaker, metrics=METRICS, networks=landmarker)
    assert found["followed"] == pytest.approx(1)
    assert found["leak"] < 0.5
    assert found["closures"] < 0.9


def test_what_needs_a_speaker_says_so():
    assert not {"followed", "leak"} & set(possible(True, True))
    assert "followed" in possible(False, False, True)
    assert "leak" not in possible(False, False, True)
    assert {"followed", "leak", "closures"} <= set(possible(True, False, True))
    assert not set(METRICS[1:]) & set(wanted(None, True, False, True))  # old tables stay as they are
    with pytest.raises(ConfigError, match="--speaker"):
        wanted(["followed"], True, False)
    with pytest.raises(ConfigError, match="--reference"):
        wanted(["leak"], False, False, True)


def test_a_manifest_names_speakers(clips, weights, tmp_path, capsys):
    face, speaker = clips
    rows = f"one,copy,{face},{face},{speaker}\ntwo,copy,{face},{face},\n"
    (tmp_path / "m.csv").write_text(f"item,method,generated,reference,speaker\n{rows}", encoding="utf-8")
    command = ["batch", "--manifest", str(tmp_path / "m.csv"), "--out", str(tmp_path / "out"), "--metrics"]
    assert main([*command, "leak,closures", "followed"]) == 0
    said = capsys.readouterr().out
    assert "| 1.000 at 0 | 1.00 (1.00, 1.00)" in said, said
    with (tmp_path / "out" / "videos.csv").open(encoding="utf-8") as file:
        rows = {row["item"]: row for row in csv.DictReader(file)}
    assert (rows["one"]["Leak"], rows["two"]["Leak"], rows["two"]["Closures"]) == ("1", "", "1")
    assert rows["one"]["Followed"]
    assert rows["one"]["closure recall"] == "1"
