"""Chinese users read Chinese: of what comparing refuses."""

from pathlib import Path

import pytest

from eval.compare.sets import Entry, Sets
from lipsync.errors import LipSyncError

ROOT = Path(__file__).resolve().parents[2]
CHINESE = re.compile(r"[\u4e00-\u9fff]")
FILES = [
    *(ROOT / "eval" / "compare").glob("*.py"),
    *(ROOT / "eval" / name for name in ("batch/manifest.py", "cli/compare.py", "report/table_plot.py")),
]


@pytest.mark.parametrize(("english", "translation"), SENTENCES)
def test_fields_are_the_same_in_both_languages(english, translation):
    assert CHINESE.search(translation)
    assert not CHINESE.search(english)
    assert sorted(re.findall(r"\{\d+\}", english)) == sorted(re.findall(r"\{\d+\}", translation))


def test_every_raised_sentence_has_chinese():
    said = [
        (f"{path.name}:{node.lineno}", sentence)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in FAMILY and node.args
        if (sentence := spoken(node.args[0]))
    ]
    assert len(said) > 40
    assert [(where, text) for where, text in said if not CHINESE.search(chinese(text, ALL))] == []


def test_real_failures_come_out_in_chinese(tmp_path):
    sets = Sets(tmp_path)
    (tmp_path / "photo.jpg").write_bytes((ROOT / "assets/examples/portrait.jpg").read_bytes())
    with pytest.raises(LipSyncError) as caught:
        sets.create("x", [Entry("a", "b", tmp_path / "photo.jpg")])
    assert caught.value.message.text("zh") == "photo.jpg 是照片，对比需要视频。"
    with pytest.raises(LipSyncError) as caught:
        sets.create("x", [Entry("a", " ", tmp_path / "photo.jpg")])
    assert caught.value.message.text("zh") == "方法没有名称，请填写。"
