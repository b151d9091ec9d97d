"""The portal under its security headers in a browser: all that is used works, and nothing foreign runs."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.ui.pages import BROWSER, PATIENCE
from tests.ui.visitors import Visitors

pytestmark = BROWSER

TABS = ["Compare", "Score", "Leaderboard", "Rate", "Results", "Generate"]
REPORT = """addEventListener('securitypolicyviolation', (event) =>
    console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`))"""
ATTACK = "<script>document.title = 'run'; parent.postMessage('run', '*')</script>"
FILES = {
    "attack.html": f"<!doctype html><title>still</title>{ATTACK}",
    "attack.png": f"<!doctype html><title>still</title>{ATTACK}",
    "attack.svg": f'<svg xmlns="http://www.w3.org/2000/svg">{ATTACK}</svg>',
    "attack.xhtml": f'<html xmlns="http://www.w3.org/1999/xhtml"><body>{ATTACK}</body></html>',
}


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page that has a camera and a microphone; at the end it was refused nothing."""
    context = browser.new_context(locale="en-GB", permissions=["camera", "microphone"])
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.add_init_script(REPORT)
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if is_refusal(said.text) else None)
    yield page
    context.close()
    assert refused == []


def is_refusal(text: str) -> bool:
    return text.startswith("policy:") or "Content Security Policy" in text


def test_every_tab_and_every_recorder_works(page: Any, portal: str) -> None:
    page.goto(portal)
    page.wait_for_selector("#preview img")
    for name in TABS:
        page.get_by_role("tab", name=name, exact=True).click()
        expect(page.get_by_role("tab", name=name, exact=True)).to_have_attribute("aria-selected", "true")

    speech = page.locator("#speech")
    speech.get_by_label("Clear").first.click()
    expect(page.locator("#speech-cut")).to_be_hidden()
    speech.get_by_label("Record audio").click()
    speech.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(1500)
    speech.get_by_role("button", name="Stop").click()
    expect(page.locator("#speech-cut")).to_be_visible()  # until it is uploaded, Gradio shows another player
    speech.get_by_label("Play", exact=True).click()
    expect(speech.get_by_label("Pause", exact=True)).to_be_visible()

    page.get_by_role("tab", name="Camera").click()
    page.get_by_text("Click to Access Webcam").locator("visible=true").click()
    camera = page.locator(".button-wrap button:visible").first
    camera.click()
    expect(camera).to_have_text("Stop")
    page.wait_for_timeout(2500)
    camera.click()
    # The test picture of the fake camera holds no face; that it was looked at shows that it arrived.
    expect(page.locator("#face-facts")).to_contain_text("no face", ignore_case=True)
    # Gradio's own trimming would fetch a program from elsewhere; the page's does not.
    expect(page.get_by_label("Trim video to selection")).to_have_count(1)
    expect(page.get_by_label("Trim video to selection")).to_be_hidden()
    page.click("#face-cut summary")
    page.wait_for_function("document.querySelector('#face-cut video').readyState >= 2")
    page.fill("#face-cut input[type=number].start", "0.5")
    page.keyboard.press("Enter")
    # 0.50, or as near as a shorter video allows: the camera of a busy machine gives few pictures.
    expect(page.locator("#face-cut .brief")).to_have_text(re.compile(r"^\s*(?!0\.00–)\d+\.\d\d–"))


def uploaded(portal: str, name: str, content: str) -> str:
    """The address of a file that was uploaded."""
    answer = httpx.post(f"{portal}/gradio_api/upload", files={"files": (name, content.encode(), "text/html")})
    return f"{portal}/gradio_api/file={answer.json()[0]}"


@pytest.mark.parametrize("name", FILES)
def test_an_uploaded_page_is_never_run(visitors: Visitors, portal: str, name: str) -> None:
    address = uploaded(portal, name, FILES[name])
    page = visitors.open()
    page.goto(f"{portal}/rate")  # of the portal's own address
    page.evaluate("addEventListener('message', () => { window.ran = true; })")
    page.evaluate(
        """(at) => new Promise((done) => {
            const frame = document.createElement('iframe');
            Object.assign(frame, {src: at, onload: done});
            document.body.append(frame);
            setTimeout(done, 1500);
        })""",
        address,
    )
    page.wait_for_timeout(300)
    assert not page.evaluate("window.ran === true")
    policy = httpx.get(address).headers["content-security-policy"]
    assert re.search(r"(^|; )sandbox(;|$)", policy), "nor where a browser shows it as a page"


def test_another_site_cannot_embed_it(visitors: Visitors, portal: str, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.html"
    foreign.write_text(f'<!doctype html><iframe src="{portal}/rate"></iframe>')
    page = visitors.open()
    with page.expect_event("console", lambda said: "frame-ancestors" in said.text, timeout=PATIENCE):
        page.goto(foreign.as_uri())
