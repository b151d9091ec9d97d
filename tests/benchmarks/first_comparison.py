"""A new user's way to a scored comparison of two methods: ``python -m tests.benchmarks.first_comparison``.

A browser that was never on the portal makes each click; printed are the clicks and the seconds since the page
was asked for. The example face and speech stand in the form, so nothing has to be uploaded.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import expect, sync_playwright

from tests.portal import serving
from tests.ui.conftest import OPTIONS, chromium
from tests.ui.pages import JOB, PATIENCE

METHODS = ("M-CSAWav2Lip (small)", "LSTM-CBAM")


def walk(page: Any, log: Callable[[str], None]) -> None:
    """From the first page to the table."""
    page.get_by_role("tab", name="Compare").first.click()
    log("Compare")
    page.get_by_role("button", name="New set").click()
    log("New set")
    page.get_by_role("tab", name="Generate with several methods").click()
    page.wait_for_selector("#make-methods label")
    log("Generate with several methods")
    for label in page.locator("#make-methods label").all():
        box = label.locator("input")
        if box.is_checked() != label.inner_text().strip().startswith(METHODS):
            box.click()
            log(label.inner_text().splitlines()[0])
    page.click("#make-generate")
    log("Generate")
    page.wait_for_selector(".locked[data-ready]", timeout=JOB)
    log("(both videos are there)")
    page.click("#compare-results .label-wrap")
    log("Results table")
    page.get_by_role("button", name="Score the set").click()
    log("Score the set")
    expect(page.locator("#table tbody tr")).to_have_count(len(METHODS), timeout=JOB)
    log("(the table is there)")


def main() -> None:
    """Serve a portal, walk, print."""
    with (
        sync_playwright() as playwright,
        tempfile.TemporaryDirectory() as work,
        serving(Path(work)) as address,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=OPTIONS)
        page = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(PATIENCE)
        began = time.perf_counter()
        page.goto(address)
        walk(page, lambda what: print(f"{time.perf_counter() - began:6.1f} s  {what}", flush=True))
        browser.close()


if __name__ == "__main__":
    main()
