"""The sets of the portal, and its Compare tab in a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eval.compare.sets import Sets
from tests.ui.compare.locked_page import enter
from tests.ui.conftest import PASSWORD
from tests.ui.visitors import Visitors


@pytest.fixture(scope="module")
def sets(portal_data: Path) -> Sets:
    """The portal's own sets, opened beside it."""
    return Sets(portal_data)


@pytest.fixture
def visit(portal: str, visitors: Visitors) -> Iterator[Callable[..., Any]]:
    """Opens the Compare tab; at the end no script broke."""
    broken: list[str] = []

    def open_tab(locale: str = "en-GB", width: int = 1280, scheme: str = "light", height: int = 860) -> Any:
        # The sets are the owner's.
        page = visitors.open(locale, (width, height), scheme, {"x-lipsync-password": PASSWORD})
        visitors.listen(page, "pageerror", lambda error: broken.append(str(error)))
        visitors.listen(
            page, "console", lambda said: broken.append(said.text) if "js_on_load" in said.text else None
        )
        page.goto(portal)
        enter(page)
        return page

    yield open_tab
    assert broken == []
