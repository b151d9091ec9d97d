"""The Leaderboard page as visitors and its owner meet it, with simulated voters whose order was planted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from eval.leaderboard.board import Board
from eval.report.bench.bench_json import write_bench_report
from eval.study.storage.store import Store, StudyInfo
from tests.leaderboard.test_board import report
from tests.leaderboard.voters import vote
from tests.ui.conftest import PASSWORD
from tests.ui.pages import BROWSER, CJK, fits, reading, shoot
from tests.ui.rated import add_study
from tests.ui.visitors import Visitors

pytestmark = BROWSER

BETTER, WORSE = "Wobblefox", "Quillfish"


@pytest.fixture
def arena(store: Store, clip: Path, tmp_path: Path) -> Iterator[StudyInfo]:
    """An open arena with votes, and a report, on a leaderboard that visitors see."""
    made = add_study(
        store, clip, items=2, training=0, mode="pairwise", leaderboard=True, suite="talk",
        title={"en": "Heads in pairs", "zh": "成对的人脸"},
    )  # fmt: skip
    vote(store, made, {BETTER: 0.8, WORSE: -0.8}, people=20)
    board = Board(store)
    write_bench_report(report(methods=(WORSE, BETTER)), tmp_path / "report.json")
    added = board.add(tmp_path / "report.json")
    board.show_to_visitors(True)
    yield made
    board.show_to_visitors(False)
    board.publish_only([])
    board.remove(added.id)
    store.delete_study(made.id)


def rows(page: Any, heading: str) -> list[list[str]]:
    """The cells of the table below a heading; none while it is not there."""
    table = page.locator(f'#leaderboard h3:has-text("{heading}") + .scores tbody tr:visible')
    return [re.split(r"[\t\n]+", line.strip()) for line in table.all_inner_texts()]


def test_visitors_see_the_planted_order_vote_at_once_and_read_names_that_are_published(
    portal: str, visitors: Visitors, arena: StudyInfo, store: Store
) -> None:
    board = Board(store)
    hidden = [str(board.anonymous(name)) for name in (BETTER, WORSE)]
    page = visitors.open()
    page.goto(f"{portal}/?tab=leaderboard")
    ranked = reading(page, lambda: rows(page, "People's votes"), bool)
    assert [(row[0], row[1]) for row in ranked] == [(hidden[0], "1"), (hidden[1], "2")]
    assert [row[-2:] for row in ranked] == [["40", "2026-09-21"]] * 2
    assert ranked[0][4].endswith("%")
    expect(page.locator("#leaderboard .notes").first).to_contain_text("40 votes of 20 people")
    expect(page.locator("#leaderboard .notes").first).to_contain_text("The left video was preferred")
    assert {row[0] for row in rows(page, "Measured")} == set(hidden)
    fits(page)
    shoot(page, "leaderboard")
    assert not re.search(f"{BETTER}|{WORSE}", page.content())

    page.get_by_label("Language of the speech").click()
    page.get_by_role("option", name="English").click()
    page.wait_for_url(re.compile("language=en"))
    page.reload()
    page.wait_for_selector("#leaderboard [data-language=en]")
    assert rows(page, "People's votes") == []  # no report says what is spoken in these clips
    assert {row[0] for row in rows(page, "Measured")} == set(hidden)

    page.locator("#leaderboard-head a.vote").click()
    page.wait_for_selector("#far:has-text('Pair 1')")
    assert page.locator(".clip").count() == 2
    assert page.locator("#agree").count() == 0
    page.click("#stop")
    expect(page.locator("main")).to_contain_text("Your code")
    assert len(store.raters(arena.id)) == 21
    assert not re.search(f"{BETTER}|{WORSE}", page.content())

    owner = visitors.open("zh-CN", (390, 844), "dark", {"x-lipsync-password": PASSWORD})
    owner.goto(f"{portal}/?tab=leaderboard&suite=talk")
    assert reading(owner, lambda: [row[0] for row in rows(owner, "观众投票")], bool) == [BETTER, WORSE]
    fits(owner)
    owner.click("#leaderboard-manage .label-wrap")
    owner.locator("#leaderboard-published label", has_text=BETTER).click()
    assert reading(owner, lambda: board.settings.published, bool) == {BETTER}
    shoot(owner, "leaderboard-owner-390")
    owner.fill("#leaderboard-minimum input", "0")
    owner.press("#leaderboard-minimum input", "Enter")
    expect(owner.locator("#leaderboard-message .trouble")).to_contain_text("排名至少需要 1 票")
    expect(owner.locator("#leaderboard-minimum input")).to_have_value("30")
    owner.locator("#leaderboard-minimum input").blur()
    owner.wait_for_timeout(700)
    expect(owner.locator("#leaderboard-message .trouble")).to_contain_text("排名至少需要 1 票")
    owner.click("#leaderboard-remove")
    expect(owner.locator("#leaderboard-message .trouble")).to_contain_text("请选择要移除的报告")
    text = owner.locator("#leaderboard .notes:visible").first.inner_text()
    assert CJK.search(text)

    page.goto(f"{portal}/?tab=leaderboard")
    wanted = [BETTER, hidden[1]]
    found = reading(page, lambda: [row[0] for row in rows(page, "People's votes")], lambda it: it == wanted)
    assert found == wanted


def test_the_example_opens_with_one_click_where_there_is_no_leaderboard(
    portal: str, visitors: Visitors
) -> None:
    page = visitors.open()
    page.goto(f"{portal}/?tab=leaderboard")
    page.wait_for_selector("#leaderboard .empty")
    expect(page.locator("#leaderboard")).to_contain_text("has not published a leaderboard")
    assert page.locator("#leaderboard-manage").is_hidden()
    page.click("#leaderboard-example")
    names = reading(page, lambda: [row[0] for row in rows(page, "People's votes")], bool)
    assert names == ["Multi-reference fusion", "M-CSAWav2Lip (small)", "LSTM-CBAM"]
    expect(page.locator("#leaderboard-head")).to_contain_text("simulated")
    page.click("#leaderboard-close")
    page.wait_for_selector("#leaderboard .empty")
