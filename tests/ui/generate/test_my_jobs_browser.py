"""The jobs of a visitor on the Generate tab: every verb in a browser, and that nobody else sees them."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
from playwright.sync_api import expect

from lipsync.assets import asset
from lipsync.media import probe
from lipsync.methods import EMBEDDED, METHODS
from tests.ui.pages import BROWSER, JOB, PATIENCE, choose_speech, fits, reading, shoot, show_models
from tests.ui.visitors import Visitors

pytestmark = BROWSER

EXAMPLES = asset("examples")
ROWS = "#my-jobs li"


@pytest.fixture
def visitor(portal: str, visitors: Visitors) -> Callable:  # type: ignore[type-arg]
    """Opens another page of the same browser, or, with ``new``, one of a visitor who was never here."""

    def open_page(  # type: ignore[no-untyped-def]
        new: bool = False, locale: str = "en-GB", size: tuple[int, int] = (1280, 900), scheme: str = "light"
    ):
        if new or not visitors.contexts:
            page = visitors.open(locale, size, scheme)
        else:
            page = visitors.contexts[-1].new_page()
            page.set_default_timeout(PATIENCE)
            page.set_viewport_size({"width": size[0], "height": size[1]})
        page.goto(portal)
        page.wait_for_selector("#preview img")
        return page

    return open_page


def start(page, output: bool = False) -> None:  # type: ignore[no-untyped-def]
    """Ask for a result by the quick method."""
    show_models(page)
    page.locator(f"#methods input[value={EMBEDDED}]").check()
    if output:
        page.click("#output button")
        page.click("#output-format label >> text=mov")
        page.get_by_role("button", name="Advanced").click()
        page.locator("#sharpen input[type=number]").fill("0.5")
        page.keyboard.press("Tab")
    page.click("#start")


def press(page, row: int, name: str) -> None:  # type: ignore[no-untyped-def]
    page.locator(ROWS).nth(row).get_by_role("button", name=name).click()


def test_a_result_is_found_shown_fetched_used_again_and_deleted(visitor: Callable, tmp_path: Path) -> None:  # type: ignore[type-arg]
    page = visitor()
    expect(page.locator("#my-jobs")).to_be_hidden()
    page.get_by_role("button", name="Photo, English speech").click()
    expect(page.locator("#face-facts")).to_contain_text("Photo")
    start(page, output=True)
    row = page.locator(ROWS)
    expect(row).to_have_attribute("data-state", "running", timeout=JOB)
    expect(row.get_by_role("button", name="Cancel")).to_be_visible()
    expect(row).to_contain_text("running for 0:")
    shoot(page, "my-jobs-running")
    expect(row).to_have_attribute("data-state", "done", timeout=JOB)
    expect(row).to_contain_text("portrait.jpg + english.wav")
    for fact in (METHODS.get(EMBEDDED).card.title, "MOV", "mouth sharpened 0.5", "4.6 s", "ago"):
        expect(row).to_contain_text("just now" if fact == "ago" else fact)
    page.wait_for_function("document.querySelector('#my-jobs img').naturalWidth === 192")
    with page.expect_download() as download:
        row.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == f"portrait-{EMBEDDED}.mov"
    download.value.save_as(tmp_path / "saved.mov")
    assert probe(tmp_path / "saved.mov").has_audio

    # Another page of the same browser: the result in the player, its inputs and settings in the form.
    other = visitor()
    expect(other.locator(ROWS)).to_have_count(1)
    other.get_by_role("button", name="Video, Chinese speech").click()
    expect(other.locator("#face-facts")).to_contain_text("25 frames/s")
    press(other, 0, "Again with these")
    expect(other.locator("#face-facts")).to_contain_text("Photo")
    expect(other.locator("#speech")).to_contain_text("0:05")
    expect(other.locator(f"#methods input[value={EMBEDDED}]")).to_be_checked()
    other.get_by_role("button", name="Advanced").click()
    expect(other.locator("#sharpen input[type=number]")).to_have_value("0.5")
    other.click("#output button")
    expect(other.locator("#output-format label").filter(has_text="mov").locator("input")).to_be_checked()
    press(other, 0, "Show the result of portrait.jpg + english.wav")
    expect(other.locator("#result video")).to_be_visible()
    expect(other.locator("#to-compare")).to_be_visible()

    # Somebody else has a list of their own.
    stranger = visitor(new=True)
    expect(stranger.locator("#face-facts")).to_contain_text("one face")
    expect(stranger.locator("#my-jobs")).to_be_hidden()

    shoot(page, "my-jobs")
    press(page, 0, "Delete")
    expect(row).to_contain_text("Really delete?")
    press(page, 0, "Really delete?")
    expect(row).to_have_count(0)
    expect(page.locator("#result video")).to_be_hidden()
    expect(page.locator("#status .empty")).to_be_visible()
    page.reload()
    page.wait_for_selector("#preview img")
    expect(page.locator("#status .empty")).to_be_visible()
    expect(page.locator("#my-jobs")).to_be_hidden()


@pytest.mark.minutes
def test_what_waits_has_its_place_and_is_cancelled_from_any_page(visitor: Callable, tmp_path: Path) -> None:  # type: ignore[type-arg]
    speech, rate = soundfile.read(EXAMPLES / "english.wav")
    soundfile.write(tmp_path / "long.wav", np.tile(speech, 8), rate)
    first = visitor()
    choose_speech(first, tmp_path / "long.wav", "0:36")
    first.click("#start")
    expect(first.locator(ROWS)).to_have_attribute("data-state", "running")
    again = visitor()
    expect(again.locator(ROWS)).to_have_attribute("data-state", "running")
    other = visitor(new=True)
    start(other)
    expect(other.locator(ROWS)).to_contain_text("Waiting for 1 other job")
    other.reload()  # it goes on without the page, and is found again
    expect(other.locator(ROWS)).to_contain_text("Waiting for 1 other job")
    shoot(other, "my-jobs-waiting")
    press(other, 0, "Cancel")
    press(again, 0, "Cancel")
    for page in (first, again, other):
        expect(page.locator("#status")).to_contain_text("Cancelled", timeout=JOB)
        expect(page.locator(ROWS)).to_have_count(0)


def test_a_failed_job_stays_with_its_sentence_until_it_is_deleted(visitor: Callable, tmp_path: Path) -> None:  # type: ignore[type-arg]
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "noise.png"), noise)
    page = visitor(locale="zh-CN", size=(390, 844), scheme="dark")
    expect(page.locator("#face-facts")).to_contain_text("一张脸")
    page.click("#face button[aria-label]")
    page.set_input_files("#face input[type=file]", tmp_path / "noise.png")
    expect(page.locator("#face-facts")).to_contain_text("noise.png 中没有人脸")
    page.check("#consent input")
    start(page)
    failure = page.locator(f"{ROWS}[data-state=failed] .failure")
    expect(failure).to_contain_text("noise.png 中没有", timeout=JOB)
    page.reload()
    expect(failure).to_contain_text("noise.png")
    fits(page)
    shoot(page, "my-jobs-failed-390")
    press(page, 0, "用这些再来一次")
    expect(page.locator("#face")).to_contain_text("noise")
    press(page, 0, "删除")
    press(page, 0, "确定删除？")
    expect(page.locator(ROWS)).to_have_count(0)


def test_the_list_drawn_anew_keeps_the_focus(visitor: Callable) -> None:  # type: ignore[type-arg]
    page = visitor()
    page.click("#start")
    cancel = page.locator(ROWS).get_by_role("button", name="Cancel")
    cancel.focus()
    before = page.inner_text(ROWS)
    assert reading(page, lambda: page.inner_text(ROWS), lambda text: text != before) != before
    expect(cancel).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(ROWS)).to_have_count(0)
