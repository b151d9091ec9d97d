"""The rater's page as a rater meets it: from the link to the completion code, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from eval.study.storage.store import Store
from tests.ui.pages import BROWSER, CJK, reading, shoot
from tests.ui.pages import fits as fits_across
from tests.ui.rated import add_study
from tests.ui.study.rater_page import begin, far, file_of, play

pytestmark = BROWSER

KEYS = ("sync", "quality", "overall")
THUMB = 44  # px, the least side of what a thumb must hit


def fits(page: Any) -> None:
    """Nothing is cut off at the right, and all that can be hit is as large as a thumb."""
    fits_across(page)
    small = page.evaluate(
        """(least) => [...document.querySelectorAll("button, .mark, textarea, .agree")]
            .filter((node) => node.checkVisibility())
            .map((node) => [node.outerHTML, node.getBoundingClientRect()])
            .filter(([, box]) => Math.min(box.width, box.height) < least)""",
        THUMB,
    )
    assert small == []


@pytest.mark.parametrize(
    ("locale", "width", "scheme"), [("en-GB", 1280, "light"), ("zh-CN", 360, "dark")], ids=["en", "zh-phone"]
)
def test_a_study_from_the_link_to_the_completion_code(
    visit: Callable[..., Any], store: Store, clip: Path, locale: str, width: int, scheme: str
) -> None:
    study = add_study(store, clip, comments=True, completion_code="DONE-42")
    page = visit(f"?study={study.link}", locale, width, scheme)  # the portal's own address, led on from there
    chinese = locale == "zh-CN"
    page.wait_for_selector("#agree")
    title = "说话的人脸" if chinese else "Talking heads"
    expect(page.locator("h1")).to_have_text(title, use_inner_text=True)
    shots = f"rate-{locale[:2]}-{width}-{scheme}"
    shoot(page, f"{shots}-consent")
    fits(page)
    begin(page)

    given: dict[str, tuple[int, int, int]] = {}
    marks = [(3, 4, 5), (1, 2, 3), (5, 4, 4), (2, 2, 1), (4, 3, 5)]
    for number, (sync, quality, overall) in enumerate(marks):
        shown = f"{number + 1} / 5" if chinese else f"{number + 1} of 5"
        far(page, f"练习 {shown}" if chinese and not number else f"Practice {shown}" if not number else shown)
        expect(page.locator("fieldset:disabled")).to_have_count(3)
        page.keyboard.press("4")
        assert page.locator("input:checked").count() == 0, "a key answered before the clip was played"
        assert page.is_disabled("#next")
        if number == 1:
            shoot(page, f"{shots}-locked")
        if number == 2:  # the browser is closed and opened again: the same clip, nothing of it answered
            page.wait_for_selector(".play:enabled")  # until then the last file fetched is another clip's
            name = file_of(page)
            page.reload()
            far(page, shown)
            page.wait_for_selector(".play:enabled")
            assert file_of(page) == name
            expect(page.locator("fieldset:disabled")).to_have_count(3)
        play(page)
        given[file_of(page)] = (sync, quality, overall)
        for key in (sync, quality, overall):
            page.keyboard.press(str(key))
        page.wait_for_selector("#next:enabled")
        if number == 1:
            shoot(page, f"{shots}-answered")
            fits(page)
        page.keyboard.press("Enter")

    page.wait_for_selector("#comment")
    page.click("#back")  # a change of mind about the last one needs no second look
    far(page, "5 / 5" if chinese else "5 of 5")
    page.locator("fieldset[name=overall] label").first.click()
    given[file_of(page)] = (4, 3, 1)
    page.click("#next")
    page.wait_for_selector("#comment")
    page.fill("#comment", "<b>bold</b>")
    page.click("button.main")
    expect(page.locator(".notice")).to_have_text(re.compile(r"\S"), use_inner_text=True)
    assert bool(CJK.search(page.inner_text(".notice"))) == chinese
    page.fill("#comment", "The fox wobbled.")
    shoot(page, f"{shots}-comment")
    page.click("button.main")
    expect(page.locator("#code")).to_have_text("DONE-42")
    shoot(page, f"{shots}-thanks")
    fits(page)
    texts = page.inner_text("main")
    assert bool(CJK.search(texts.replace("中文", ""))) == chinese
    code = page.inner_text("#forget")

    stored = store.ratings(study.id)
    for name, expected in given.items():
        rows = stored[stored["stimulus"] == name].set_index("question")["mark"]
        assert tuple(rows[list(KEYS)]) == expected
    assert len(stored) == 15
    assert list(store.raters(study.id)["comment"]) == ["The fox wobbled."]

    page.reload()
    expect(page.locator("#code")).to_have_text("DONE-42")
    page.goto(page.url.partition("/rate")[0])
    page.get_by_role("tab", name="主观评分" if chinese else "Rate", exact=True).click()
    page.locator("#rate-erase button").first.click()
    page.fill("#rate-code input, #rate-code textarea", "ABCD-EFGH-JKMN")
    page.click("#rate-delete")
    expect(page.locator("#rate-message .trouble")).to_have_text(re.compile(r"\S"), use_inner_text=True)
    assert bool(CJK.search(page.inner_text("#rate-message .trouble"))) == chinese
    page.fill("#rate-code input, #rate-code textarea", code)
    page.click("#rate-delete")
    page.wait_for_selector("#rate-message .done")
    assert store.ratings(study.id).empty
    assert store.raters(study.id).empty


def test_skipping_ahead_opens_nothing(visit: Callable[..., Any], store: Store, clip: Path) -> None:
    page = visit(f"rate?study={add_study(store, clip, training=0).link}")
    begin(page)
    page.wait_for_selector(".play:enabled")
    page.evaluate("document.querySelector('video').currentTime = 0.7")
    page.click(".play")
    page.wait_for_selector("text=A part was skipped")
    assert page.locator("fieldset:disabled").count() == 3
    play(page)


def test_a_lost_answer_is_sent_again_and_stored_once(
    visit: Callable[..., Any], store: Store, clip: Path
) -> None:
    study = add_study(store, clip, training=0)
    page = visit(f"rate?study={study.link}")
    begin(page)
    lost = []

    def lose_first(route: Any) -> None:
        """The portal takes the vote, but its answer never arrives."""
        if not lost:
            lost.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    page.route("**/study_rate", lose_first)
    far(page, "1 of 4")
    play(page)
    for key in "345":
        page.keyboard.press(key)
    page.click("#next")
    far(page, "2 of 4")
    assert lost == [200]
    assert len(store.ratings(study.id, superseded=True)) == 3

    play(page)
    for key in "222":
        page.keyboard.press(key)
    page.context.set_offline(True)
    page.click("#next")
    page.wait_for_selector(".notice >> text=connection is lost")
    shoot(page, "rate-offline")
    expect(page.locator("input:checked")).to_have_count(3)
    page.context.set_offline(False)
    far(page, "3 of 4")
    expect(page.locator(".notice")).to_be_hidden()
    assert list(store.ratings(study.id)["mark"]) == [3, 4, 5, 2, 2, 2]


def test_a_vote_survives_closing_the_browser_while_offline(
    visit: Callable[..., Any], store: Store, clip: Path
) -> None:
    study = add_study(store, clip, training=0)
    page = visit(f"rate?study={study.link}")
    begin(page)
    far(page, "1 of 4")
    play(page)
    for key in "531":
        page.keyboard.press(key)
    page.context.set_offline(True)
    page.click("#next")
    page.wait_for_selector(".notice >> text=connection is lost")
    context = page.context
    page.close()
    context.set_offline(False)
    again = context.new_page()
    again.goto(f"{page.url}")
    far(again, "2 of 4")
    assert list(store.ratings(study.id)["mark"]) == [5, 3, 1]


def test_a_closed_study_says_so_and_keeps_the_marks_on_the_page(
    visit: Callable[..., Any], store: Store, clip: Path
) -> None:
    study = add_study(store, clip, training=0)
    page = visit(f"rate?study={study.link}", "zh-CN")
    begin(page)
    far(page, "1 / 4")
    play(page)
    for key in "345":
        page.keyboard.press(key)
    store.close_study(study.id)
    page.click("#next")
    expect(page.locator(".notice")).to_have_text(CJK, use_inner_text=True)
    expect(page.locator("input:checked")).to_have_count(3)
    page.reload()
    expect(page.locator(".why")).to_have_text(CJK, use_inner_text=True)
    store.open_study(study.id)
    page.click("button.main")
    far(page, "1 / 4")


def test_marks_that_come_too_early_are_refused_with_a_sentence(
    visit: Callable[..., Any], store: Store, clip: Path
) -> None:
    study = add_study(store, clip, training=0, seconds=30.0)
    page = visit("rate")

    def pretend(route: Any) -> None:
        """A page that does not wait as long as the portal demands."""
        told = route.fetch().json()
        told["data"][0]["wait"] = 0
        route.fulfill(json=told)

    page.route("**/study_next", pretend)
    page.goto(f"{page.url}?study={study.link}")
    begin(page)
    play(page)
    for key in "345":
        page.keyboard.press(key)
    page.click("#next")
    page.wait_for_selector(".notice >> text=Play the clip to its end first")
    expect(page.locator("input:checked")).to_have_count(3)
    expect(page.locator("#next")).to_be_enabled()
    assert store.ratings(study.id).empty


def test_a_mark_under_the_pointer_does_not_look_chosen(
    visit: Callable[..., Any], store: Store, clip: Path
) -> None:
    study = add_study(store, clip, training=0, seconds=0.2)
    page = visit("rate")
    page.goto(f"{page.url}?study={study.link}")
    begin(page)
    play(page)
    page.keyboard.press("5")
    expect(page.locator("input:checked")).to_have_count(1)
    marks = page.locator(".scale").first.locator(".mark")

    def colours(number: int) -> dict[str, str]:
        page.wait_for_timeout(300)  # colours fade
        return marks.nth(number).evaluate(
            """(mark) => {
                const {borderColor, backgroundColor} = getComputedStyle(mark);
                return {borderColor, backgroundColor};
            }"""
        )

    chosen, plain = colours(4), colours(1)
    page.locator(".scale").first.locator("label").nth(1).hover()
    under = colours(1)
    assert under["borderColor"] not in (chosen["borderColor"], plain["borderColor"])
    assert under["backgroundColor"] == plain["backgroundColor"]


@pytest.mark.parametrize("width", [1280, 360])
def test_pairs_lie_side_by_side_or_stacked_and_the_vote_is_for_the_method_on_that_side(
    visit: Callable[..., Any], store: Store, clip: Path, width: int
) -> None:
    study = add_study(store, clip, items=1, training=0, mode="pairwise")
    page = visit(f"rate?study={study.link}", width=width)
    begin(page)
    page.wait_for_selector(".clip >> nth=1")
    play(page)
    shoot(page, f"rate-pair-{width}")
    fits(page)
    first, second = (box.bounding_box() for box in page.locator(".clip").all())
    if width == 360:
        assert second["y"] >= first["y"] + first["height"]
    else:
        assert second["x"] >= first["x"] + first["width"]
    expect(page.locator(".scale label")).to_have_text(
        ["A is better", "No difference", "B is better"], use_inner_text=True
    )
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    page.wait_for_selector("#code")
    vote = store.pairs(study.id).iloc[0]
    right = vote["second"] if vote["left"] == vote["first"] else vote["first"]
    assert {1.0: vote["first"], 0.0: vote["second"]}[vote["outcome"]] == right


def test_the_language_can_be_switched_in_the_middle(
    visit: Callable[..., Any], store: Store, clip: Path
) -> None:
    page = visit(f"rate?study={add_study(store, clip, training=0).link}", "zh-CN")
    begin(page)
    play(page)
    page.keyboard.press("4")
    page.click(".language")
    expect(page).to_have_title("Rating study")

    def chinese() -> list[str]:
        return CJK.findall(page.inner_text("main").replace("中文", ""))

    assert reading(page, chinese, lambda signs: not signs) == []
    expect(page.locator("input:checked")).to_have_count(1)
    names = [fieldset.get_attribute("name") for fieldset in page.get_by_role("group").all()]
    assert names == list(KEYS)
    radio = page.get_by_role("radio", name="4 good").first
    assert radio.is_checked()


def test_a_study_held_in_one_language_is_shown_in_it(
    visit: Callable[..., Any], store: Store, clip: Path
) -> None:
    study = add_study(store, clip, languages=["zh"])
    page = visit(f"rate?study={study.link}")
    begin(page)
    page.wait_for_selector(".play")
    expect(page.locator("fieldset").first).to_have_text(CJK, use_inner_text=True)
    expect(page.locator(".language")).to_have_count(0)
    assert list(store.raters(study.id)["language"]) == ["zh"]


def test_no_link_a_wrong_link_and_a_pasted_link(visit: Callable[..., Any], store: Store, clip: Path) -> None:
    page = visit("rate")
    expect(page.locator("h1")).to_contain_text("the link that you were sent")
    page = visit("rate?study=AAAAAAAAAAAAAAAAAAAAAA")
    expect(page.locator(".why")).to_contain_text("no such study")
    study = add_study(store, clip)
    page = visit("")
    page.get_by_role("tab", name="Rate", exact=True).click()
    shoot(page, "rate-tab")
    page.fill("#rate-link", f"https://somewhere.example/?study={study.link}")
    page.click("#rate-enter button")
    page.wait_for_selector("#agree")
