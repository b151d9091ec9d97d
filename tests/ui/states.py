"""The states of every page that a person can meet, for pictures and for checks of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.ui.conftest import PASSWORD
from tests.ui.pages import JOB, show_models
from tests.ui.study.rater_page import begin, play

Open = Callable[[str], Any]  # a page at a path of the portal, opened by somebody new
THEMES = ("light", "dark")


def set_theme(page: Any, theme: str) -> None:
    """Light or dark, where the portal and the rater's page keep it."""
    page.evaluate(
        """(dark) => (window.gradio_config ? document.body : document.documentElement)
            .classList.toggle("dark", dark)""",
        theme == "dark",
    )


def generate_states(visit: Open) -> Iterator[tuple[str, Any]]:
    """Before a run, while it runs and after it; the API."""
    page = visit("?tab=generate")
    page.wait_for_selector("#preview img")
    yield "generate", page
    show_models(page)
    yield "generate-models", page
    show_models(page)
    page.click("#start")
    page.wait_for_selector("#cancel:visible", timeout=JOB)
    yield "generate-running", page
    page.wait_for_selector("#download:visible", timeout=JOB)
    page.wait_for_selector("#my-jobs [data-state=done]")
    yield "generate-result", page
    page = visit("?view=api")
    expect(page.locator(".api-docs")).to_contain_text("/generate")
    yield "api", page


def compare_states(visit: Open) -> Iterator[tuple[str, Any]]:
    """Without a set, while one is made, and with the example in each way to look at it."""
    page = visit("?tab=compare")
    page.wait_for_selector("#compare-example:visible")
    yield "compare", page
    page.click("#set-new")
    page.wait_for_selector("#make-files:visible")
    yield "compare-new", page
    page.click("#make-close")
    page.click("#compare-example")
    page.wait_for_selector(".locked[data-ready]", timeout=JOB)
    yield "compare-example", page
    page.click("#compare-results .label-wrap")
    page.wait_for_selector("#table table")
    yield "compare-table", page


def score_states(visit: Open) -> Iterator[tuple[str, Any]]:
    """Before anything is scored, what is missing, and the example."""
    page = visit("?tab=score")
    page.wait_for_selector("#score-example:visible")
    yield "score", page
    page.click("#score-start")
    page.wait_for_selector("#score-status .trouble")
    yield "score-missing", page
    page.click("#score-example")
    expect(page.locator("#score-table tbody tr")).to_have_count(3, timeout=JOB)
    page.wait_for_selector("#score-legend:visible")
    yield "score-example", page


def leaderboard_states(visit: Open) -> Iterator[tuple[str, Any]]:
    """Before there is anything, and the example."""
    page = visit("?tab=leaderboard")
    page.wait_for_selector("#leaderboard-example:visible")
    yield "leaderboard", page
    page.click("#leaderboard-example")
    page.wait_for_selector(".leaderboard table")
    yield "leaderboard-example", page


def study_states(visit: Open) -> Iterator[tuple[str, Any]]:
    """The study owner's page and the rater's, with the example study."""
    page = visit("?tab=results")
    page.wait_for_selector("#gate-enter:visible")
    yield "results-login", page
    page.fill("#gate-password input", PASSWORD)
    page.click("#gate-enter")
    page.wait_for_selector("#study-example:visible")
    yield "results", page
    page.click("#study-example")
    page.wait_for_selector("#study-table table", timeout=JOB)
    link = page.locator("#study-link").input_value()
    yield "results-example", page
    page.click("#study-new")
    page.wait_for_selector("#form-start:visible")
    yield "results-new", page
    page = visit("?tab=rate")
    page.wait_for_selector("#rate-enter:visible")
    yield "rate-tab", page
    page = visit(f"rate?{urlsplit(link).query}")
    page.wait_for_selector("#agree")
    yield "rate-consent", page
    begin(page)
    page.wait_for_selector(".clip .play")
    yield "rate-clip", page
    play(page)
    yield "rate-marks", page


PAGES = {
    "generate": generate_states,
    "compare": compare_states,
    "score": score_states,
    "leaderboard": leaderboard_states,
    "study": study_states,
}
