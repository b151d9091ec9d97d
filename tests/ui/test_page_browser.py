"""What surrounds the tabs: head, foot, names for screen readers, the keyboard, in both languages."""

import re
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from eval.scoring.metrics import METRICS
from eval.study.storage.store import Store, StudyInfo
from lipsync.texts import Message
from lipsync.ui.model_choice import choices
from tests.ui.conftest import PASSWORD
from tests.ui.pages import BROWSER, CJK, reading, shoot, show_models
from tests.ui.rated import add_study
from tests.ui.visitors import Visitors

pytestmark = BROWSER

# Names that a screen reader or a pointer reads, of what is shown.
NAMES = """() => [...document.querySelectorAll("[aria-label], [title]")]
    .filter((node) => node.checkVisibility())
    .flatMap((node) => ["aria-label", "title"].map((name) => node.getAttribute(name)))
    .filter(Boolean)"""
CONTRAST = """(node) => {
    const channel = (value) => value <= 10.3 ? value / 3294 : ((value / 255 + 0.055) / 1.055) ** 2.4;
    const luminance = (colour) => {
        const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(channel);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = luminance(getComputedStyle(node.closest(".block")).backgroundColor);
    const ink = luminance(getComputedStyle(node).color);
    return (Math.max(ground, ink) + 0.05) / (Math.min(ground, ink) + 0.05);
}"""


@pytest.fixture(scope="module")
def visits(portal: str, browser, idle_pages) -> Iterator[dict]:  # type: ignore[no-untyped-def, type-arg]
    """An open page by language; tests leave it as it was."""
    pages, visitors = {}, Visitors(browser, idle_pages)
    for locale in ("en-GB", "zh-CN"):
        page = visitors.open(locale)
        page.goto(portal)
        page.wait_for_selector("#preview img")
        pages[locale] = page
    yield pages
    visitors.leave()


def test_the_link_at_the_foot_opens_the_api_and_so_does_its_address(portal: str, visits: dict) -> None:  # type: ignore[type-arg]
    page = visits["zh-CN"]
    page.set_viewport_size({"width": 390, "height": 860})
    page.get_by_role("button", name="供程序调用：API").click()
    expect(page.locator(".api-docs")).to_contain_text("/generate")
    page.reload()
    expect(page.locator(".api-docs")).to_contain_text("/generate")
    shoot(page, "api-390")
    page.set_viewport_size({"width": 1280, "height": 860})
    page.goto(portal)
    page.wait_for_selector("#preview img")
    expect(page.locator(".api-docs")).to_have_count(0)


def test_a_link_preview_and_the_tab_name_the_portal(portal: str, visits: dict) -> None:  # type: ignore[type-arg]
    with urllib.request.urlopen(portal, timeout=60) as answer:
        html = answer.read().decode()
    assert re.findall(r'<meta property="og:title" content="([^"]*)"', html) == [Message("page.title")]
    assert re.findall(r'<meta property="og:description" content="([^"]*)"', html) == [Message("page.purpose")]
    assert not re.search(r"og:url|og:image|twitter:creator", html)
    with urllib.request.urlopen(f"{portal}/favicon.ico", timeout=60) as answer:
        assert answer.headers["content-type"] == "image/svg+xml"
        assert b"<svg" in answer.read()
    for locale, title in (("en-GB", "Lip sync"), ("zh-CN", "口型同步")):
        expect(visits[locale]).to_have_title(title)


def test_a_chinese_page_has_chinese_names_for_screen_readers(visits: dict) -> None:  # type: ignore[type-arg]
    page = visits["zh-CN"]
    page.get_by_role("tab", name="摄像头").click()  # a drop zone of another kind

    def foreign() -> list[str]:
        names = [name for name in page.evaluate(NAMES) if not CJK.search(name)]
        return [name for name in names if name not in ("portrait.mp4", "English", *METRICS)]

    assert reading(page, foreign, lambda names: not names) == []
    page.get_by_role("tab").nth(2).click()
    expect(page.locator("#score-start")).to_be_visible()
    assert reading(page, foreign, lambda names: not names) == []
    page.get_by_role("tab").nth(0).click()
    page.get_by_role("tab", name="文件", exact=True).click()


def test_messages_of_gradio_are_translated(visits: dict) -> None:  # type: ignore[type-arg]
    page = visits["zh-CN"]
    page.evaluate(
        """() => document.body.insertAdjacentHTML("beforeend", "<div class=toast-wrap><p>Connection Lost</p>"
            + "<p>Connection to the server was lost. Attempting reconnection...</p></div>")"""
    )
    expect(page.locator(".toast-wrap p").nth(0)).to_have_text("连接中断")
    expect(page.locator(".toast-wrap p").nth(1)).to_have_text(re.compile("正在重新连接"))
    page.evaluate("document.querySelector('.toast-wrap').remove()")


def test_every_button_has_a_name_and_the_times_can_be_read(visits: dict) -> None:  # type: ignore[type-arg]
    page = visits["en-GB"]
    preview = page.locator("#preview .image-container > button")
    expect(preview).to_have_attribute("aria-label", Message("face.preview"))
    for name in ("time", ".controls button"):
        assert page.locator(f"#speech {name}").first.evaluate(CONTRAST) >= 4.5
        page.click("[data-theme]")
        assert page.locator(f"#speech {name}").first.evaluate(CONTRAST) >= 4.5
        page.click("[data-theme]")


def test_the_methods_are_one_stop_of_the_tab_key_and_arrows_choose(visits: dict) -> None:  # type: ignore[type-arg]
    page = visits["en-GB"]
    inputs = page.locator("#methods input")

    def names() -> set[str]:
        return set(inputs.evaluate_all("nodes => nodes.map((node) => node.name)"))

    assert len(reading(page, names, lambda found: len(found) == 1)) == 1
    inputs.nth(0).focus()
    page.keyboard.press("ArrowDown")
    expect(inputs.nth(1)).to_be_checked()
    expect(page.locator("#methods label.selected")).to_have_count(1)
    page.keyboard.press("ArrowUp")
    expect(inputs.nth(0)).to_be_checked()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") != "radio"


def test_two_or_three_choices_are_shown_and_the_other_models_when_asked_for(visits: dict) -> None:  # type: ignore[type-arg]
    page = visits["zh-CN"]
    shown = page.locator("#methods label >> visible=true")
    plain = [choice.value for choice in choices()]
    expect(shown).to_have_count(len(plain))
    assert shown.locator("input").evaluate_all("nodes => nodes.map((node) => node.value)") == plain
    expect(shown.nth(0)).to_contain_text("口型最自然")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 860})
        show_models(page)
        expect(shown).to_have_count(page.locator("#methods label").count())
        heading, last = page.locator("#more-models .label-wrap"), shown.nth(shown.count() - 1)
        assert shown.nth(len(plain) - 1).bounding_box()["y"] < heading.bounding_box()["y"]
        assert heading.bounding_box()["y"] < last.bounding_box()["y"]
        shoot(page, f"models-{width}")
        show_models(page)
        expect(shown).to_have_count(len(plain))
    page.set_viewport_size({"width": 1280, "height": 860})


@pytest.fixture
def page(visitors: Visitors) -> Any:
    return visitors.open()


@pytest.fixture
def study(store: Store, clip: Path) -> Iterator[StudyInfo]:
    made = add_study(store, clip, items=2, training=0, title={"en": "Sandpiper", "zh": "矶鹬"})
    yield made
    store.delete_study(made.id)


@pytest.fixture
def answer(page: Any) -> Iterator[Callable[..., None]]:
    """The portal hears of no event until this is called; with ``late=False`` of later ones alone."""
    held: list[Any] = []
    answering = False
    page.route("**/queue/join*", lambda route: route.continue_() if answering else held.append(route))

    def go_on(late: bool = True) -> None:
        nonlocal answering
        answering = True
        while late and held:
            held.pop(0).continue_()

    yield go_on
    go_on()


def test_an_address_opens_what_it_named_before_the_page_wrote_its_tab_there(
    portal: str, browser: Any, study: StudyInfo
) -> None:
    """On a busy machine the page does so before it asks the server."""
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script("addEventListener('DOMContentLoaded', () => history.replaceState(null, '', '?'))")
    page.goto(f"{portal}/?tab=results&study={study.id}")
    page.fill("#gate-password input", PASSWORD)
    page.click("#gate-enter")
    expect(page.locator("#study-head")).to_contain_text("Sandpiper")
    page.wait_for_url(f"{portal}/?tab=results&study={study.id}")
    context.close()


def test_a_login_opens_the_named_study_also_before_its_tab_was_answered(
    portal: str, page: Any, answer: Callable[..., None], study: StudyInfo
) -> None:
    page.goto(f"{portal}/?tab=results&study={study.id}")
    page.fill("#gate-password input", PASSWORD)
    answer(late=False)
    page.click("#gate-enter")
    expect(page.locator("#study-head")).to_contain_text("Sandpiper")


def test_a_tab_that_is_opened_before_the_server_answers_stays_open(
    portal: str, page: Any, answer: Callable[..., None]
) -> None:
    page.goto(f"{portal}/?set=0123456789abcdef")
    expect(page.get_by_role("tab", name="Compare", exact=True)).to_have_attribute("aria-selected", "true")
    assert "set=0123456789abcdef" in page.url, "a reload would open it"
    page.get_by_role("tab", name="Generate", exact=True).click()
    expect(page.locator("#start")).to_be_visible()
    answer()
    page.wait_for_selector("#preview img")
    page.wait_for_url(f"{portal}/?tab=generate")
    assert page.get_by_role("tab", selected=True).first.inner_text() == "Generate"
