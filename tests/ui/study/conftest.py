"""Raters' browsers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.ui.rated import METHODS
from tests.ui.visitors import Visitors


@pytest.fixture
def visit(portal: str, visitors: Visitors) -> Iterator[Callable[..., Any]]:
    """Opens a page of the portal as a new person; in the end no method was named to any of them."""
    told: list[str] = []
    hosts: set[str] = set()
    broken: list[str] = []

    def hear(response: Any) -> None:
        hosts.add(urlsplit(response.url).netloc)
        told.append(response.url)
        if "json" in response.headers.get("content-type", "") and response.request.method == "POST":
            told.append(response.text())

    def open_page(path: str, locale: str = "en-GB", width: int = 1280, scheme: str = "light") -> Any:
        page = visitors.open(locale, (width, 780), scheme)
        visitors.listen(page, "response", hear)
        visitors.listen(page, "pageerror", lambda error: broken.append(str(error)))
        page.goto(f"{portal}/{path}")
        return page

    yield open_page
    told += [page.content() for context in visitors.contexts for page in context.pages]
    assert broken == []
    assert hosts - {""} == {urlsplit(portal).netloc}
    assert [text for text in told if any(method in text for method in METHODS)] == []
