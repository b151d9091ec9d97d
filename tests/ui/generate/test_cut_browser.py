"""The input is played and trimmed before a run, and the run uses that part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from lipsync.assets import asset
from lipsync.media import probe, read_audio
from lipsync.methods import EMBEDDED, METHODS
from tests.ui.pages import BROWSER, JOB, fits, reading, shoot, show_models
from tests.ui.visitors import Visitors

pytestmark = BROWSER

SPEECH = asset("examples") / "english.wav"


def set_time(page: Any, of: str, end: str, seconds: str) -> None:
    page.fill(f"#{of}-cut input[type=number].{end}", seconds)
    page.keyboard.press("Enter")


def played(page: Any, of: str, kind: str) -> tuple[float, float]:
    """Seconds at which a player began and stopped by itself after a press of its button."""
    at = f"#{of}-cut {kind}"
    page.evaluate("(at) => { document.querySelector(at).muted = true; }", at)
    page.wait_for_function("(at) => document.querySelector(at).readyState >= 2", arg=at)
    page.evaluate(
        """(at) => {
            const media = document.querySelector(at);
            window.began = null;
            media.addEventListener("playing", () => { window.began ??= media.currentTime; }, {once: true});
        }""",
        at,
    )
    page.click(f"#{of}-cut .play")
    page.wait_for_function("window.began !== null")
    page.wait_for_function("(at) => document.querySelector(at).paused", arg=at)
    return page.evaluate("(at) => [window.began, document.querySelector(at).currentTime]", at)


def test_a_part_is_chosen_played_and_used(page: Any, tmp_path: Path) -> None:
    page.click("#face-cut summary")
    expect(page.locator("#face-cut .sentence")).to_have_text("All 5.00 s are used.", use_inner_text=True)
    before = page.locator("#preview img").get_attribute("src")
    set_time(page, "face", "start", "3.2")
    set_time(page, "face", "end", "4.4")
    expect(page.locator("#face-cut .sentence")).to_have_text(
        "1.20 s of 5.00 s are used.", use_inner_text=True
    )
    expect(page.locator("#preview img")).not_to_have_attribute("src", before)  # the first picture of the part
    assert played(page, "face", "video") == pytest.approx([3.2, 4.4], abs=0.15)
    page.click("#speech-cut summary")
    set_time(page, "speech", "end", "2.6")
    handle = page.locator("#speech-cut input[type=range].start")
    handle.focus()
    for _ in range(2):
        handle.press("PageUp")  # a tenth of the slider each
        handle.focus()
    expect(page.locator("#speech-cut .brief")).to_have_text("0.92–2.60 s of 4.56 s", use_inner_text=True)
    assert played(page, "speech", "audio") == pytest.approx([0.92, 2.6], abs=0.15)
    shoot(page, "cut")

    show_models(page)
    page.click(f"#methods label >> text={METHODS.get(EMBEDDED).card.title}")
    page.click("#start")
    expect(page.locator("#facts")).to_contain_text("1.7 s", timeout=JOB)
    with page.expect_download() as download:
        page.click("#download")
    download.value.save_as(tmp_path / "result.mp4")
    assert probe(tmp_path / "result.mp4").duration == pytest.approx(1.68, abs=0.04)
    sound, whole = read_audio(tmp_path / "result.mp4"), read_audio(SPEECH)
    length = min(len(sound), round(1.68 * 16_000)) - 2000
    fits_best = np.correlate(whole, sound[1000 : 1000 + length], "valid").argmax()
    assert (fits_best - 1000) / 16_000 == pytest.approx(0.92, abs=0.01)

    page.reload()
    expect(page.locator("#face-cut .brief")).to_have_text("3.20–4.40 s of 5.00 s", use_inner_text=True)
    expect(page.locator("#speech-cut .brief")).to_have_text("0.92–2.60 s of 4.56 s", use_inner_text=True)


def test_another_file_is_used_whole_and_a_photo_has_nothing_to_trim(page: Any) -> None:
    page.click("text=Photo, English speech")
    expect(page.locator("#face-cut summary")).to_be_hidden()
    page.click("text=Video, Chinese speech")
    expect(page.locator("#face-cut .brief")).to_have_text("5.00 s", use_inner_text=True)
    expect(page.locator("#speech-cut .brief")).to_have_text("5.76 s", use_inner_text=True)
    page.click("text=Video, English speech")
    expect(page.locator("#speech-cut .brief")).to_have_text("4.56 s", use_inner_text=True)


def test_start_and_end_stay_apart_and_inside(page: Any) -> None:
    page.evaluate("document.querySelector('#face-cut details').open = true")
    set_time(page, "face", "start", "99")
    field = page.locator("#face-cut input[type=number].start")
    expect(field).to_have_value("4.90")
    set_time(page, "face", "end", "-3")
    expect(page.locator("#face-cut input[type=number].end")).to_have_value("5.00")
    page.click("#face-cut .all")
    expect(field).to_have_value("0.00")


@pytest.mark.parametrize(("width", "locale", "scheme"), [(390, "zh-CN", "dark"), (390, "en-GB", "light")])
def test_it_fits_a_phone(portal: str, visitors: Visitors, width: int, locale: str, scheme: str) -> None:
    page = visitors.open(locale, (width, 800), scheme)
    page.goto(portal)
    page.click("#face-cut summary")
    page.wait_for_function("document.querySelector('#face-cut video').readyState >= 2")
    fits(page)
    narrow = "node => node.scrollWidth <= node.clientWidth"
    assert reading(page, lambda: page.locator("#face-cut details").evaluate(narrow), bool)
    shoot(page, f"cut-phone-{locale}")


def test_sizes_of_the_quality_are_those_of_the_format(page: Any) -> None:
    page.click("#output button")
    quality = page.locator("#output-quality")
    expect(quality).to_contain_text("about 13 MB a minute at 720p")
    page.click("#output-format label >> text=webm")
    expect(quality).to_contain_text("about 19 MB a minute at 720p")
    page.click("#output-format label >> text=gif")
    expect(quality).to_contain_text("about 89 MB a minute at 360p")
