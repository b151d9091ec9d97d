"""axe finds nothing serious on any page; `tests.screenshots` asks it in every state and width."""

import pytest

from tests.ui.pages import BROWSER, faults
from tests.ui.states import set_theme
from tests.ui.visitors import Visitors

pytestmark = BROWSER

TABS = {"generate": "#preview img", "compare": "#compare-example", "score": "#score-example"}
TABS |= {"leaderboard": "#leaderboard-example", "rate": "#rate-enter", "results": "#gate-enter"}


@pytest.mark.parametrize(
    ("locale", "theme"), [("en-GB", "light"), pytest.param("zh-CN", "dark", marks=pytest.mark.minutes)]
)
def test_no_page_has_a_serious_fault(portal: str, visitors: Visitors, locale: str, theme: str) -> None:
    page, found = visitors.open(locale), []
    for tab, shown in TABS.items():
        page.goto(f"{portal}/?tab={tab}")
        page.wait_for_selector(f"{shown}:visible")
        set_theme(page, theme)
        page.wait_for_timeout(200)  # for colours to fade
        found += [f"{tab}: {fault}" for fault in faults(page)]
    assert not found, "\n".join(found)
