"""The portal, served for real on a free port, and a real browser."""

import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eval.study.storage.store import Store
from tests.portal import serving
from tests.ui.rated import example_clip
from tests.ui.visitors import Visitors

OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--mute-audio"]
OPTIONS += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]  # to be recorded by
PASSWORD = "quills-and-wobbles"  # of the portal's Results tab


def chromium() -> str | None:
    """Chromium of the system, where there is one."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def portal_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of that portal: its comparison sets and studies."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory, portal_data: Path) -> Iterator[str]:
    """Address of a portal of its own, which is stopped at the end."""
    env = {"LIPSYNC_DATA": str(portal_data), "LIPSYNC_ADMIN_PASSWORD": PASSWORD, "LIPSYNC_MCP": "1"}
    with serving(tmp_path_factory.mktemp("portal"), env) as address:
        yield address


@pytest.fixture(scope="session")
def browser():  # type: ignore[no-untyped-def]
    """Chromium of the system, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    program = chromium()
    if program is None:
        pytest.skip("needs Chromium (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def idle_pages() -> defaultdict[str, list[Any]]:
    """Empty pages of that browser, by language."""
    return defaultdict(list)


@pytest.fixture
def visitors(browser: Any, idle_pages: defaultdict[str, list[Any]]) -> Iterator[Visitors]:
    """Opens pages for people whom no portal knows."""
    present = Visitors(browser, idle_pages)
    yield present
    present.leave()


@pytest.fixture(scope="session")
def store(portal_data: Path) -> Iterator[Store]:
    """The portal's own studies, opened beside it."""
    opened = Store(folder=portal_data)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What all methods of a study show."""
    return example_clip(tmp_path_factory.mktemp("clips") / "clip.mp4")
