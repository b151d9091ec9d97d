"""A core from the Hub on the Generate page: named, fetched with progress, named again under the result."""

import re
from collections.abc import Iterator

import pytest

from tests.hub_server import HubServer
from tests.portal import ROOT, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("portal")]

MODEL = ROOT / "assets" / "models" / "mcsawav2lip-embedded"
ARTEFACTS = ROOT / "tests" / "artefacts"
NAME = "someone/mouths"


@pytest.fixture(scope="module")
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        for name in ("config.json", "README.md", "model.safetensors"):
            server.add_model(NAME, name, (MODEL / name).read_bytes(), large=name == "model.safetensors")
        server.add_model("someone/bert", "config.json", b'{"architectures": ["Bert"]}', large=False)
        yield server


@pytest.fixture(scope="module")
def portal(hub: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("portal")
    env = {"HF_ENDPOINT": hub.url, "HF_HOME": str(folder / "hf"), "NO_PROXY": "127.0.0.1,localhost"}
    with serving(folder, env) as address:
        yield address


def choose(page, name: str) -> None:  # type: ignore[no-untyped-def]
    page.fill("#hub-name input, #hub-name textarea", name)
    page.click("#hub-use")


@pytest.mark.parametrize(("locale", "width"), [("en-GB", 1280), ("zh-CN", 360)])
def test_a_core_from_the_hub_is_named_fetched_and_pinned(portal, hub, browser, locale, width) -> None:  # type: ignore[no-untyped-def]
    page = browser.new_context(locale=locale, viewport={"width": width, "height": 860}).new_page()
    page.set_default_timeout(90_000)
    page.goto(portal)
    page.wait_for_selector("#preview img", timeout=60_000)
    page.click("#hub > button, #hub .label-wrap")
    choose(page, "not a name")
    trouble = page.wait_for_selector("#hub-said .trouble").inner_text()
    assert "hub:" in trouble
    page.screenshot(path=ARTEFACTS / f"hub-error-{locale}.png", full_page=True)

    choose(page, "someone/bert")
    page.wait_for_selector("#methods label.selected >> text=someone/bert")
    page.wait_for_selector("#hub-said .trouble", state="detached")
    page.click("#start")
    assert "config.json" in page.wait_for_selector("#status .trouble").inner_text()

    hub.slow("/storage/", 400_000, 0.2)
    choose(page, NAME)
    page.wait_for_selector("#methods label.selected >> text=mouths")
    page.click("#start")
    if not hub.seen("GET", "/storage/"):
        page.wait_for_selector("#status >> text=/[1-4]\\.\\d \\D*4\\.7 MB/ >> visible=true", timeout=90_000)
        page.screenshot(path=ARTEFACTS / f"hub-fetching-{locale}.png", full_page=True)
    page.wait_for_selector("#result video", timeout=180_000)
    facts = page.inner_text("#facts")
    assert f"hub:{NAME}" in facts
    assert re.search(rf"(revision|版本) {hub.commit(NAME)[:12]}", facts)
    page.screenshot(path=ARTEFACTS / f"hub-result-{locale}.png", full_page=True)
    page.context.close()
