"""What one does with an open set: files made of it, its curves, how its players fit, making one of files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from eval.compare.names import REFERENCE
from eval.compare.sets import EXAMPLE, Entry, Sets
from lipsync.media import VideoWriter, WriterOptions, read_frames
from tests.ui.compare.locked_page import choose, enter, settled
from tests.ui.pages import BROWSER, JOB, fits, reading, shoot

pytestmark = BROWSER
METHODS = {"Heron": "lstm-cbam", "Ibis": "multireference", "Jay": "lstm-cbam", "Kite": "multireference",
           "Lark": "mcsawav2lip"}  # fmt: skip
LONG = "Six birds under a name so long that it takes two lines and a half of the list"
BARE = "Two birds without a reference"


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, int], Path]:
    """The beginning of a video of the example, which nobody has analysed yet."""
    folder = tmp_path_factory.mktemp("cut")

    def make(name: str, frames: int = 12) -> Path:
        source, out = EXAMPLE / "clips" / f"english-{name}.mp4", folder / f"{name}-{frames}.mp4"
        if not out.exists():
            images = [frame.image for frame in read_frames(source, max_frames=frames)]
            height, width = images[0].shape[:2]
            options = WriterOptions(duration=frames / 25)
            with VideoWriter(out, width, height, 25, audio=source, options=options) as writer:
                for image in images:
                    writer.write(image)
        return out

    return make


@pytest.fixture(scope="module")
def six(sets: Sets, cut: Callable[[str, int], Path]) -> str:
    """A reference and five methods."""
    made = [Entry("english", name, cut(source, 25)) for name, source in METHODS.items()]
    return sets.create(LONG, [Entry("english", REFERENCE, cut("reference", 25)), *made])


@pytest.fixture(scope="module")
def bare(sets: Sets, cut: Callable[[str, int], Path]) -> str:
    """Two methods without a reference."""
    return sets.create(BARE, [Entry("english", name, cut(METHODS[name], 12)) for name in ("Heron", "Ibis")])


def charts(page: Any) -> None:
    page.wait_for_function("() => document.querySelectorAll('.locked .chart').length >= 3", timeout=JOB)


def test_the_montage_stays_when_the_contact_sheet_is_made(visit: Callable, bare: str) -> None:
    page = visit()
    choose(page, BARE)
    page.click("#compare-export > button")
    page.fill("#export-frames input, #export-frames textarea", "0, 5")
    page.keyboard.press("Tab")
    page.click("#export-montage")
    page.wait_for_selector("#export-made a[href$='.mp4']", timeout=JOB)
    page.click("#export-sheet")
    page.wait_for_selector("#export-made img", timeout=JOB)
    with page.expect_download() as download:
        page.click("#export-made a[href$='.mp4']")
    assert download.value.suggested_filename == "english.mp4"


def test_curves_go_on_while_the_page_is_left(
    visit: Callable, sets: Sets, cut: Callable[[str, int], Path]
) -> None:
    entries = [Entry("english", name, cut(METHODS[name], 20)) for name in ("Heron", "Lark")]
    id = sets.create("Slow", [*entries, Entry("english", REFERENCE, cut("reference", 20))])
    page = visit()
    choose(page, "Slow")
    expect(page.locator(".locked .later")).to_contain_text("Measuring the curves")
    page.goto("about:blank")  # nobody watches
    cached = sets.open(id).folder / "cache"
    reading(page, lambda: len(list(cached.glob("*.json"))), lambda count: count >= 5, JOB)
    before = {path.name for path in cached.glob("*.json")}
    page = visit()
    choose(page, "Slow")
    page.get_by_role("tab").first.click()  # the curves come while another tab is open
    page.wait_for_timeout(1000)
    enter(page)
    charts(page)
    assert {path.name for path in cached.glob("*.json")} == before


def test_only_the_title_of_a_set_is_bold_however_long_it_is(visit: Callable, six: str) -> None:
    page = visit()
    line = page.locator("#set-list label", has_text=LONG)
    expect(line).to_contain_text("1 clip · 5 methods")
    # A range over the title's letters: every line of it is as high, and has the font, of the first.
    rows = line.evaluate(
        """(label, title) => {
            const node = [...label.querySelectorAll('span')].flatMap((span) => [...span.childNodes])
                .find((node) => node.nodeType === Node.TEXT_NODE && node.data.startsWith(title.slice(0, 8)));
            const range = new Range();
            range.setStart(node, 0);
            range.setEnd(node, title.length);
            return [...range.getClientRects()].map((box) => Math.round(10 * box.height) / 10);
        }""",
        LONG,
    )
    assert len(rows) > 1
    assert len(set(rows)) == 1, rows
    shoot(page, "compare-list")


def test_six_players_and_their_bar_fit_the_window(visit: Callable, six: str) -> None:
    page = visit(height=900)
    choose(page, LONG)
    page.locator(".locked .grid").evaluate("(grid) => grid.scrollIntoView()")
    bar = page.locator(".locked .bar").bounding_box()
    cells = [cell.bounding_box() for cell in page.locator(".locked .cell").all()]
    assert len({round(cell["x"]) for cell in cells}) == 3
    assert all(cell["y"] + cell["height"] <= bar["y"] for cell in cells), "a name lies under the bar"
    tops = {round(button.bounding_box()["y"]) for button in page.locator(".locked .bar button").all()}
    assert len(tops) == 1, "the buttons take more than one row"
    assert bar["y"] + bar["height"] <= 900
    shoot(page, "compare-six")


def test_two_columns_on_a_phone(visit: Callable, six: str) -> None:
    page = visit(width=390, height=844)
    choose(page, LONG)
    frames = [frame.bounding_box() for frame in page.locator(".locked .frame").all()]
    assert len({round(frame["x"]) for frame in frames}) == 2
    assert min(frame["width"] for frame in frames) >= 160
    fits(page)
    shoot(page, "compare-six-phone")


def test_a_greyed_difference_says_why(visit: Callable, six: str, bare: str) -> None:
    page = visit()
    choose(page, BARE)
    button = page.locator(".locked [data-do=difference]")
    expect(button).to_have_attribute("aria-disabled", "true")
    button.click(force=True)
    expect(page.locator(".locked .note")).to_contain_text("needs the reference and another video")
    expect(button).to_have_attribute("aria-pressed", "false")
    choose(page, LONG)
    expect(button).to_be_enabled()
    page.click(".locked [data-do=blind]")
    page.wait_for_selector(".locked [data-do=reveal]")
    settled(page)
    button.click(force=True)
    expect(page.locator(".locked .note")).to_contain_text("would tell the methods apart")


def test_the_reference_among_dropped_files_is_found_and_can_be_changed(
    visit: Callable, cut: Callable[[str, int], Path], tmp_path: Path
) -> None:
    page = visit()
    page.click("#set-new")
    files = {
        "id076_clip01.mp4": "reference",
        "Heron_id076_clip01.mp4": "lstm-cbam",
        "Ibis_id076_clip01.mp4": "multireference",
    }
    for name, source in files.items():
        (tmp_path / name).write_bytes(cut(source, 12).read_bytes())
    page.set_input_files("#make-files input[type=file]", [tmp_path / name for name in files])
    marks = page.locator("#make-rows [data-col='2'] input[type=checkbox]")
    expect(marks).to_have_count(3)

    def ticked() -> list[bool]:
        return [mark.is_checked() for mark in marks.all()]

    assert reading(page, ticked, lambda seen: sum(seen) == 1).count(True) == 1
    found = page.locator("#make-rows [data-col='3']").nth(ticked().index(True))
    assert found.inner_text().strip() == "id076_clip01.mp4"
    shoot(page, "compare-new-reference")
    page.fill("#make-title input, #make-title textarea", "Dropped")
    page.click("#make-start")
    page.wait_for_selector("#set-heading >> text=Dropped")
    settled(page)
    shown = page.locator(".locked .name")
    expect(shown).to_have_text(["Reference", "Heron", "Ibis"], use_inner_text=True)

    page.click("#set-new")  # again, and now the person says which one is the real video
    page.set_input_files("#make-files input[type=file]", [tmp_path / name for name in files])
    expect(marks).to_have_count(3)
    reading(page, ticked, lambda seen: sum(seen) == 1)
    marks.nth(0).click(force=True)
    marks.nth(1).click(force=True)
    assert reading(page, ticked, lambda seen: seen == [False, True, False]) == [False, True, False]
    page.fill("#make-title input, #make-title textarea", "Corrected")
    page.click("#make-start")
    page.wait_for_selector("#set-heading >> text=Corrected")
    settled(page)
    expect(shown).to_have_text(["Reference", "id076_clip01", "Ibis"], use_inner_text=True)
