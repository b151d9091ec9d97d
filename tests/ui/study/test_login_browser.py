"""On a Space the owner enters the Results tab with the account of the Hub, and nobody else does."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.openid import OpenIdProvider
from tests.portal import serving
from tests.ui.pages import BROWSER, CJK, shoot
from tests.ui.study.test_results_browser import to_tab

pytestmark = BROWSER


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIdProvider]:
    with OpenIdProvider() as started:
        yield started


@pytest.fixture(scope="module")
def space(provider: OpenIdProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A portal that believes to be a Space."""
    env = {"SYSTEM": "spaces", "SPACE_ID": "Owner/portal", "SPACE_AUTHOR_NAME": "Owner", "HOST": "127.0.0.1"}
    env |= {"LIPSYNC_ADMINS": "friend, other", "LIPSYNC_OFFLINE": "1", "LIPSYNC_ADMIN_PASSWORD": ""}
    with serving(tmp_path_factory.mktemp("space"), env | provider.environment) as address:
        yield address


@pytest.mark.parametrize(("account", "enters"), [("owner", True), ("friend", True), ("stranger", False)])
def test_who_enters_with_an_account(space, provider, visitors, account: str, enters: bool) -> None:  # type: ignore[no-untyped-def]
    provider.account = account
    page = visitors.open("zh-CN")
    page.goto(space)
    to_tab(page, "研究管理", "#gate-account-zh")
    expect(page.locator("#gate-account-en")).to_be_hidden()  # one button, in the page's language
    expect(page.locator("#results-content")).to_be_hidden()
    expect(page.locator("#gate-password")).to_be_hidden()
    with page.expect_navigation(url=re.compile(rf"{space}/(\?.*)?$")):  # by way of the provider
        page.click("#gate-account-zh")
    to_tab(page, "研究管理", "#results-content" if enters else "#gate-refused .trouble")
    if enters:
        expect(page.locator("#study-list .empty")).to_be_visible()
    else:
        expect(page.locator("#gate-refused .trouble")).to_have_text(CJK, use_inner_text=True)
        expect(page.locator("#results-content")).to_be_hidden()
        expect(page.locator("#gate-account-zh")).to_contain_text("退出 stranger")
        shoot(page, "results-stranger-zh")
