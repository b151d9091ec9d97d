"""The scores of cores: who speaks for whom, who is left out, and the columns of toys and of a real run."""

import json
import subprocess
import sys
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import soundfile

from eval.__main__ import main
from eval.batch.cores import faces_of
from eval.batch.held_out import held_out, speakers_of_clips, unseen
from eval.batch.silences import SILENCES
from lipsync.errors import ConfigError
from lipsync.faces.tracking.landmarks import mouth_opening
from lipsync.faces.tracking.track import FaceTracker
from lipsync.media import VideoWriter, WriterOptions, read_frames


def write(folder: Path, rows: list[tuple[str, str, str]]) -> Path:
    pd.DataFrame(rows, columns=["file", "id", "split"]).to_csv(folder / "manifest.csv", index=False)
    return folder


def test_other_speech_is_another_persons():
    assert speakers_of_clips(["a_1", "a_2", "b_1", "c_1", "a_3"]) == {
        "a_1": "b_1", "a_2": "b_1", "b_1": "c_1", "c_1": "a_3", "a_3": "b_1",
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


def test_a_few_clips_keep_the_speakers_they_have_among_all():
    clips = {name: Path(f"{name}.mp4") for name in ("a_1", "a_2", "b_1", "c_1")}
    faces = faces_of(clips, 2)
    assert [(face.name, face.speaker, face.voice.name) for face in faces] == [
        ("a_1", "b_1", "b_1.mp4"), ("a_2", "b_1", "b_1.mp4"),
    ]  # fmt: skip
    assert faces_of(clips, 1) == faces[:1]
    assert [face.name for face in faces_of(clips, None)] == list(clips)


class Drawing:
    """Stands for two methods whose numbers are known. ``copy`` shows whom it hears: the clip itself, the
    other speaker, a still frame in silence. ``deaf`` does the contrary: a still frame for its own speech, and
    the mouth that was there for everything else."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def run(self, command: list[str]) -> int:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("eval.batch.cores.generate", self.generate)
            patch.setattr("eval.batch.cores.load_method", self.load)
            return main(command)

    def load(self, name, checkpoint):
        return SimpleNamespace(weights_sha256=f"{name:x<64}")

    def generate(self, request):
        self.made.append(f"{request.method} {request.output.stem}")
        silent, own = request.audio.suffix == ".wav", request.audio == request.face
        assert (request.length, request.allow_silence) == (("audio", True) if silent else ("video", False))
        face = [frame.image for frame in read_frames(request.face)]
        count = 12 if silent else len(face)  # of silence as much as is enough here
        shown = face
        if request.method == "copy" and not silent:
            shown = [frame.image for frame in read_frames(request.audio)]
        if (request.method == "copy" and silent) or (request.method == "deaf" and own):
            shown = face[:1]
        options = WriterOptions(duration=count / 25, crf=6)
        with VideoWriter(request.output, 256, 256, 25, request.audio, options) as writer:
            for image in (shown + shown[-1:] * count)[:count]:
                writer.write(image)
        return SimpleNamespace(frames=count)


def openings(video: Path, landmarker: Path, most: int | None = None) -> np.ndarray:
    tracker = FaceTracker(landmarker, 25)
    try:
        tracked = tracker.track(islice(read_frames(video, fps=25), most))
        return np.array([float(mouth_opening(item.landmarks.astype(np.float64))) for item in tracked])
    finally:
        tracker.close()


def lagged(ours: np.ndarray, real: np.ndarray, lag: int) -> float:
    pairs = [(ours[t + lag], real[t]) for t in range(len(real)) if 0 <= t + lag < len(ours)]
    return float(np.corrcoef(*zip(*pairs, strict=True))[0, 1])


@pytest.fixture(scope="module")
def two_cores(cut, weights, tmp_path_factory):
    """The command for two people and two methods, as it leaves its folder; the methods; its command line."""
    root = tmp_path_factory.mktemp("cores")
    clips = {"a": cut("train/id003_clip01.mp4", 32), "b": cut("train/id022_clip01.mp4", 27)}
    for name, clip in clips.items():
        (root / f"{name}_1.mp4").write_bytes(clip.read_bytes())
    write(root, [(f"{name}_1.mp4", name, "val") for name in clips])
    drawing = Drawing()
    command = ["core", "--data", str(root), "--out", str(root / "out"), "--method", "copy", "deaf"]
    assert drawing.run(command) == 0
    return root, drawing, command


def test_columns_of_all_methods_equal_plain_computation(two_cores, weights):
    root, _, _ = two_cores
    landmarker = weights / "face_landmarker.task"
    table = pd.read_csv(root / "out" / "cores.csv").set_index("core")
    assert list(table.index) == ["real", "still frame", "copy", "deaf"]
    real = {name: openings(root / f"{name}_1.mp4", landmarker) for name in "ab"}
    for core in ("copy", "deaf"):
        (videos,) = (root / "out" / core).glob("videos-*")
        drawn = {
            name: {
                kind: openings(videos / f"{name}_1 {kind}.mp4", landmarker)
                for kind in ("own speech", "other speech", "digital silence", "room noise", "music")
            }
            for name in "ab"
        }
        row = table.loc[core]
        own = {name: found["own speech"] for name, found in drawn.items()}
        other = {name: found["other speech"] for name, found in drawn.items()}
        within = [np.concatenate([side[n] - side[n].mean() for n in "ab"]) for side in (own, real)]
        assert row["spread"] == pytest.approx(within[0].std() / within[1].std(), rel=1e-3)
        # a is 32 frames long and hears b's 27, b is 27 frames long: both are followed over 27.
        followed = [lagged(other[n][:27], real[voice][:27], 0) for n, voice in ("ab", "ba")]
        assert row["followed"] == pytest.approx(np.mean(followed), abs=1e-4)
        leaks = [np.average([lagged(other[n], real[n], lag) for n in "ab"], weights=[32, 27])
                 for lag in range(-5, 6)]  # fmt: skip
        assert row["leak"] == pytest.approx(max(leaks), abs=1e-4)
        assert row["leak_lag0"] == pytest.approx(leaks[5], abs=1e-4)
        assert row["leak_lag"] == np.argmax(leaks) - 5
        touch = [np.concatenate([side[n] for n in "ab"]) < 0.03 for side in (own, real)]
        if touch[1].any():
            recall = (touch[0] & touch[1]).sum() / touch[1].sum()
            assert row["closure_recall"] == pytest.approx(recall, rel=1e-5)
        assert row["real_closures"] == pytest.approx(touch[1].mean(), rel=1e-5)
        quartile = np.mean([np.quantile(real[n], 0.25) for n in "ab"])
        speech = np.mean([own[n].std() for n in "ab"])
        worst = []
        for kind in ("digital silence", "room noise", "music"):
            quiet = [drawn[n][kind] for n in "ab"]
            worst.append((np.mean([q.mean() for q in quiet]), np.mean([q.std() for q in quiet])))
        assert row["silent_opening"] == pytest.approx(max(w[0] for w in worst) / quartile, rel=1e-3)
        assert row["silent_spread"] == pytest.approx(max(w[1] for w in worst) / speech, rel=1e-2)


def test_what_the_methods_do_is_seen_in_the_table(two_cores):
    root, _, _ = two_cores
    table = pd.read_csv(root / "out" / "cores.csv").set_index("core")
    copy, deaf, still = (table.loc[name] for name in ("copy", "deaf", "still frame"))
    assert copy["lipcorr_lag0"] > 0.97
    assert copy["followed"] > 0.95
    assert copy["spread"] == pytest.approx(1, abs=0.1)
    assert copy["silent_spread"] < 0.1
    assert deaf["leak_lag0"] > 0.97
    assert deaf["followed"] < 0.8
    assert deaf["spread"] == pytest.approx(still["spread"], abs=0.05)
    assert deaf["spread"] < 0.1
    assert deaf["silent_spread"] > 5
    assert copy["psnr"] > 35 > deaf["psnr"]
    assert (copy["with_offset"], table.loc["real", "with_offset"]) == (2, 2)
    assert copy["in_sync"] == table.loc["real", "in_sync"], "the same pictures and the same sound"


def test_every_column_has_its_protocol_line_and_every_core_its_own_tables(two_cores):
    root, _, _ = two_cores
    text = (root / "out" / "cores.md").read_text()
    for said in (
        "protocol 1; leak; 25 fps; MediaPipe face landmarker; weights 64184e229b26; other speech, opening",
        "protocol 1; other speech, followed; 25 fps",
        "room noise (pink noise from 50 Hz, -50 dBFS)",
        "lips touch where the inner gap is under 0.03 inter-ocular distances",
        "protocol 1; LPIPS; 25 fps; mouth of face 256 px",
        "protocol 1; Offset (own expert); 25 fps; own expert",
        "upright square of the face track",
        "| deaf, music |",
    ):
        assert said in text, said
    rows = json.loads((root / "out" / "cores.json").read_text())["rows"]
    assert [row["name"] for row in rows] == ["real", "still frame", "copy", "deaf"]
    card = pd.read_csv(root / "out" / "copy" / "summary.csv").set_index(["method", "metric"])
    table = pd.read_csv(root / "out" / "cores.csv").set_index("core")
    assert card.loc[("own speech", "LPIPS"), "mean"] == pytest.approx(table.loc["copy", "lpips"])
    assert card.loc[("other speech", "LipCorr"), "mean"] == pytest.approx(table.loc["copy", "leak"])
    assert set(card.index.get_level_values(0)) == {"still frame", "own speech", "other speech"}


def test_another_call_draws_and_scores_only_what_is_missing(two_cores, capsys):
    root, drawing, command = two_cores
    text = (root / "out" / "cores.md").read_text()
    made = len(drawing.made)
    assert made == 2 * 2 * 5
    lost = next((root / "out" / "deaf").glob("videos-*/b_1 music.mp4"))
    lost.unlink()
    scored = {path: path.stat().st_mtime_ns for path in (root / "out" / "rows").glob("*.json")}
    frames = next((root / "out" / "frames").glob("a_1--copy-other-speech-*.csv"))
    frames.unlink()
    assert drawing.run(command) == 0
    assert drawing.made[made:] == ["deaf b_1 music"]
    again = {path.name for path, when in scored.items() if path.stat().st_mtime_ns != when}
    assert sorted(name.split("-")[2] for name in again) == ["copy", "deaf"]
    assert len(again) == 2
    assert capsys.readouterr().out.strip() == text.strip() == (root / "out" / "cores.md").read_text().strip()


def test_mistakes_are_one_sentence(tmp_path, capfd):
    data = write(tmp_path, [("a_1.mp4", "a", "val"), ("b_1.mp4", "b", "val")])
    common = ["core", "--data", str(data), "--out", str(tmp_path / "out")]
    assert main([*common, "--method", "wav2lip", "lstm-cbam", "--checkpoint", "x"]) == 2
    assert "--checkpoint belongs to one method" in capfd.readouterr().err
    assert main([*common, "--clips", "0"]) == 2
    assert "--clips must be 1 or more" in capfd.readouterr().err
    assert main([*common, "--method", "visual-dubing"]) == 2
    assert "Did you mean 'visual-dubbing'" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.minutes
def test_the_shipped_core_follows_its_own_speech_more_than_others(shared, cut, tmp_path, monkeypatch):
    """Two seconds of three held-out people: the mouth correlates with its own speech, not with another's."""
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(shared / "weights"))
    rows = pd.read_csv(shared / "data" / "manifest.csv", dtype=str)
    chosen = rows[rows["file"].isin([f"train/{name}_clip01.mp4" for name in ("id022", "id037", "id044")])]
    chosen = chosen.assign(file=[str(cut(file, 50)) for file in chosen["file"]])
    chosen.to_csv(tmp_path / "manifest.csv", index=False)
    (tmp_path / "out" / "silences").mkdir(parents=True)
    for kind in SILENCES:  # shorter than the command's: nothing is asked of them here
        soundfile.write(tmp_path / "out" / "silences" / f"{kind.name}.wav", kind.samples(0.4), 16000)
    command = [sys.executable, "-m", "eval", "core", "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "out" / "mcsawav2lip-embedded" / "summary.csv")
    scores = table[table["metric"] == "LipCorr"].set_index("method")["mean"]
    assert scores["own speech"] > 0.25
    assert scores["own speech"] > scores["other speech"] + 0.1
