"""A core from the Hub on the Generate page: named, fetched with progress, named again under the result."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.hub_server import HubServer
from tests.portal import ROOT, serving
from tests.ui.pages import BROWSER, JOB, choose_speech, shoot
from tests.ui.rated import example_speech

pytestmark = BROWSER

MODEL = ROOT / "assets" / "models" / "mcsawav2lip-embedded"
NAME = "someone/mouths"


@pytest.fixture(scope="module")
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        for name in ("config.json", "README.md", "model.safetensors"):
            server.add_model(NAME, name, (MODEL / name).read_bytes(), large=name == "model.safetensors")
        server.add_model("someone/bert", "config.json", b'{"architectures": ["Bert"]}', large=False)
        yield server


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("portal")


@pytest.fixture(scope="module")
def portal(hub: HubServer, work: Path) -> Iterator[str]:
    env = {"HF_ENDPOINT": hub.url, "HF_HOME": str(work / "hf"), "NO_PROXY": "127.0.0.1,localhost"}
    with serving(work, env) as address:
        yield address


def choose(page, name: str) -> None:  # type: ignore[no-untyped-def]
    page.fill("#hub-name input, #hub-name textarea", name)
    page.click("#hub-use")


@pytest.mark.parametrize(
    ("locale", "width"), [("en-GB", 1280), pytest.param("zh-CN", 360, marks=pytest.mark.minutes)]
)
def test_a_core_from_the_hub_is_named_fetched_and_pinned(portal, hub, work, visitors, locale, width) -> None:  # type: ignore[no-untyped-def]
    page = visitors.open(locale, (width, 860))
    page.goto(portal)
    page.wait_for_selector("#preview img")
    choose_speech(page, example_speech(work / f"{locale}.wav"))
    page.click("#hub > button, #hub .label-wrap")
    choose(page, "not a name")
    expect(page.locator("#hub-status .trouble")).to_contain_text("hub:")
    shoot(page, f"hub-error-{locale}")

    choose(page, "someone/bert")
    page.wait_for_selector("#methods label.selected >> text=someone/bert")
    page.wait_for_selector("#hub-status .trouble", state="detached")
    page.click("#start")
    expect(page.locator("#status .trouble")).to_contain_text("config.json")

    first = not hub.seen("GET", "/storage/")  # later the file is here already
    go_on = hub.hold("/storage/", 2_000_000)
    choose(page, NAME)
    page.wait_for_selector("#methods label.selected >> text=mouths")
    page.click("#start")
    if first:
        page.wait_for_selector("#status >> text=/[1-5]\\.\\d \\D*5\\.6 MB/ >> visible=true", timeout=JOB)
        shoot(page, f"hub-fetching-{locale}")
    go_on.set()
    page.wait_for_selector("#result video", timeout=JOB)
    expect(page.locator("#facts")).to_contain_text(f"hub:{NAME}")
    expect(page.locator("#facts")).not_to_contain_text(hub.commit(NAME)[:12])
    assert f"revision {hub.commit(NAME)}" in (work / "log").read_text()
    shoot(page, f"hub-result-{locale}")
