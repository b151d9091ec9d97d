"""What the report of a benchmark says to somebody who was not there."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from eval.batch.suites.suite import read_suite
from eval.report.bench import bench_pictures
from eval.report.bench.bench_files import write_bench
from eval.report.bench.worst_cells import worst_cells
from lipsync.texts import Message
from tests.report.bench_runs import bench_run, row
from tests.report.test_bench_report import Page


def written(folder: Path, run) -> str:
    """The text of the page."""
    write_bench(run, "lipsync-eval bench", "en")
    return Page(folder / "report.html").text


def test_why_some_videos_have_no_number_is_said_in_all_forms(tmp_path):
    """``3 of 6`` alone would leave the reader to guess: speech without a real video, a hidden face."""
    rows = [row(f"clip{n}", "a", lmd=5.0 + n, psnr=30.0, lse_d=8.0) for n in range(4)]
    rows += [row("voice", "a", lse_d=8.0), row("hidden", "a", lmd=None, psnr=30.0, lse_d=8.0)]
    rows[4]["scores"]["reference"] = None
    for one in rows[:2]:
        entry = one["scores"]["scores"]["psnr"]
        entry["value"], entry["reason"] = None, Message("score.no_face", path=one["item"])
    page = written(tmp_path, bench_run(tmp_path, rows))
    for text in (page, (tmp_path / "scores" / "table.md").read_text(), (tmp_path / "report.tex").read_text()):
        assert "1 of 6 videos has no PSNR, LMD. There is no real video to compare with." in text
        assert "1 of 6 videos has no LMD. No face." in text
        assert "2 of 6 videos have no PSNR. The first of them: No face was found in clip0;" in text


def test_a_metric_that_nobody_asked_for_lacks_nothing(tmp_path):
    rows = [row("one", "a", lmd=5.0, psnr=30.0), row("two", "a", lmd=6.0)]
    assert "has no" not in written(tmp_path, bench_run(tmp_path, rows))


def in_languages(folder: Path, *languages: str):
    rows = [row(f"clip{n}", name, lmd=5.0 + n) for name in "ab" for n in range(len(languages))]
    return bench_run(folder, rows, {f"clip{n}": name for n, name in enumerate(languages)})


def test_each_language_says_how_few_videos_it_has(tmp_path):
    page = written(tmp_path, in_languages(tmp_path, *["zh"] * 6, "en", "ko", "ko"))
    assert page.count("One clip cannot show a significant difference.") == 1
    assert page.count("With 2 clips no paired difference") == 1
    assert page.index("One clip cannot") > page.index("Each language")


def test_each_table_of_the_latex_says_what_it_is_about(tmp_path):
    written(tmp_path, in_languages(tmp_path, "zh_CN", "zh_CN", "en"))
    text = (tmp_path / "report.tex").read_text("utf-8")
    captions = re.findall(r"\\caption{(.*)}\\label{(.*?)}", text)
    assert [label for _, label in captions] == ["tab:scores", "tab:scores-zh_CN", "tab:scores-en"]
    assert [caption[:7] for caption, _ in captions] == ["Mean ov", r"zh\_CN.", "en. Mea"]


def test_a_title_of_two_lines_stays_a_comment_of_the_latex(tmp_path):
    run = in_languages(tmp_path, "en")
    written(tmp_path, replace(run, suite=replace(run.suite, title="Closed\nmouths_")))
    assert (tmp_path / "report.tex").read_text("utf-8").startswith("% Closed mouths_, suite")


def test_pictures_show_every_language_before_a_second_of_one(tmp_path, monkeypatch):
    monkeypatch.setattr(bench_pictures._Mouths, "sheet", lambda self, item, *_: item.encode())
    run = in_languages(tmp_path, "zh", "zh", "zh", "zh", "ko", "en")
    run = replace(run, videos={(face.item, name): tmp_path for face in run.faces for name in "ab"})
    assert list(bench_pictures.bench_pictures(run, {}, "real").sheets) == ["clip0", "clip4", "clip5", "clip1"]


def test_faces_take_turns_where_several_sounds_drive_each(tmp_path, monkeypatch):
    monkeypatch.setattr(bench_pictures._Mouths, "sheet", lambda self, item, *_: item.encode())
    items = [f"{person}, {sound}" for person in ("ann", "bob", "cid") for sound in ("noise", "music")]
    run = bench_run(tmp_path, [row(item, "a", lmd=5.0 + n) for n, item in enumerate(items)])
    faces = tuple(replace(face, face=tmp_path / face.item[:3]) for face in run.faces)
    run = replace(run, faces=faces, videos={(item, "a"): tmp_path for item in items})
    sheets = bench_pictures.bench_pictures(run, {}, "real").sheets
    assert [item[:3] for item in sheets] == ["ann", "bob", "cid", "ann"]
    assert [cell.item for cell in worst_cells(run)["a"]] == ["cid, music", "bob, music"]


def test_of_two_videos_none_is_called_the_worst(tmp_path):
    assert worst_cells(bench_run(tmp_path, [row("one", "a", lmd=5.0), row("two", "a", lmd=5.1)])) == {"a": []}


@pytest.mark.parametrize("name", ["cross-driving", "leak"])
def test_where_others_speak_the_page_says_that_the_real_mouth_says_something_else(
    tmp_path, monkeypatch, name
):
    monkeypatch.setattr(bench_pictures._Mouths, "sheet", lambda self, item, *_: b"")
    rows = [row(item, "a", followed=0.5, leak=0.1) for item in ("ann", "bob")]
    for entry in (entry for one in rows for entry in one["scores"]["scores"].values()):
        entry["detail"] = {"by_lag": [0.4, 0.5, 0.1], "frames": 9, "still": False}
    run = bench_run(tmp_path, rows)
    ann, bob = run.faces
    if name == "cross-driving":
        ann = replace(ann, speaker=bob.face)
    page = written(tmp_path, replace(run, suite=read_suite(name), faces=(ann, bob)))
    assert "the mouth that was in the video, which does not speak what drives the others" in page
    assert ("ann, with the speech of bob" in page) == (name == "cross-driving")
    assert page.count("Followed and Leak: at one shift") == 1
    assert "1method2videos of each method" in page


def test_windows_of_one_video_do_not_stand_beside_those_of_all(tmp_path):
    rows = [row(item, "a", lse_d=8.0) for item in ("one", "two")]
    for one in rows:
        entry = one["scores"]["scores"]["lse_d"]
        entry["protocol"] = "protocol 1; own expert; windows 9 of 9; 5 of 9 windows with full support"
    page = written(tmp_path, bench_run(tmp_path, rows))
    assert "protocol 1; own expert; 2 videos, 10 windows" in page


def test_what_generating_noted_is_said_once_with_its_videos(tmp_path):
    """Frames that stayed as they were are the real ones, and score as such."""
    run = bench_run(tmp_path, [row(f"clip{n}", "a", lmd=5.0) for n in range(8)])
    still = Message("bench.without_face", count=6, total=33)
    remarks = {(f"clip{n}", "a"): ("HDR <was> converted.",) for n in range(8)} | {("clip0", "a"): (still,)}
    page = written(tmp_path, replace(run, remarks=remarks))
    assert "6 of 33 frames without a face stayed as they are. clip0 (a)" in page
    assert "HDR <was> converted. clip1 (a), clip2 (a), clip3 (a), clip4 (a), clip5 (a) and 2 more" in page
