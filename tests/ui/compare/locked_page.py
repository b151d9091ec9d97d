"""The Compare tab in a browser: opening it, choosing a set, where the locked players are."""

from __future__ import annotations

from typing import Any


def enter(page: Any) -> None:
    page.get_by_role("tab").nth(1).click()
    page.wait_for_selector("#set-new, [data-do=reveal]", state="attached")


def choose(page: Any, title: str) -> None:
    """Open a set; every video is loaded."""
    page.locator("#set-list label", has_text=title).first.click()
    page.wait_for_selector(f"#set-heading >> text={title}")
    settled(page)


def settled(page: Any) -> None:
    """Nothing loads and nothing seeks."""
    page.wait_for_selector("#compare-player .locked[data-ready]")
    page.wait_for_function(
        """() => document.querySelector('#compare-player .locked').lockedTimes().clips.every(
            (clip) => !clip || !clip.seeking)"""
    )


def now(page: Any) -> dict[str, Any]:
    return page.evaluate("document.querySelector('#compare-player .locked').lockedTimes()")
