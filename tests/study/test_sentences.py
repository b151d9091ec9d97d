"""Chinese raters and authors read Chinese: of what studies refuse."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eval.study.server.service import Service
from eval.study.storage.csv_import_export import import_csv
from eval.study.storage.spec import Spec
from eval.study.storage.store import Store
from lipsync.errors import LipSyncError
from tests.study.studies import make_open
from tests.ui.test_sentences import FAMILY, spoken

FOLDER = Path(service.__file__).parents[1]
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize(("english", "translation"), SENTENCES)
def test_fields_are_the_same_in_both_languages(english: str, translation: str) -> None:
    assert CHINESE.search(translation)
    assert not CHINESE.search(english)
    numbers = [int(number) for number in re.findall(r"\{(\d+)\}", english)]
    assert numbers == list(range(len(numbers)))
    assert {f"{number}" for number in numbers} == set(re.findall(r"\{(\d+)\}", translation))


def test_every_raised_sentence_has_chinese() -> None:
    said = [
        (f"{path.name}:{node.lineno}", sentence)
        for path in FOLDER.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") in FAMILY | {"StudyError"}
        and node.args
        if (sentence := spoken(node.args[0]))
    ]
    assert len(said) > 60
    said.append(("service.GONE", service.GONE))
    assert [(where, text) for where, text in said if not CHINESE.search(chinese(text, ALL))] == []


def test_real_refusals_come_out_in_chinese(tmp_path: Path) -> None:
    def said(attempt) -> str:
        with pytest.raises(LipSyncError) as caught:
            attempt()
        return caught.value.message.text("zh")

    store = Store("", tmp_path)
    study = make_open(store)
    rater = Service(store)
    session = rater.consent(study.link).session
    view = rater.next(session)
    marks = {"sync": 3, "quality": 3, "overall": 3}
    assert said(lambda: rater.open("none")) == "没有这项研究，请检查链接。"
    early = said(lambda: rater.rate(session, view.trial, marks, "token-token"))
    assert re.fullmatch(r"请先把短片看完，还剩 \d\.\d 秒。", early)
    assert said(lambda: rater.rate(session, view.trial, marks | {"sync": 7}, "token-token")) == (
        "每个评分必须是 1 到 5 的整数。"
    )
    assert said(lambda: Spec.from_dict({"title": "t", "source": {"folder": "x"}, "mode": "x"})) == (
        "mode 必须是 rating, pairwise 之一，不能是 'x'。"
    )
    (tmp_path / "a.csv").write_text("rater\nx\n")
    assert said(lambda: import_csv(store, study.id, tmp_path / "a.csv")) == (
        "a.csv 不是研究的导出文件：缺少列 'language'。"
    )
    store.close()
