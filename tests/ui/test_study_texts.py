"""The rater's page is whole."""

import re

from eval.ui.study.rate_page import rater_page
from eval.ui.study_texts import TEXTS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "eval" / "ui" / "study").glob("*.py"))
SCRIPTS = sorted((ROOT / "assets" / "js").glob("rate*.js"))


def used() -> tuple[set[str], tuple[str, ...]]:
    """Keys that the pages name, and beginnings of those they put together."""
    whole, begun = set(), set()
    for path in PAGES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
                whole.add(node.value)
            elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                begun.add(str(node.values[0].value))
    for path in SCRIPTS:
        text = path.read_text(encoding="utf-8")
        whole |= set(re.findall(r'"(rate\.[\w.]+)"', text))
        begun |= {found for found in re.findall(r"`(rate\.[\w.]*)\$", text)}
    return whole, tuple(beginning for beginning in begun if re.fullmatch(r"[a-z]+\.[\w.]*", beginning))


def test_every_text_is_said_and_every_one_that_is_said_exists() -> None:
    whole, begun = used()
    assert {"form.", "state.", "head.", "rate.clip."} & set(begun)
    groups = {key.split(".")[0] for key in TEXTS}
    said = {key for key in whole if re.fullmatch(r"[a-z]+(\.[a-z]+)+", key) and key.split(".")[0] in groups}
    assert said - set(TEXTS) == {"rate.css", "results.js"}
    assert [key for key in TEXTS if key not in whole and not key.startswith(begun)] == []


def test_the_raters_page_is_whole_and_asks_nobody_else_for_anything() -> None:
    html, policy = rater_page()
    assert "rate.begin" in html
    assert "results.tab" not in html
    assert not re.findall(r"https?://(?!www\.w3\.org)", html)
    assert "default-src 'none'" in policy
    assert policy.count("sha256-") == 2
