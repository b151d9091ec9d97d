"""Nothing a person reads is missing in one of the two languages."""

import ast
import re
import string
from pathlib import Path

import gradio as gr
import pytest

from eval.ui.compare_texts import TEXTS as COMPARE
from eval.ui.study_texts import TEXTS as STUDY
from eval.ui.texts import TEXTS as SCORE
from lipsync.texts import TEXTS, both, pair, say, translations
from lipsync.ui.uploads import method_texts

ROOT = Path(__file__).resolve().parents[2]
CHINESE = re.compile(r"[\u4e00-\u9fff]")
PAGE = [ROOT / "app.py", *(ROOT / "lipsync" / "ui").glob("*.py")]
TABLES = {"generate": TEXTS, "compare": COMPARE, "score": SCORE, "study": STUDY}
SAME = {"job.bytes", "face.facts", "compare.megabytes", "rate.progress"}  # units and numbers alone


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("table", TABLES)
def test_both_languages_say_it_with_the_same_fields(table: str) -> None:
    for key, (english, chinese) in TABLES[table].items():
        assert english.strip(), key
        assert not CHINESE.search(english), key
        assert CHINESE.search(chinese) or key in SAME, key
        assert fields(english) == fields(chinese), key


def test_tables_of_the_tabs_join() -> None:
    joined = translations(*TABLES.values())
    assert joined["en"]["score.tab"] == "Score"
    assert joined["zh-CN"]["rate.tab"] == "评价"


def keys_used() -> set[str]:
    """Keys in calls of ``say`` and ``both``; an f-string counts as its beginning with a star."""
    used = set()
    for path in PAGE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in TEXTS:
                used.add(node.value)
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("say", "both", "heading"):
                argument = node.args[0] if node.args else None  # a variable may be called so, too
                if isinstance(argument, ast.Constant):
                    used.add(argument.value)
                elif isinstance(argument, ast.JoinedStr):
                    used.add(f"{argument.values[0].value}*")  # type: ignore[attr-defined]
    return used


def test_pages_use_only_texts_that_exist_and_no_text_is_left_over() -> None:
    used = keys_used()
    assert len(used) > 40
    known = set(TEXTS) | set(method_texts())
    for key in used:
        assert any(name.startswith(key[:-1]) for name in known) if key.endswith("*") else key in known, key
    beginnings = tuple(key[:-1] for key in used if key.endswith("*"))
    assert [key for key in TEXTS if key not in used and not key.startswith(beginnings)] == []


def test_every_stage_of_a_job_has_a_name() -> None:
    source = (ROOT / "lipsync" / "generate.py").read_text(encoding="utf-8")
    stages = set(re.findall(r"(?:report|Progress|self)\(\s*\"(\w+)\"", source))
    assert {"frames", "weights"} <= stages
    assert [stage for stage in stages if f"job.{stage}" not in TEXTS] == []


def test_marker_is_the_one_gradio_replaces() -> None:
    assert say("face.file") == str(gr.I18n()("face.file"))


def test_html_holds_both_languages_and_escapes_values() -> None:
    html = both("facts.method", method="<b>", sha="1")
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert "method " in html
    assert "方法 " in html
    assert pair("a", "b").count("<span") == 2


def test_tables_that_contradict_do_not_join() -> None:
    joined = translations({"a": ("one", "一")}, {"b": ("two", "二"), "a": ("one", "一")})
    assert joined["en"] == {"a": "one", "b": "two"}
    assert joined["zh-CN"] == joined["zh"] == {"a": "一", "b": "二"}
    with pytest.raises(ValueError, match="two tables"):
        translations({"a": ("one", "一")}, {"a": ("two", "二")})
