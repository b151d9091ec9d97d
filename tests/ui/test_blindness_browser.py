"""The attacker of `tests.ui.attacker` at the blind Compare page: all traffic of a browser is written down."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eval.compare.sets import Entry, Sets
from tests.ui.attacker import METHODS, Clips, by_cell, check, facts, method_of, write_signed
from tests.ui.compare.test_compare_browser import choose, curves, enter, everything, names, settled
from tests.ui.pages import BROWSER, PATIENCE, reading

pytestmark = BROWSER

ITEMS, TITLE = 10, "Ten signed items"
CELLS = 1 + len(METHODS)  # the reference is the first
BLOB = re.compile(r"blob:[^\"]+")
# Keeps every answer that a script of the page reads, streams as they come.
LISTEN = """
    window.heard = [];
    const real = window.fetch;
    window.fetch = async (...request) => {
        const answer = await real(...request);
        const kind = answer.headers.get('content-type') || '';
        if (/json|event-stream/.test(kind)) (async () => {
            const reader = answer.clone().body.getReader(), decoder = new TextDecoder();
            const place = window.heard.push('') - 1;
            for (let part; !(part = await reader.read()).done;)
                window.heard[place] += decoder.decode(part.value);
        })();
        return answer;
    };
    window.EventSource = class extends EventSource {
        constructor(...request) {
            super(...request);
            this.addEventListener('message', (event) => window.heard.push(`data:${event.data}`));
        }
    };
"""


@pytest.fixture
def title(portal_data: Path, tmp_path: Path) -> Iterator[str]:
    """The title of a set whose videos are signed."""
    sets = Sets(portal_data)
    videos = write_signed(tmp_path, ITEMS, real=True)
    id = sets.create(TITLE, [Entry(path.parent.name, path.stem, path) for path in videos])
    sets.publish(id, True)
    yield TITLE
    sets.delete(id)


def test_a_blind_viewer_cannot_tell_methods_by_the_traffic(portal: str, browser: Any, title: str) -> None:
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 860})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.add_init_script(LISTEN)
    page.goto(portal)
    enter(page)
    choose(page, title)
    curves(page)
    answers: list[Any] = []
    said: list[str] = []
    page.on("response", lambda answer: answers.append(answer))
    page.on("console", lambda line: said.append(line.text))
    clips: Clips = []
    for number in range(ITEMS):
        answers.clear()
        page.evaluate("() => { window.heard.length = 0; }")
        page.click("#item-after" if number else ".locked [data-do=blind]")
        seen, truth = _seen(page, answers)
        clips += [(str(number), method, known) for method, known in zip(truth[1:], seen[1:], strict=True)]
        said += [answer.url for answer in answers] + page.evaluate("window.heard")
    assert not reading(
        page, lambda: [name for name in METHODS if name in everything(page)], lambda left: not left
    )
    check(clips, json.dumps([said, [known for *_, known in clips]]), ITEMS)
    page.click(".locked [data-do=reveal]")
    page.wait_for_selector(".locked [data-do=reveal]", state="detached")
    assert reading(page, lambda: names(page)[1:], lambda found: found == truth[1:]) == truth[1:]
    context.close()


def _seen(page: Any, answers: list[Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """What the page and its traffic say of every cell of the item that comes now, and the methods there."""
    reading(page, lambda: len(_videos(answers)), lambda count: count == CELLS)
    settled(page)
    page.wait_for_selector(".locked .chart")
    videos = _videos(answers)
    messages = [
        json.loads(line.removeprefix("data:"))
        for text in page.evaluate("window.heard")
        for line in text.splitlines()
        if line.startswith("data:")
    ]
    seen: list[dict[str, Any]] = [{"place": place} for place in range(CELLS)]
    for message in messages:
        for cell, name, fact in by_cell(message, CELLS):
            seen[cell][name] = fact
    sources = _sources(seen)
    truth = []
    for cell, known in enumerate(seen):
        order = next(n for n, video in enumerate(videos) if video.url.endswith(sources[cell]))
        data, timing = page.request.get(videos[order].url).body(), videos[order].request.timing
        truth.append(method_of(data))
        known |= facts(data) | {"order": order, "time": timing["responseEnd"] - timing["requestStart"]}
        known |= {f"header {key}": value for key, value in videos[order].headers.items()}
        known |= {f"sizes {key}": value for key, value in videos[order].request.sizes().items()}
        html = page.locator(".locked .cell").nth(cell).evaluate("node => node.outerHTML")
        known["html"] = BLOB.sub("", html)
    return seen, truth


def _videos(answers: list[Any]) -> list[Any]:
    return [
        answer
        for answer in answers
        if answer.url.endswith(".mp4") and answer.request.resource_type == "fetch"
    ]


def _sources(seen: list[dict[str, Any]]) -> dict[int, str]:
    """The address that the payload gives each cell."""
    return {
        cell: value
        for cell, known in enumerate(seen)
        for name, value in known.items()
        if name.endswith(".src") and isinstance(value, str)
    }
