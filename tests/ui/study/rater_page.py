"""What a person does on the rater's page, by a browser."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect


def begin(page: Any) -> None:
    """Consent and read the instructions."""
    page.wait_for_selector("#agree")
    expect(page.locator("button.main")).to_be_disabled()
    page.check("#agree")
    page.click("button.main")
    page.wait_for_selector("#forget")
    page.click("button.main")


def play(page: Any) -> None:
    """Play every clip of the view to its end."""
    page.wait_for_selector(".clip .play")
    for number, button in enumerate(page.locator(".clip .play").all()):
        page.wait_for_function("(n) => !document.querySelectorAll('.clip .play')[n].disabled", arg=number)
        button.click()
        page.wait_for_function(
            "(n) => document.querySelectorAll('.clip')[n].classList.contains('seen')", arg=number
        )
    page.wait_for_selector("fieldset:enabled")


def far(page: Any, words: str) -> None:
    page.wait_for_function("(words) => document.querySelector('#far')?.innerText === words", arg=words)


def file_of(page: Any) -> str:
    """The random name of the clip at hand, from what the browser fetched last."""
    return str(
        page.evaluate(
            "performance.getEntriesByType('resource').map(e => e.name).filter(n => n.endsWith('.mp4')).at(-1)"
        ).rpartition("/")[2][:-4]
    )
