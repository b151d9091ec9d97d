"""A running job and its result as a person sees them."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from lipsync.methods import EMBEDDED, METHODS
from tests.ui.pages import BROWSER, JOB, fits, shoot, show_models
from tests.ui.visitors import Visitors

pytestmark = BROWSER


def test_the_running_job_shows_the_newest_picture_to_its_visitor_alone(
    page: Any, portal: str, visitors: Visitors
) -> None:
    stranger = visitors.open()
    stranger.goto(portal)
    stranger.wait_for_selector("#preview img")
    show_models(page)
    page.click(f"#methods label >> text={METHODS.get(EMBEDDED).card.title}")
    page.click("#start")
    newest = page.locator("#status .newest")
    expect(newest).to_be_visible(timeout=JOB)
    assert newest.evaluate("picture => [picture.complete, picture.naturalWidth]") == [True, 160]
    assert newest.get_attribute("src").startswith("data:image/jpeg;base64,")  # there is no address to guess
    assert newest.get_attribute("alt") == "The newest generated picture"
    shoot(page, "generate-newest")
    expect(stranger.locator("#status .empty")).to_be_visible()
    assert stranger.locator(".newest").count() == 0
    page.wait_for_selector("#result video", timeout=JOB)
    expect(newest).to_have_count(0)


TIMES = "document.querySelector('#result .locked').lockedTimes()"


def test_input_and_result_play_as_one(page: Any) -> None:
    """Follows the test above, whose result is shown."""
    expect(page.locator("#result video")).to_have_count(1)
    page.locator("#view label").nth(2).click()
    expect(page.locator("#result video")).to_have_count(2)
    names = [name.inner_text() for name in page.locator("#result .name").all()]
    assert names == ["Input", "Result"]
    page.wait_for_selector("#result .locked[data-ready]")
    expect(page.locator("#result [data-do=play]")).to_have_count(1)  # one button for both
    page.select_option("#result [data-set=speed]", "0.5")
    page.click("#result [data-do=play]")
    page.wait_for_function(f"{TIMES}.time > 0.6")
    apart = page.evaluate(f"(() => {{ const [a, b] = {TIMES}.clips; return Math.abs(a.time - b.time); }})()")
    assert apart < 0.2, "a busy machine; tests/benchmarks/locked.py measures"
    # The result is heard, not the input.
    assert page.evaluate("[...document.querySelectorAll('#result video')].map((one) => one.muted)") == [
        True,
        False,
    ]
    page.click("#result [data-do=play]")
    page.wait_for_function(f"!{TIMES}.playing")
    shoot(page, "generate-both")
    there = page.evaluate(f"{TIMES}.time")
    page.locator("#view label").nth(1).click()
    expect(page.locator("#result video")).to_have_count(1)
    page.wait_for_function("(time) => Math.abs(" + TIMES + ".time - time) < 0.05", arg=there)  # stays there
    page.click("#result [data-do=loop]")
    expect(page.locator("#result [data-do=loop]")).to_have_attribute("aria-pressed", "true")
    for tool in ("zoom", "difference", "blind", "a"):
        expect(page.locator(f"#result [data-do={tool}]")).to_have_count(0)


def test_a_photo_stands_beside_its_result_on_a_phone(portal: str, visitors: Visitors) -> None:
    page = visitors.open("zh-CN", (390, 800), "dark")
    page.goto(portal)
    page.wait_for_selector("#preview img")
    page.get_by_text("照片＋英文语音").click()
    expect(page.locator("#face-cut summary")).to_be_hidden()
    show_models(page)
    page.click(f"#methods label >> text={METHODS.get(EMBEDDED).card.title}")
    page.click("#start")
    page.wait_for_selector("#result video", timeout=JOB)
    page.locator("#view label").nth(2).click()
    still = page.locator("#result .frame img")
    expect(still).to_be_visible()
    page.wait_for_function("document.querySelector('#result .frame img').naturalWidth > 0")
    expect(page.locator("#result video")).to_have_count(1)
    page.wait_for_selector("#result .locked[data-ready]")
    fits(page)
    shoot(page, "generate-both-phone")
