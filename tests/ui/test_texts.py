"""How texts get into the pages; which texts there are is tested in tests/test_locales.py."""

import re
from pathlib import Path

import gradio as gr

import eval.ui  # noqa: F401  # its texts too
from lipsync.texts import Message, known
from lipsync.ui.languages import by_language, label, localized, spans, translations

ROOT = Path(__file__).resolve().parents[2]


def test_the_browser_gets_the_texts_of_all_pages() -> None:
    joined = translations({"method.x": Message("method.line", title="X", resolution=96)})
    assert joined["en"]["score.tab"] == "Score"
    assert joined["zh-CN"] == joined["zh"] == joined["zh-TW"]
    assert joined["zh"]["generate.tab"] == "生成"
    assert joined["en"]["method.x"] == "X\nMouth detail 96 px"
    assert joined["zh"]["method.x"] == "X\n嘴部清晰度 96 像素"


def test_texts_of_the_commands_are_no_labels_and_stay_out_of_the_page() -> None:
    assert all(known(key) for key in ("help.generate.face", "cli.generated"))
    assert [key for key in translations({})["zh"] if key.startswith(("help.", "cli."))] == []
    pages = [path for top in ("lipsync/ui", "eval/ui") for path in (ROOT / top).rglob("*.py")]
    used = [re.search(r"label\(f?\"(help|cli)\.", path.read_text(encoding="utf-8")) for path in pages]
    assert len(used) > 50
    assert not any(used)


def test_every_stage_of_a_job_has_a_name() -> None:
    source = (ROOT / "lipsync" / "generate.py").read_text(encoding="utf-8")
    stages = set(re.findall(r"(?:report|Progress|self)\(\s*\"(\w+)\"", source))
    assert {"frames", "weights"} <= stages
    assert [stage for stage in stages if not known(f"job.{stage}")] == []


def test_marker_is_the_one_gradio_replaces() -> None:
    assert label("face.file") == str(gr.I18n()("face.file"))


def test_html_holds_both_languages_and_escapes_values() -> None:
    html = localized("facts.method", method="<b>")
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert "method " in html
    assert "方法 " in html
    assert spans({"en": "a", "zh": "b"}).count("<span") == 2
    assert localized("No text of ours.").count("No text of ours.") == 2
    assert by_language("face.count", count=1) == {"en": "one face", "zh": "一张脸"}
