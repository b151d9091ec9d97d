"""The report of a benchmark: what it says of planted scores."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from eval.batch.suites.bench_run import BenchRun
from eval.batch.suites.suite import read_suite
from eval.report.bench.bench_files import write_bench
from eval.report.bench.bench_json import read_bench_report
from eval.report.bench.worst_cells import WorstCell, worst_cells
from eval.scoring.metrics import METRICS
from tests.report.bench_runs import bench_run, failed, row, write_frames

ITEMS = [f"clip{number}" for number in range(8)]


class Page(HTMLParser):
    """The text of a page, its tables as rows of cells, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text, self.tables, self.loads, self.in_cell = "", [], [], False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        self.loads += [value for name, value in attributes if name in ("src", "href", "srcset")]
        if tag == "script":
            self.loads.append("script")
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self.in_cell = True

    def handle_endtag(self, tag):
        self.in_cell = self.in_cell and tag not in ("td", "th")

    def handle_data(self, data):
        self.text += data
        if self.in_cell:
            self.tables[-1][-1][-1] += data


def planted(folder: Path) -> BenchRun:
    """``good`` is better than ``bad`` on every clip, in two languages; one clip of ``bad`` failed."""
    rng = np.random.default_rng(0)
    rows = [row(item, "real", True, lmd=0.0) for item in ITEMS]
    rows += [row(item, "good", lmd=float(4 + rng.random()), psnr=30.0) for item in ITEMS]
    rows += [row(item, "bad <b>", lmd=float(6 + rng.random()), psnr=20.0) for item in ITEMS[:7]]
    rows.append(failed(ITEMS[7], "bad <b>", "No face in <it>."))
    return bench_run(folder, rows, {item: ("en", "zh")[n % 2] for n, item in enumerate(ITEMS)})


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> BenchRun:
    run = planted(tmp_path_factory.mktemp("report"))
    write_bench(run, "lipsync-eval bench self-reconstruction", "en")
    return run


def values(run: BenchRun, method: str, metric: str) -> list[float]:
    mine = [r for r in run.results if r["method"] == method and "scores" in r]
    return [r["scores"]["scores"][metric]["value"] for r in mine]


def test_numbers_are_those_of_the_rows(report):
    found = {
        (s.method, s.metric, s.language): s for s in read_bench_report(report.folder / "report.json").scores
    }
    assert {key[0] for key in found} == {"good", "bad <b>"}  # controls are no methods
    for method in ("good", "bad <b>"):
        mine = values(report, method, "lmd")
        score = found[method, "lmd", None]
        assert score.value == pytest.approx(np.mean(mine))
        assert (score.n, score.videos) == (len(mine), 8)
        interval = stats.bootstrap((mine,), np.mean, method="percentile", rng=0, n_resamples=10_000)
        ends = interval.confidence_interval
        assert (score.low, score.high) == pytest.approx((ends.low, ends.high), abs=0.02)
    assert found["bad <b>", "lmd", "zh"].n == 3
    assert found["bad <b>", "lmd", "zh"].videos == 4


def test_the_page_shows_them_with_marks_and_counts(report):
    page = Page(report.folder / "report.html")
    whole, english, _ = page.tables
    assert [line[0] for line in whole] == ["Method", "real", "good", "bad <b>"]
    assert [line[1] for line in whole] == ["Videos", "8", "8", "7 / 8"]
    assert whole[0][3] == "LMD (px)\N{NO-BREAK SPACE}↓"
    pairs = zip(values(report, "good", "lmd"), values(report, "bad <b>", "lmd"), strict=False)
    assert stats.wilcoxon([a - b for a, b in pairs]).pvalue < 0.05
    assert "†" in whole[3][3]
    assert "†" not in whole[2][3]
    assert [line[1] for line in english] == ["Videos", "4", "4", "4"]
    assert "†" not in english[3][3]  # four clips cannot tell
    for said in ("higher is better", "No face in <it>.", "protocol 1; lmd", "lipsync-eval bench", "0" * 64):
        assert said in page.text


def test_the_page_needs_nothing_from_elsewhere(report):
    page = Page(report.folder / "report.html")
    assert [load for load in page.loads if not load.startswith("data:image/jpeg;base64,")] == []
    assert not re.search(r"https?://|@import|url\(", (report.folder / "report.html").read_text("utf-8"))


def test_the_page_is_in_the_language_that_is_asked_for(report, tmp_path):
    run = planted(tmp_path)
    write_bench(run, "lipsync-eval bench", "zh")
    text = Page(tmp_path / "report.html").text
    assert "自重建" in text
    assert "越低越好" in text
    assert not re.search(r"better|worst|Videos", text)


def test_the_spreadsheet_has_a_line_for_each_method_metric_and_language(report):
    lines = list(csv.DictReader(io.StringIO((report.folder / "report.csv").read_text("utf-8"))))
    assert len(lines) == (1 + 2) * 2 * 3  # the control and two methods; LMD and PSNR; whole, en and zh
    bad = next(line for line in lines if line["method"] == "bad <b>" and line["metric"] == "lmd")
    assert (bad["scored"], bad["videos"], bad["differs from the best"], bad["language"]) == (
        "7",
        "8",
        "yes",
        "",
    )
    assert float(bad["mean"]) == pytest.approx(np.mean(values(report, "bad <b>", "lmd")), rel=1e-5)


def test_the_latex_has_a_table_for_all_and_for_each_language(report):
    text = (report.folder / "report.tex").read_text("utf-8")
    assert re.findall(r"\\label{(.*?)}", text) == ["tab:scores", "tab:scores-en", "tab:scores-zh"]
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 3
    assert "% lipsync-eval bench self-reconstruction" in text


def test_the_worst_cells_are_the_planted_ones(tmp_path):
    rows = [row(item, "a", lmd=5.0 + n / 10, psnr=30.0 + n / 10) for n, item in enumerate(ITEMS)]
    rows += [row(item, "b", lmd=5.0 + n / 10, psnr=30.0 + n / 10) for n, item in enumerate(ITEMS)]
    rows[2] = row("clip2", "a", lmd=25.0, psnr=30.0)
    rows[5] = row("clip5", "a", lmd=5.0, psnr=12.0)
    run = bench_run(tmp_path, rows)
    lmd = [5.0] * 60
    lmd[11] = lmd[12] = lmd[40] = 90.0
    lmd[50], lmd[55] = 50.0, 40.0
    write_frames(run, "clip2", "a", lmd=lmd)
    worst = worst_cells(run)
    first, second, *_ = worst["a"]
    assert (first.item, first.metric.name, first.value, first.usual) == ("clip2", "lmd", 25.0, 5.35)
    assert first.chosen
    assert first.times == (11 / 25, 40 / 25, 50 / 25, 55 / 25)  # of neighbours one
    assert (second.item, second.metric.name, second.value) == ("clip5", "psnr", 12.0)
    assert second.times == ()  # nothing is known of its frames
    assert len({cell.item for cell in worst["a"]}) == len(worst["a"]) == 3
    assert all(cell.value > 5.35 for cell in worst["b"] if cell.metric.name == "lmd")


def test_a_method_without_any_score_is_in_the_report(tmp_path):
    rows = [row("one", "good", lmd=4.0), failed("one", "none", "It is not there.")]
    write_bench(bench_run(tmp_path, rows), "lipsync-eval bench", "en")
    (none,) = [s for s in read_bench_report(tmp_path / "report.json").scores if s.method == "none"]
    assert (none.n, none.videos, none.value, none.low) == (0, 1, None, None)
    page = Page(tmp_path / "report.html")
    assert page.tables[0][2][:3] == ["none", "0 / 1", "failed"]
    assert "It is not there." in page.text


def test_ten_thousand_rows_make_a_page_that_can_be_read(tmp_path):
    rows = [row(f"clip{n}", "ours", lmd=float(n % 7)) for n in range(20)]
    rows += [failed(f"clip{n}", "ours", "No face.") for n in range(20, 10_000)]
    write_bench(bench_run(tmp_path, rows), "lipsync-eval bench", "en")
    assert (tmp_path / "report.html").stat().st_size < 100_000
    page = Page(tmp_path / "report.html")
    assert "9780 more are in scores/videos.csv." in page.text
    assert "20 / 10000" in page.text


def test_what_is_missing_is_said_without_the_places_of_this_machine(tmp_path):
    from lipsync.texts import Message

    why = Message(
        "weights.missing",
        file="a.task",
        purpose="landmarks",
        reasons="offline",
        place="at /secret",
        sha256="1",
    )
    rows = [row("one", "ours", lmd=None, psnr=30.0)]
    rows[0]["scores"]["scores"]["lmd"]["reason"] = why
    write_bench(bench_run(tmp_path, rows), "lipsync-eval bench", "en")
    text = Page(tmp_path / "report.html").text
    assert "Not measured: LMD. a.task, which it needs, was not available" in text
    assert "/secret" not in text


def test_mouths_of_all_videos_stand_beside_the_real_ones(tmp_path, landmarker, monkeypatch):
    """The bundled clips as methods of one item: a row each, and the file says what it is."""
    from PIL import Image

    from eval.report.bench.bench_pictures import bench_pictures
    from lipsync.assets import asset

    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(landmarker.parent))
    clips = asset("examples") / "set" / "clips"
    run = bench_run(tmp_path, [row("english", "a", lmd=1.0), row("english", "b", lmd=1.0)])
    face = replace(run.faces[0], reference=clips / "english-reference.mp4")
    videos = {
        ("english", "a"): clips / "english-lstm-cbam.mp4",
        ("english", "b"): clips / "chinese-lstm-cbam.mp4",
    }
    worst = {"a": [WorstCell("english", METRICS.get("lmd"), "LMD", 1.0, 1.0, (0.2, 0.4), True)], "b": []}
    found = bench_pictures(replace(run, faces=(face,), videos=videos), worst, "real")
    with Image.open(io.BytesIO(found.sheets["english"])) as sheet:
        assert sheet.info["comment"].startswith(b"AI-generated")
        pixels, (width, height) = np.asarray(sheet), sheet.size
    tall = (height - 24 - 4) // 3  # three rows below the heading
    assert (width - 4 - 6 * 154) > 0  # six moments beside the names
    real, a, b = (pixels[28 + n * tall : 24 + (n + 1) * tall, -924:].astype(float) for n in range(3))
    assert np.abs(real - a).mean() < np.abs(real - b).mean()
    with Image.open(io.BytesIO(found.worst["a"][0])) as sheet:
        assert sheet.width < width
    full = replace(run, faces=(face,), videos=videos, suite=read_suite("footage"))
    with Image.open(io.BytesIO(bench_pictures(full, {}, "real").sheets["english"])) as sheet:
        assert sheet.size == (width, height + 3 * 150)  # the whole picture, a square, above each mouth


def test_sounds_that_drive_one_face_are_not_taken_for_independent(tmp_path):
    """Six clips by three sounds would be enough for a significant difference; six clips are."""
    sounds, clips = ("digital silence", "room noise", "music"), [f"clip{number}" for number in range(3)]
    rows = [
        row(f"{clip}, {sound}", method, csim=value + n / 100)
        for method, value in (("a", 0.9), ("b", 0.8))
        for n, clip in enumerate(clips)
        for sound in sounds
    ]
    run = bench_run(tmp_path, rows)
    faces = tuple(replace(face, sound=face.item.partition(", ")[2]) for face in run.faces)
    run = replace(run, faces=faces)
    assert stats.wilcoxon(np.full(9, 0.1)).pvalue < 0.05
    write_bench(run, "lipsync-eval bench", "en")
    page = Page(tmp_path / "report.html")
    assert len(page.tables) == 4
    assert "†" not in page.text
    assert "Several sounds drive each face" in page.text
    of_a = [s for s in read_bench_report(tmp_path / "report.json").scores if s.method == "a"]
    assert [(s.sound, s.n, s.value, s.low is None) for s in of_a] == [
        (None, 9, pytest.approx(0.91), True),
        *((sound, 3, pytest.approx(0.91), False) for sound in sounds),
    ]
    lines = list(csv.DictReader(io.StringIO((tmp_path / "report.csv").read_text("utf-8"))))
    assert [(line["sound"], line["scored"]) for line in lines if line["method"] == "a"] == [
        ("", "9"), *((sound, "3") for sound in sounds),
    ]  # fmt: skip
