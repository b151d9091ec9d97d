"""A page of the Generate tab that the tests of a file share: each begins with what it needs."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from tests.ui.visitors import Visitors


@pytest.fixture(scope="module")
def page(portal: str, browser: Any, idle_pages: defaultdict[str, list[Any]]) -> Iterator[Any]:
    visitor = Visitors(browser, idle_pages)
    opened = visitor.open(size=(1280, 900))
    opened.goto(portal)
    opened.wait_for_selector("#preview img")
    yield opened
    visitor.leave()
