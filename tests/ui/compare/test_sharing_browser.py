"""A set on a portal that serves others: its maker, one with the link, the owner, and everybody else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from playwright.sync_api import expect

from lipsync.ui.visitor import COOKIE
from tests.portal import serving
from tests.ui.compare.locked_page import settled
from tests.ui.conftest import PASSWORD
from tests.ui.pages import BROWSER, fits, reading, shoot
from tests.ui.visitors import Visitors

pytestmark = BROWSER
BUTTONS = ("rename", "share", "export", "delete")


@pytest.fixture
def asked() -> defaultdict[Any, list[int]]:
    """Numbers of the events that each page has asked the server about."""
    return defaultdict(list)


@pytest.fixture
def visit(visitors: Visitors, asked: dict[Any, list[int]]) -> Iterator[Callable[..., Any]]:
    """Opens an address in a browser of its own; at the end no script broke."""
    broken: list[str] = []

    def open_page(address: str, headers: dict[str, str] | None = None, width: int = 1280) -> Any:
        page = visitors.open(size=(width, 860), headers=headers)
        visitors.listen(page, "pageerror", lambda error: broken.append(str(error)))

        def note(request: Any) -> None:
            if request.url.endswith("/queue/join"):
                asked[page].append(request.post_data_json["fn_index"])

        visitors.listen(page, "request", note)
        page.goto(address)
        return page

    yield open_page
    assert broken == []


def to_sets(page: Any) -> None:
    page.get_by_role("tab", name="Compare").first.click()
    page.wait_for_selector("#set-new")


def titles(page: Any) -> list[str]:
    return [line.inner_text().split("\n")[0] for line in page.locator("#set-list label").all()]


def buttons(page: Any) -> list[str]:
    return [name for name in BUTTONS if page.locator(f"#set-{name}").is_visible()]


def test_the_maker_shares_and_the_owner_publishes(
    portal: str, visit: Callable[..., Any], clip: Path, asked: dict[Any, list[int]]
) -> None:
    maker = visit(portal)
    (cookie,) = [one["value"] for one in maker.context.cookies() if one["name"] == COOKIE]
    program = Client(portal, headers={"cookie": f"{COOKIE}={cookie}"}, verbose=False)
    names = [["one", "A"], ["one", "B"]]
    program.predict([handle_file(clip), handle_file(clip)], "Heron", names, api_name="/compare_create")

    to_sets(maker)
    assert "Heron" in reading(maker, lambda: titles(maker), bool)
    maker.locator("#set-list label", has_text="Heron").click()
    expect(maker.locator("#set-heading")).to_contain_text("only you see it, and those who have its link")
    assert buttons(maker) == list(BUTTONS)
    maker.click("#set-share")
    link = reading(maker, lambda: maker.input_value("#set-link"), bool)
    assert link.startswith(f"{portal}/?set=")
    expect(maker.locator("#set-publish")).to_be_hidden()
    shoot(maker, "compare-share")

    guest = visit(link, width=390)
    expect(guest.locator("#set-heading")).to_contain_text("shared with you; you can watch and download it")
    assert reading(guest, lambda: buttons(guest), lambda found: found == ["export"]) == ["export"]
    expect(guest.locator("#table-start")).to_be_hidden()
    assert titles(guest) == []
    fits(guest)
    guest.wait_for_url(f"{portal}/?tab=compare")
    guest.reload()  # stays where one was
    expect(guest.locator("#set-heading")).to_contain_text("Heron")
    shoot(guest, "compare-shared-phone")

    other = visit(portal)
    to_sets(other)
    expect(other.locator("#compare-empty")).to_be_visible()
    assert "Heron" not in titles(other)

    owner = visit(link, {"x-lipsync-password": PASSWORD})
    expect(owner.locator("#set-heading")).to_contain_text("made by a visitor")
    assert buttons(owner) == list(BUTTONS)
    owner.click("#set-share")
    owner.locator("#set-publish input").check()
    settled(owner)
    assert len(set(asked[owner])) == len(asked[owner]), "opened once: again would close what is asked"
    expect(owner.locator("#set-heading")).to_contain_text("published: every visitor sees it")

    other.reload()
    to_sets(other)
    assert "Heron" in reading(other, lambda: titles(other), lambda found: "Heron" in found)

    owner.click("#set-delete")
    owner.click("#set-delete-yes")
    expect(owner.locator("#compare-empty")).to_be_visible()
    guest.goto(link)
    expect(guest.locator("#compare-status")).to_contain_text("There is no comparison set")


def test_the_link_in_the_terminal_logs_in_once(tmp_path: Path, visit: Callable[..., Any], clip: Path) -> None:
    with serving(tmp_path) as address:
        log = tmp_path / "log"
        (link,) = [line.split()[-1] for line in log.read_text().splitlines() if "/enter?token=" in line]
        page = visit(link)
        expect(page.locator("#study-list")).to_be_visible()
        assert "token" not in page.url
        other = visit(link)  # used up
        expect(other.locator("#gate-password")).to_be_visible()
        expect(other.locator("#results-content")).to_be_hidden()
        page.click("#study-example")  # one click: a study with marks, and its link to rate it oneself
        expect(page.locator("#study-head")).to_contain_text("simulated raters")
        expect(page.locator("#study-table")).to_contain_text("LSTM-CBAM")
        # On this portal, for this machine alone, every set is one's own, and there is nobody to share with.
        to_sets(other)
        other.click("#compare-example")
        expect(other.locator("#set-heading")).to_contain_text("Example")
        expect(other.locator("#compare-player .locked[data-ready]")).to_be_visible()
        program = Client(address, verbose=False)
        program.predict([handle_file(clip)], "Heron", [["one", "A"]], api_name="/compare_create")
        other.reload()
        to_sets(other)
        other.locator("#set-list label", has_text="Heron").click()
        expect(other.locator("#set-delete")).to_be_visible()
        assert buttons(other) == ["rename", "export", "delete"]
