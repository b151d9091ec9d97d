"""axe finds nothing serious on any page; `tests.screenshots` asks it in every state and width."""

from typing import Any

import pytest

from tests.ui.pages import BROWSER, faults
from tests.ui.states import THEMES, set_theme
from tests.ui.visitors import Visitors

pytestmark = BROWSER

TABS = {"generate": "#preview img", "compare": "#compare-example", "score": "#score-example"}
TABS |= {"rate": "#rate-enter", "results": "#gate-enter"}


@pytest.fixture(params=["en-GB", "zh-CN"])
def page(visitors: Visitors, request: pytest.FixtureRequest) -> Any:
    return visitors.open(request.param)


def test_no_page_has_a_serious_fault(portal: str, page: Any) -> None:
    found = []
    for tab, shown in TABS.items():
        page.goto(f"{portal}/?tab={tab}")
        page.wait_for_selector(f"{shown}:visible")
        for theme in THEMES:
            set_theme(page, theme)
            page.wait_for_timeout(200)  # for colours to fade
            found += [f"{tab}, {theme}: {fault}" for fault in faults(page)]
    assert not found, "\n".join(found)
