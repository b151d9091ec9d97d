import re
import time
from pathlib import Path

import pytest

from eval.batch.batch_manifest import ManifestRow
from eval.batch.rows import Options
from eval.scoring.expert import Measured, measured_accuracy
from eval.ui.score import result_table
from eval.ui.score.score_queue import ScoreQueue
from lipsync.errors import LipSyncError
from lipsync.texts import Message
from lipsync.ui.markup import trouble

ROOT = Path(__file__).resolve().parents[2]
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def test_the_note_about_the_own_expert_has_chinese():
    figures = Measured(9, 7, 6, 0, 0.1, "here", "0" * 64)
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
