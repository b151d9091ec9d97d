import re
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from eval.batch.batch_manifest import ManifestRow
from eval.batch.rows import Options
from eval.functional.aggregate import summarise
from eval.functional.sync.lse import lse_compute, lse_update
from eval.report.latex import escape
from eval.scoring.expert import Measured, measured_accuracy
from eval.scoring.metrics import METRICS
from eval.scoring.metrics.sync.lse import offset_text
from eval.ui.score import result_table
from eval.ui.score.score_plots import plot_of
from eval.ui.score.score_queue import ScoreQueue
from lipsync.errors import LipSyncError
from lipsync.texts import Message
from lipsync.ui.markup import trouble

ROOT = Path(__file__).resolve().parents[2]
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def test_the_note_about_the_own_expert_has_chinese():
    figures = Measured(9, 7, 0.61, 6, 6, 0, 0.1, "here", "0" * 64)
    for measured, words in (
        (figures.sentence(), "有 7 个找到真实偏移"),
        (measured_accuracy(ROOT, "0" * 64), "尚未测量"),
    ):
        note = Message("score.own_expert", measured=measured)
        assert str(measured) in note
        assert words in note.text("zh")


@pytest.fixture
def queue():
    queue = ScoreQueue()
    yield queue
    queue.close()
    assert not queue.folder.exists()


def wait(work, seconds=240):
    end = time.monotonic() + seconds
    while not work.over and time.monotonic() < end:
        time.sleep(0.05)
    assert work.over
    return work


def test_a_table_is_made_in_the_background(queue, cut, weights):
    rows = [
        ManifestRow(
            "one", "<A>", cut("generated/Wav2Lip_id003_clip05.mp4", 12), cut("train/id003_clip04.mp4", 12)
        )
    ]
    work = wait(queue.submit(rows, Options(("ssim",))))
    assert work.error is None
    assert queue.get(work.id) is work
    page = result_table.table_html(work.table)
    value = work.table.columns[0].methods["<A>"].mean
    assert f"{value:.3f}" in page
    assert "<A>" not in page
    curves = result_table.frame_curves(work)
    assert len(curves) == 12
    assert curves["value"].mean() == pytest.approx(value, abs=1e-4)
    assert {"videos.csv", "table.tex"} <= {
        path.rsplit("/", 1)[-1] for path in result_table.downloads(work.folder)
    }
    assert "protocol 1; SSIM" in result_table.protocol(work.table)


def curves_of(values):
    """Curves per frame of one metric: video to its values."""
    rows = [
        {"time": k / 25, "metric": "psnr", "value": value, "video": video}
        for video, column in values.items() for k, value in enumerate(column)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_frames_equal_to_the_reference_do_not_squash_the_curves_and_legends_are_whole():
    long = ["ours, with a long name, first", "ours, with a long name, second"]
    curves = curves_of({"real": [100.0] * 3, long[0]: [100.0, 31.0, 32.0], long[1]: [28.0, 27.0, 29.0]})
    plot, below = plot_of("psnr", curves)
    assert sorted(plot["value"]["value"]) == [27, 28, 29, 31, 32]
    assert all(f"</span>{name}</li>" in below for name in long)
    assert "</span>real" not in below
    assert "equals its reference in every frame: real." in below
    assert "Single frames" in below
    assert len(set(plot["color_map"].values())) == 3
    alone, _ = plot_of("psnr", curves_of({"real": [100.0] * 3}))  # there would be nothing to see
    assert len(alone["value"]) == 3


def test_the_curve_of_the_shifts_has_its_least_distance_at_the_offset_of_the_table():
    rng = np.random.default_rng(3)
    audio = rng.normal(size=(60, 8))
    for late in (4, -3, 0):
        made = lse_update(np.roll(audio, late, 0), audio)  # the picture shows at t what sounds at t - late
        result = {"item": "one", "method": "A", "scores": {"curve": made.mean(0)}}
        shifts = result_table.shift_curves(SimpleNamespace(results=[result]))
        assert shifts["shift"][shifts["distance"].idxmin()] == lse_compute(made).offset == late
        assert set(shifts["video"]) == {"A"}


def test_an_offset_at_the_limit_of_the_search_says_so():
    assert [offset_text(k) for k in (-15, -14, 0, 4, 15)] == ["≤ -15", "-14", "0", "+4", "≥ 15"]
    offset, mean = METRICS.get("offset"), summarise({"one": 15.0, "two": 2.0})
    assert offset.format(mean, (15, 2)) == "≥ 15, +2"
    assert offset.video_cells({"offsets": [15, -2]}) == ("15 -2",)  # of a file for programs
    assert escape("≥ 15, ≤ -15") == r"$\geq$ 15, $\leq$ -15"


def test_cancelled_work_leaves_nothing(queue, cut, weights):
    clip = cut("train/id003_clip04.mp4", 60)
    work = queue.submit([ManifestRow("one", "A", clip, clip)], Options(("lmd",)))
    work.cancel.set()
    wait(work)
    assert (work.state, work.error) == ("cancelled", None)
    assert not work.folder.exists()


def test_bad_options_are_a_sentence(queue, cut):
    clip = cut("train/id003_clip04.mp4", 8)
    work = wait(queue.submit([ManifestRow("one", "A", clip)], Options(("psnr",))))
    assert isinstance(work.error, LipSyncError)
    assert "reference" in trouble(work.error)
