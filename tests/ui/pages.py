"""How the browser tests look at pages: with patience.

On a busy machine what was done shows seconds later. So a page is never read right after a deed: tests
wait for what they want to see (`expect`, `fits`, `reading`), and fail only when it has not come within
``PATIENCE``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

ARTEFACTS = Path(__file__).resolve().parents[1] / "artefacts"
PATIENCE = 90_000  # ms that anything but a job may take on a slow machine
JOB = 180_000  # ms a job may take there
CJK = re.compile(r"[\u4e00-\u9fff]")
BROWSER = [pytest.mark.browser, pytest.mark.slow]  # of every module that drives the browser
T = TypeVar("T")

expect.set_options(timeout=PATIENCE)


def shoot(page: Any, name: str) -> None:
    """Keep a picture of the whole page among the artefacts."""
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True, timeout=PATIENCE)


def faults(page: Any) -> list[str]:
    """What axe calls serious or critical, one line for each element; Gradio's page of the API apart."""
    context = {"include": [["body"]], "exclude": [[".api-docs"]]}
    found = Axe().run(page, context, {"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{fault['id']}: {node['target']} {node['html'][:160]}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


def show_models(page: Any) -> None:
    """Open the list of the models beyond the plain choices."""
    page.click("#more-models .label-wrap")


def choose_speech(page: Any, speech: Path, length: str = "0:01") -> None:
    """On the Generate tab, instead of the example's; ``length`` as the player shows it, whole seconds."""
    page.locator("#speech").get_by_label(re.compile("Clear|清空|清除")).first.click()
    page.set_input_files("#speech input[type=file]", speech)
    expect(page.locator("#speech")).to_contain_text(length)


def fits(page: Any) -> None:
    """Nothing is cut off at the right."""
    page.wait_for_function("document.documentElement.scrollWidth <= window.innerWidth")


def reading(page: Any, read: Callable[[], T], right: Callable[[T], object], limit: float = PATIENCE) -> T:
    """What ``read`` gives once it is ``right``, else what it gave last: assert on it, for the message."""
    end = time.monotonic() + limit / 1000
    while not right(value := read()) and time.monotonic() < end:
        page.wait_for_timeout(100)
    return value
