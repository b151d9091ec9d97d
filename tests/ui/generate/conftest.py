"""A page of the Generate tab that the tests of a file share: each begins with what it needs."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.ui.pages import PATIENCE


@pytest.fixture(scope="module")
def page(portal: str, browser: Any) -> Iterator[Any]:
    opened = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900}).new_page()
    opened.set_default_timeout(PATIENCE)
    opened.goto(portal)
    opened.wait_for_selector("#preview img")
    yield opened
    opened.context.close()
