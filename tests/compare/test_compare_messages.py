"""Chinese users read Chinese: of what comparing refuses."""

from pathlib import Path

import pytest

from eval.compare.sets import Entry, Sets
from lipsync.errors import LipSyncError

ROOT = Path(__file__).resolve().parents[2]


def test_real_failures_come_out_in_chinese(tmp_path):
    sets = Sets(tmp_path)
    (tmp_path / "photo.jpg").write_bytes((ROOT / "assets/examples/portrait.jpg").read_bytes())
    with pytest.raises(LipSyncError) as caught:
        sets.create("x", [Entry("a", "b", tmp_path / "photo.jpg")])
    assert caught.value.message.text("zh") == "photo.jpg 是照片，对比需要视频。"
    with pytest.raises(LipSyncError) as caught:
        sets.create("x", [Entry("a", " ", tmp_path / "photo.jpg")])
    assert caught.value.message.text("zh") == "方法没有名称，请填写。"
