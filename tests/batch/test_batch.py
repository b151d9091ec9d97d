import csv
import json
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg

import eval.batch.rows
from eval.__main__ import main
from eval.batch.batch_manifest import ManifestRow, with_controls
from eval.batch.job import row_key
from eval.batch.rows import Options, ScoringJob, run, run_job
from eval.batch.summary import summarise_rows
from eval.functional.mouth.lipcorr import lipcorr
from eval.report.files import summary_json, videos_csv, write_tables
from eval.report.latex import escape, latex
from eval.report.markdown import markdown
from eval.scoring.controls import CONTROLS, Control
from eval.scoring.networks import Networks
from eval.scoring.score import score
from lipsync.errors import ConfigError
from lipsync.weights import hub

REAL, OTHER = "train/id003_clip04.mp4", "train/id018_clip02.mp4"
A, B = "generated/Wav2Lip_id003_clip05.mp4", "generated/DiffDub_id003_clip09.mp4"
A2 = "generated/Wav2Lip_id018_clip03.mp4"
OPTIONS = Options(metrics=("psnr", "lipcorr"))


@pytest.fixture(scope="module")
def rows(cut, weights):
    real, other = cut(REAL, 40), cut(OTHER, 40)
    return [
        ManifestRow("one", "A", cut(A, 30), real),
        ManifestRow("two", "A", cut(A2, 30), other),
        ManifestRow("one", "B", cut(B, 30), real),
    ]


@pytest.fixture(scope="module")
def finished(rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("batch")
    bad = folder / "broken.mp4"
    bad.write_bytes(b"not a video at all")
    return folder, run([*rows, ManifestRow("two", "B", bad, rows[1].reference)], OPTIONS, folder)


def test_rows_hold_what_score_says(finished, rows, networks):
    _, results = finished
    alone = score(rows[2].generated, rows[2].reference, metrics=["psnr", "lipcorr"], networks=networks)
    for name in ("psnr", "lipcorr"):
        assert results[2]["scores"]["scores"][name]["value"] == pytest.approx(alone[name], rel=1e-9)


def test_a_bad_row_fails_with_its_reason_and_the_run_goes_on(finished):
    folder, results = finished
    assert [("error" in r) for r in results] == [False, False, False, True]
    assert "broken.mp4" in results[3]["error"]
    table = summarise_rows(results, folder)
    assert [(item, method) for item, method, _ in table.failed] == [("two", "B")]
    psnr = next(c for c in table.columns if c.metric == "psnr")
    assert (psnr.methods["B"].scored, psnr.methods["B"].failed) == (1, ("two",))
    assert psnr.tests[0].pairs == 1
    assert psnr.tests[0].left_out == 1


def test_finished_rows_are_not_done_again_and_failed_ones_are(finished, rows, monkeypatch):
    folder, before = finished
    done = []
    monkeypatch.setattr(
        eval.batch.rows, "run_job", lambda job: done.append(job.row.method + job.row.item) or {"error": "x"}
    )
    after = run([*rows, ManifestRow("two", "B", folder / "broken.mp4", rows[1].reference)], OPTIONS, folder)
    assert done == ["Btwo"]
    assert after[:3] == before[:3]


def test_another_option_or_another_file_is_another_row(finished, rows, monkeypatch, tmp_path):
    folder, _ = finished
    done = []
    monkeypatch.setattr(eval.batch.rows, "run_job", lambda job: done.append(job.row) or {"error": "x"})
    run(rows[:1], replace(OPTIONS, region="mouth"), folder)
    changed = tmp_path / "again.mp4"
    changed.write_bytes(rows[0].generated.read_bytes() + b"\0")
    run([replace(rows[0], generated=changed)], OPTIONS, folder)
    assert len(done) == 2


def test_a_killed_run_loses_only_the_row_in_flight(rows, tmp_path, monkeypatch):
    real, count = eval.batch.rows.run_job, [0]

    def dies_in_the_second(job):
        count[0] += 1
        if count[0] == 2:
            raise KeyboardInterrupt
        return real(job)

    monkeypatch.setattr(eval.batch.rows, "run_job", dies_in_the_second)
    options = Options(metrics=("psnr",), region="full")
    with pytest.raises(KeyboardInterrupt):
        run(rows[:2], options, tmp_path)
    monkeypatch.setattr(eval.batch.rows, "run_job", lambda job: count.append(job.row.item) or real(job))
    results = run(rows[:2], options, tmp_path)
    assert count[1:] == ["two"]
    assert all("scores" in result for result in results)


def test_no_two_rows_share_a_file():
    names = [("a--b", "c"), ("a", "b--c"), ("a b", "c"), ("a/b", "c"), ("a" * 99, "c"), ("a" * 99, "d")]
    assert len({row_key(*name) for name in names}) == len(names)


def test_half_a_row_file_counts_as_none(finished, rows, tmp_path):
    job = ScoringJob(rows[0], OPTIONS, tmp_path, "f")
    job.path.parent.mkdir()
    job.path.write_text('{"fingerprint": "f", "scores": {')
    assert job.finished() is None


def test_scores_stay_where_a_later_run_finds_no_video(tmp_path):
    job = ScoringJob(ManifestRow("a", "A", tmp_path / "away.mp4"), OPTIONS, tmp_path, "then")
    job.frames.parent.mkdir()
    job.frames.write_text("frame,time\n")
    before = job.write(scores={}, features=None)
    again = run_job(replace(job, fingerprint="without a video"))
    assert "There is no file" in again["error"]
    assert job.finished() == before


def test_a_full_disk_ends_the_run(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(eval.batch.rows, "score", lambda *_, **__: Path("/dev/full").write_bytes(b"x"))
    with pytest.raises(ConfigError, match="is full"):
        run(rows[:1], Options(metrics=("psnr",), region="full"), tmp_path)
    assert not list(tmp_path.rglob("*.json"))


def test_a_row_whose_features_or_frames_are_gone_is_done_again(rows, tmp_path):
    job = ScoringJob(rows[0], OPTIONS, tmp_path, "f")
    (tmp_path / "features").mkdir()
    for side in ("generated", "reference"):
        np.zeros((3, 2048), np.float32).tofile(tmp_path / "features" / f"{job.key}.{side}.f32")
    job.write(scores={}, features=job.key)
    assert job.finished() is None, "the rows per frame are not there"
    job.frames.parent.mkdir()
    job.frames.write_text("frame,time\n")
    assert job.finished() is not None
    (tmp_path / "features" / f"{job.key}.reference.f32").unlink()
    assert job.finished() is None


def test_lipcorr_is_taken_at_one_shift_for_all_clips(finished, tmp_path):
    folder, results = finished
    table = summarise_rows(results, folder)
    pairs = []
    for number, name in ((0, "one--A"), (1, "two--A")):
        path = next((folder / "frames").glob(f"{name}-*.csv"))
        with path.open() as file:
            lines = list(csv.DictReader(file))
        pairs.append(tuple(np.array([float(line[c] or "nan") for line in lines])
                           for c in ("opening_generated", "opening_reference")))  # fmt: skip
        assert len(pairs[number][0]) == 30
    expected = lipcorr(pairs)
    column = next(c for c in table.columns if c.metric == "lipcorr")
    assert table.details("lipcorr")["A"].lag == expected.lag
    assert column.methods["A"].mean == pytest.approx(expected.r, abs=1e-4)
    assert expected.lag, "the clips of A are in sync: choose another method for this test"
    said = f"{expected.r:.3f} at {expected.lag:+d}, {expected.r_zero:.3f} at 0"
    assert said in write_tables(table, tmp_path)


class SmallInception:
    """Stands for the network: 24 brightnesses of the face, 2,024 zeros; keeps what it gave."""

    def __init__(self):
        self.given = []

    def __call__(self, pictures):
        rows = np.zeros((len(pictures), 2048), np.float32)
        rows[:, :24] = pictures[:, 20:236:54, 20:236:36].reshape(len(pictures), -1, 3).mean(2)
        self.given.append(rows[:, :24].astype(np.float64))
        return rows


def test_fid_is_pooled_over_the_videos_of_a_method(rows, tmp_path, monkeypatch):
    """Equals the formula on all features of the method, given as matrices, with SciPy's root."""
    network = SmallInception()
    found = Networks(hub.locate("face_landmarker"), {"fid": network}, names={"fid": "small"})
    monkeypatch.setattr(eval.batch.rows, "_networks", lambda options: found)
    results = run(rows[:2], Options(metrics=("fid",)), tmp_path)
    halves = [np.split(both, 2) for both in network.given]  # a batch of generated faces, then of real ones
    x, y = (np.concatenate(side) for side in zip(*halves, strict=True))
    assert len(x) == len(y) == 60
    s1, s2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    shift = x.mean(0) - y.mean(0)
    expected = shift @ shift + np.trace(s1 + s2 - 2 * scipy.linalg.sqrtm(s1 @ s2).real)
    lost = {"item": "three", "method": "A", "control": False, "error": "no video"}
    table = summarise_rows([*results, lost], tmp_path)
    summary = table.columns[0].methods["A"]
    assert (summary.scored, summary.failed) == (2, ("three",))
    assert summary.mean == pytest.approx(expected, rel=1e-6)
    alone = np.mean([result["scores"]["scores"]["fid"]["value"] for result in results])
    assert abs(alone / expected - 1) > 0.01, "a mean over videos would pass this test"
    assert table.details("fid")["A"] == (60, 60)
    assert any("60 frames" in note and "2,048" in note for note in table.notes)
    assert f"| {expected:.2f} (N 60) |" in write_tables(table, tmp_path)
    assert f"| {expected:.2f} (N 60) |" in (tmp_path / "table_short.md").read_text()
    with (tmp_path / "summary.csv").open() as file:
        (line,) = csv.DictReader(file)
    assert (line["metric"], line["frames"]) == ("FID", "60")
    assert "60 frames" in table.columns[0].protocol
    # A later run finds the features again: no second pass over any video.
    network.given.clear()
    again = summarise_rows(run(rows[:2], Options(metrics=("fid",)), tmp_path), tmp_path)
    assert network.given == []
    assert again.columns[0].methods["A"].mean == table.columns[0].methods["A"].mean


def test_tables_agree_in_all_formats(finished):
    folder, results = finished
    table = summarise_rows(results, folder)
    text = write_tables(table, folder)
    psnr = next(c for c in table.columns if c.metric == "psnr").methods
    best = max(psnr, key=lambda name: round(psnr[name].mean, 2))
    assert psnr[best].scored == 1
    assert f"**{psnr[best].mean:.2f}**" not in text, "one video shows no method to be better"
    again = [{**row, "item": "three"} for row in results if row["method"] == best and "error" not in row]
    twice = summarise_rows([*results, *again], folder)
    assert f"**{psnr[best].mean:.2f}**" in markdown(twice)
    assert f"\\textbf{{{psnr[best].mean:.2f}}}" in latex(twice)
    assert "broken.mp4" in text
    assert json.loads((folder / "summary.json").read_text())["failed"][0][0] == "two"
    with (folder / "videos.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 4
    mean = np.mean([float(line["PSNR"]) for line in lines if line["method"] == "A"])
    assert mean == pytest.approx(psnr["A"].mean, abs=1e-3)
    assert "protocol 1; PSNR" in text


def test_cells_are_safe_in_spreadsheets_and_latex():
    table = summarise_rows(
        [{"item": "=1+1", "method": "-x", "control": False, "error": "@no, -1"}], Path("nowhere")
    )
    line = videos_csv(table).splitlines()[1]
    assert line == "'=1+1,'-x,,,\"'@no, -1\""
    assert escape("a_b & 50% {~}\\") == r"a\_b \& 50\% \{\textasciitilde{}\}\textbackslash{}"


def test_a_summary_copies_no_row():
    row = {"item": "a", "method": "A", "control": False, "error": "x", "no copy": threading.Lock()}
    text = summary_json(summarise_rows([row], Path("nowhere")))
    assert json.loads(text)["failed"] == [["a", "A", "x"]]


def test_controls_come_first_and_do_not_compete(rows):
    more = with_controls(rows, CONTROLS)
    assert [row.method for row in more[:2]] == ["real", "real"]
    assert len(more) == 3 + 2 * len(CONTROLS)
    other = [row for row in more if row.control and row.control.audio]
    assert [(row.item, row.control.audio) for row in other] == [
        ("one", rows[1].reference),
        ("two", rows[0].reference),
    ]
    assert not any(row.control and row.control.audio for row in with_controls(rows[:1], CONTROLS))
    with pytest.raises(ConfigError, match="'real' is what a control is called"):
        with_controls([replace(rows[0], method="real")], CONTROLS)
    entry = {"label": "PSNR", "value": 99.0, "frames": 9, "protocol": "p", "reason": "", "detail": {}}
    results = [
        {
            "item": item,
            "method": m,
            "control": m == "real",
            "scores": {"scores": {"psnr": {**entry, "value": v}}, "notes": []},
        }
        for m, v in (("real", 99.0), ("A", 20.0), ("B", 30.0))
        for item in ("one", "two")
    ]
    table = summarise_rows(results, Path("nowhere"))
    assert (table.controls, table.methods) == (("real",), ("A", "B"))
    assert [(t.a, t.b) for t in table.columns[0].tests] == [("A", "B")]
    assert "**30.00**" in write_tables(table, rows[0].generated.parent / "controls")


def test_a_control_that_needs_a_second_clip_is_said_to_be_left_out():
    entry = {"label": "PSNR", "value": 9.0, "frames": 9, "protocol": "p", "reason": "", "detail": {}}

    def notes(names):
        rows = [
            {"item": "one", "method": name, "control": name != "A",
             "scores": {"scores": {"psnr": entry}, "notes": []}}
            for name in (*names, "A")
        ]  # fmt: skip
        return " ".join(summarise_rows(rows, Path("nowhere")).notes)

    every = [control.name for control in CONTROLS]
    alone = [name for name in every if name != "real, other audio"]
    assert "“real, other audio” is left out" in notes(alone)
    for names in (every, [], ["real"]):
        assert "left out" not in notes(names)


@pytest.mark.parametrize(("control", "expected"), [
    (Control("x"), [0, 1, 2, 3, 4]),
    (Control("x", delay=2), [0, 0, 0, 1, 2]),
    (Control("x", still=True), [0] * 5),
])  # fmt: skip
def test_control_frames(control, expected):
    from lipsync.media import Frame

    frames = [Frame(np.full((1, 1, 3), i, np.uint8), i / 25, i) for i in range(5)]
    shown = list(control.frames(iter(frames)))
    assert [int(frame.image[0, 0, 0]) for frame in shown] == expected
    assert [frame.index for frame in shown] == [0, 1, 2, 3, 4]


def test_rows_are_scored_wherever_the_process_is(rows, finished, tmp_path, monkeypatch):
    """A worker elsewhere reads the same files, though the manifest names them from here."""
    seen = []
    monkeypatch.setattr(eval.batch.rows, "run_job", lambda job: seen.append(job) or {"error": "x"})
    monkeypatch.chdir(rows[0].generated.parent)
    row = ManifestRow("one", "A", Path(rows[0].generated.name), Path(rows[0].reference.name))
    both = [row, replace(row, item="two", reference=rows[1].reference)]
    run(with_controls(both, CONTROLS), OPTIONS, tmp_path)
    paths = [p for job in seen for p in (job.row.generated, job.row.reference, job.folder)]
    paths += [job.row.control.audio for job in seen if job.row.control and job.row.control.audio]
    assert len(paths) > 30
    assert all(path.is_absolute() and path.exists() for path in paths)


def test_the_command_prints_the_table_and_nothing_else(rows, tmp_path, capsys):
    lines = [f"{row.item},{row.method},{row.generated},{row.reference}" for row in rows[:1]]
    (tmp_path / "m.csv").write_text("\n".join(["item,method,generated,reference", *lines]) + "\n")
    arguments = ["--manifest", str(tmp_path / "m.csv"), "--out", str(tmp_path / "out")]
    assert main(["batch", *arguments, "--metrics", "psnr", "lse_d"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("| Method | videos | PSNR (dB) ↑ | LSE-D (own expert) ↓ |")
    assert said.out == (tmp_path / "out" / "table.md").read_text() + "\n"
    assert "1 of 1  one, A" in said.err


def test_a_reference_of_several_methods_is_embedded_once(rows, tmp_path, monkeypatch):
    options = Options(metrics=("csim",))
    encoder = eval.batch.rows._networks(options).loaded["csim"]
    real, shown = encoder._embed, []
    monkeypatch.setattr(encoder, "_embed", lambda *inputs: shown.append(len(inputs[0])) or real(*inputs))
    first, second = (row for row in rows if row.item == "one")
    results = run([first, rows[1], second], options, tmp_path)
    frames = [result["scores"]["scores"]["csim"]["frames"] for result in results]
    assert frames == [30, 30, 30]
    assert sum(shown) == 30 * (3 + 2), "three generated videos, two references"
