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
