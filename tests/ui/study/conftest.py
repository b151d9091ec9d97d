"""Raters' browsers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.ui.pages import PATIENCE
from tests.ui.rated import METHODS


@pytest.fixture
def visit(portal: str, browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a page of the portal as a new person; in the end no method was named to any of them."""
    contexts, told, hosts, broken = [], [], set(), []

    def hear(response: Any) -> None:
        hosts.add(urlsplit(response.url).netloc)
        told.append(response.url)
        if "json" in response.headers.get("content-type", "") and response.request.method == "POST":
            told.append(response.text())

    def open_page(path: str, locale: str = "en-GB", width: int = 1280, scheme: str = "light") -> Any:
        context = browser.new_context(
            locale=locale, viewport={"width": width, "height": 780}, color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("response", hear)
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.goto(f"{portal}/{path}")
        return page

    yield open_page
    for context in contexts:
        for page in context.pages:
            told.append(page.content())
        context.close()
    assert broken == []
    assert hosts - {""} == {urlsplit(portal).netloc}
    assert [text for text in told if any(method in text for method in METHODS)] == []
