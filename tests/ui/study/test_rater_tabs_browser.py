"""A rater in two tabs, in another browser, and back by the code, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from eval.study.storage.store import Store
from tests.ui.pages import BROWSER, CJK, fits, shoot
from tests.ui.rated import add_study
from tests.ui.study.rater_page import begin, far, file_of, play

pytestmark = BROWSER

ELSEWHERE = "This study goes on in another tab or window"
HERE = "button.main >> text=Go on here"


def answer(page: Any, keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_selector("#next:enabled")


def rate(page: Any, keys: str) -> str:
    """Play the clip and answer; the random name of the clip."""
    play(page)
    name = file_of(page)
    answer(page, keys)
    page.click("#next")
    return name


def another_tab(page: Any) -> Any:
    tab = page.context.new_page()
    tab.goto(page.url)
    return tab


def test_the_newest_tab_goes_on_and_an_older_one_can_take_over(
    visit: Callable[..., Any], store: Store, clip: Path
) -> None:
    study = add_study(store, clip, training=0, comments=True)
    one = visit(f"rate?study={study.link}")
    begin(one)
    far(one, "1 of 4")
    play(one)
    first = file_of(one)
    answer(one, "345")

    two = another_tab(one)
    far(two, "1 of 4")
    expect(one.locator("h1")).to_have_text(ELSEWHERE, use_inner_text=True)  # at once, without a request
    shoot(one, "rate-elsewhere")
    one.click(HERE)  # what was answered and not sent is there as it was
    far(one, "1 of 4")
    expect(one.locator("input:checked")).to_have_count(3)
    expect(two.locator("h1")).to_have_text(ELSEWHERE, use_inner_text=True)
    assert store.ratings(study.id).empty
    one.click("#next")
    far(one, "2 of 4")

    two.click(HERE)
    far(two, "2 of 4")
    second = rate(two, "111")
    far(two, "3 of 4")
    one.click(HERE)  # the clip that it showed is rated meanwhile
    far(one, "3 of 4")
    third = rate(one, "222")
    far(one, "4 of 4")
    two.click(HERE)
    far(two, "4 of 4")
    fourth = rate(two, "555")
    two.wait_for_selector("#comment")
    two.fill("#comment", "Half a thought.")
    one.click(HERE)
    one.wait_for_selector("#comment")
    two.click(HERE)
    expect(two.locator("#comment")).to_have_value("Half a thought.")
    two.click("button.main")
    code = two.inner_text("#code")
    one.click(HERE)  # finished there
    expect(one.locator("#code")).to_have_text(code)

    stored = store.ratings(study.id, superseded=True)
    given = {name: list(rows["mark"]) for name, rows in stored.groupby("stimulus")}
    assert given == {first: [3, 4, 5], second: [1] * 3, third: [2] * 3, fourth: [5] * 3}
    assert list(store.raters(study.id)["comment"]) == ["Half a thought."]


def test_a_tab_that_was_not_told_learns_it_when_it_sends(
    visit: Callable[..., Any], store: Store, clip: Path
) -> None:
    """Another browser, so no word from tab to tab; then the study is closed and the data deleted."""
    study = add_study(store, clip, training=0)
    one = visit(f"rate?study={study.link}", "zh-CN", 360)
    begin(one)
    code = one.evaluate("localStorage.getItem(Object.keys(localStorage).find((k) => k.includes('rater')))")
    far(one, "1 / 4")
    play(one)
    answer(one, "123")
    other = visit(f"rate?study={study.link}")
    other.click("summary")
    other.fill("#return-code", code.lower().replace("-", " "))
    other.click(".return button")
    far(other, "1 of 4")
    rate(other, "444")
    far(other, "2 of 4")
    one.click("#next")
    expect(one.locator("h1")).to_have_text(re.compile("另一个标签页"), use_inner_text=True)
    assert list(store.ratings(study.id, superseded=True)["mark"]) == [4, 4, 4]
    fits(one)
    shoot(one, "rate-elsewhere-zh-360")
    store.close_study(study.id)
    one.click("button.main")
    expect(one.locator(".notice")).to_have_text(re.compile("研究已结束"), use_inner_text=True)
    store.open_study(study.id)
    one.click("button.main")
    far(one, "2 / 4")
    expect(one.locator("input:checked")).to_have_count(0)
    rate(one, "555")
    far(one, "3 / 4")
    assert list(store.ratings(study.id, superseded=True)["mark"]) == [4, 4, 4, 5, 5, 5]


def test_consent_in_two_tabs_makes_one_rater(visit: Callable[..., Any], store: Store, clip: Path) -> None:
    study = add_study(store, clip, training=0)
    one = visit(f"rate?study={study.link}")
    one.wait_for_selector("#agree")
    two = another_tab(one)
    two.wait_for_selector("#agree")
    begin(one)
    far(one, "1 of 4")
    two.check("#agree")
    two.click("button.main")
    far(two, "1 of 4")
    assert store.get(study.id).raters == 1


def test_a_vote_that_was_not_sent_does_not_replace_a_newer_one(
    visit: Callable[..., Any], store: Store, clip: Path
) -> None:
    """Closed while offline; rated on another device meanwhile; then the first browser is opened again."""
    study = add_study(store, clip, training=0)
    one = visit(f"rate?study={study.link}")
    begin(one)
    code = one.evaluate("localStorage.getItem(Object.keys(localStorage).find((k) => k.includes('rater')))")
    far(one, "1 of 4")
    play(one)
    answer(one, "531")
    one.context.set_offline(True)
    one.click("#next")
    one.wait_for_selector(".notice >> text=connection is lost")
    context, address = one.context, one.url
    one.close()
    other = visit(f"rate?study={study.link}")
    other.click("summary")
    other.fill("#return-code", code)
    other.click(".return button")
    far(other, "1 of 4")
    rate(other, "444")
    far(other, "2 of 4")
    context.set_offline(False)
    again = context.new_page()
    again.goto(address)
    far(again, "2 of 4")
    assert list(store.ratings(study.id, superseded=True)["mark"]) == [4, 4, 4]


def test_a_browser_that_forgot_everything_comes_back_by_the_code(
    visit: Callable[..., Any], store: Store, clip: Path
) -> None:
    study = add_study(store, clip, training=0, ratings_per_stimulus=1)
    page = visit(f"rate?study={study.link}")
    page.wait_for_selector("#agree")
    page.check("#agree")
    page.click("button.main")
    code = page.inner_text("#forget")
    assert re.fullmatch(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){2}", code)
    page.click("button.main")
    far(page, "1 of 4")
    given = {rate(page, "345"): [3, 4, 5]}
    far(page, "2 of 4")
    given[rate(page, "222")] = [2, 2, 2]
    far(page, "3 of 4")
    page.wait_for_selector(".play:enabled")
    third = file_of(page)

    page.evaluate("localStorage.clear()")
    page.context.clear_cookies()
    page.reload()
    page.wait_for_selector("#agree")
    shoot(page, "rate-return")
    page.click("summary")
    page.fill("#return-code", "AAAA-AAAA-AAAA")
    page.click(".return button")
    expect(page.locator(".notice")).to_contain_text("There is no data under this code")
    page.fill("#return-code", f" {code.lower()} ")
    page.keyboard.press("Enter")
    far(page, "3 of 4")
    page.wait_for_selector(".play:enabled")
    assert file_of(page) == third
    stored = store.ratings(study.id, superseded=True)
    assert {name: list(rows["mark"]) for name, rows in stored.groupby("stimulus")} == given

    # To somebody new the study is complete; whoever has a code goes on also from there.
    stranger = visit(f"rate?study={study.link}", "zh-CN")
    stranger.wait_for_selector("#agree")
    stranger.check("#agree")
    stranger.click("button.main")
    expect(stranger.locator(".why")).to_have_text(CJK, use_inner_text=True)
    stranger.click("summary")
    stranger.fill("#return-code", code)
    stranger.click(".return button")
    far(stranger, "3 / 4")
    for number in (4, 0):
        rate(stranger, "111")
        if number:
            far(stranger, f"{number} / 4")
    stranger.wait_for_selector("#code")
    assert stranger.inner_text("#forget") == code
    assert store.get(study.id).raters == 1

    # Closed: the code still leads to the completion code.
    store.close_study(study.id)
    late = visit(f"rate?study={study.link}")
    expect(late.locator(".why")).to_contain_text("closed")
    late.click("summary")
    late.fill("#return-code", "AAAA-AAAA-AAAA")
    late.click(".return button")
    expect(late.locator(".notice")).to_contain_text("There is no data under this code")
    late.fill("#return-code", code)
    late.click(".return button")
    expect(late.locator("#code")).to_have_text(stranger.inner_text("#code"))
