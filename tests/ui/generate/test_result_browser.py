"""A running job and its result as a person sees them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from lipsync.methods import EMBEDDED, METHODS
from tests.ui.pages import BROWSER, JOB, PATIENCE, shoot, show_models

pytestmark = BROWSER


@pytest.fixture(scope="module")
def page(portal: str, browser: Any) -> Iterator[Any]:
    opened = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900}).new_page()
    opened.set_default_timeout(PATIENCE)
    opened.goto(portal)
    opened.wait_for_selector("#preview img")
    yield opened
    opened.context.close()


def test_the_running_job_shows_the_newest_picture_to_its_visitor_alone(
    page: Any, portal: str, browser: Any
) -> None:
    stranger = browser.new_context(locale="en-GB").new_page()
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
    stranger.context.close()
