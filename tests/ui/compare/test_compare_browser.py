"""The Compare tab as a person meets it: six real clips locked together, blind, on a phone, made, deleted."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from eval.compare.mouth_region import mouth_track
from eval.compare.names import REFERENCE
from eval.compare.sets import Entry, Sets
from lipsync.media import VideoWriter, WriterOptions, read_frames
from tests.ui.compare.locked_page import choose, enter, now, settled
from tests.ui.pages import BROWSER, CJK, JOB, fits, reading, shoot
from tests.ui.visitors import Visitors

pytestmark = BROWSER

# Real outputs beside the real clip; the names are none that the portal itself has elsewhere on its page.
CLIPS = {
    "Zeta-Vox": "generated/Wav2Lip_id003_clip05.mp4",
    "PC-AVS": "generated/PC-AVS_id003_clip06.mp4",
    "IP_LAP": "generated/IP-LAP_id003_clip07.mp4",
    "DAE-Talker": "generated/DAE-Talker_id003_clip08.mp4",
    "DiffDub": "generated/DiffDub_id003_clip09.mp4",
}
REAL = "train/id003_clip04.mp4"
ITEM, TITLE, FEW = "radio host", "Five methods", "Three methods"
SECONDS = {"PC-AVS": 1.2, REFERENCE: 2.0}  # of the others: 1.6
FPS = {"DiffDub": 30.0}  # of the others: 25
FRAME = 0.04
LATE = 0.4  # s after the end of a loop at which a busy browser may notice; the videos go on for 1.2 s
# Of every frame, which place of the video is in its middle, and how much larger the video is.
ZOOMED = """() => [...document.querySelectorAll('.locked .frame')].map((frame) => {
    const [box, inside] = [frame, frame.firstChild].map((node) => node.getBoundingClientRect());
    return [(box.x + box.width / 2 - inside.x) / inside.width,
            (box.y + box.height / 2 - inside.y) / inside.height, inside.width / box.width];
})"""
LOCKED = """() => {
    const {clips} = document.querySelector('#compare-player .locked').lockedTimes();
    const times = clips.filter((clip) => !clip.seeking).map((clip) => clip.time);
    return times.length === 6 && Math.max(...times) - Math.min(...times) <= 0.04;
}"""


@pytest.fixture(scope="module")
def clips(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Entry]:
    """The real clip and five methods, cut to different lengths, one at another rate."""
    folder = tmp_path_factory.mktemp("six")

    def cut(name: str, source: Path) -> Entry:
        out, fps = folder / f"{name}.mp4", FPS.get(name, 25.0)
        length = SECONDS.get(name, 1.6)
        frames = [frame.image for frame in read_frames(source, fps=fps, max_frames=round(length * fps))]
        height, width = frames[0].shape[:2]
        with VideoWriter(
            out, width, height, fps, audio=source, options=WriterOptions(duration=length, crf=20)
        ) as writer:
            for image in frames:
                writer.write(image)
        return Entry(ITEM, name, out)

    data = shared / "data"
    return {name: cut(name, data / path) for name, path in {REFERENCE: REAL, **CLIPS}.items()}


@pytest.fixture(scope="module")
def six(clips: dict[str, Entry], sets: Sets) -> str:
    return sets.create(TITLE, clips.values())


@pytest.fixture(scope="module")
def three(clips: dict[str, Entry], sets: Sets) -> str:
    """The first item with few methods, one of which failed; what takes long takes less here."""
    id = sets.create(FEW, [clips[name] for name in (REFERENCE, "PC-AVS", "DiffDub")])
    sets.record_failure(id, ITEM, "IP_LAP", "No face was found in the videos of IP_LAP, so it gave up.")
    return id


def unfocus(page: Any) -> None:
    """Nothing holds the keyboard; it is the players'."""
    page.evaluate("document.activeElement.blur()")


def names(page: Any) -> list[str]:
    """What stands under the players."""
    return [name.inner_text() for name in page.locator(".locked .name").all()]


def spread(clips: list[dict[str, Any]]) -> float:
    """Seconds between the first and the last player that is not at its end."""
    times = [clip["time"] for clip in clips if not clip["ended"] and not clip["seeking"]]
    return max(times, default=0.0) - min(times, default=0.0)


def drift(page: Any) -> list[float]:
    """The spread from moment to moment, while the players play from 0.2 to 1.1 s."""
    until(page, 0.2)
    page.wait_for_function(LOCKED)  # settled
    seen = []
    while (at := now(page))["time"] < 1.1 and at["playing"]:
        seen.append(spread(at["clips"]))
        page.wait_for_timeout(30)
    return seen


def until(page: Any, time: float) -> None:
    """Wait until the players have come to a time."""
    page.wait_for_function(
        "(time) => document.querySelector('#compare-player .locked').lockedTimes().time >= time", arg=time
    )


def curves(page: Any) -> None:
    page.wait_for_function("() => document.querySelectorAll('.locked .chart').length >= 3", timeout=JOB)


def test_six_clips_play_locked_and_every_seek_lands_on_one_frame(visit: Callable, six: str) -> None:
    page = visit()
    choose(page, TITLE)
    shown = ["Reference", *CLIPS]
    assert reading(page, lambda: names(page), lambda said: said == shown) == shown
    page.select_option(".locked [data-set=speed]", "0.25")
    page.click(".locked [data-do=play]")
    for _ in range(4):  # a moment in which the machine does something else proves nothing
        seen = drift(page)
        together = len(seen) > 5 and sum(value <= FRAME for value in seen) >= 0.8 * len(seen)
        if together:
            break
        if not now(page)["playing"]:
            page.click(".locked [data-do=play]")
        page.keyboard.press("Home")
        page.wait_for_function(
            "() => document.querySelector('#compare-player .locked').lockedTimes().time < 0.2"
        )
    assert together, seen
    page.keyboard.press("Home")  # plays on from there
    page.wait_for_function(
        """() => {
            const {time} = document.querySelector('#compare-player .locked').lockedTimes();
            return time > 0.2 && time < 0.8;
        }"""
    )
    thrown = """() => {
        const [lead, , , other] = document.querySelectorAll('.locked video');
        lead.addEventListener('pause', () => { window.waited = true; }, {once: true});
        other.currentTime += 0.6;
        return other.currentTime - lead.currentTime;
    }"""
    assert page.evaluate(thrown) > 0.5
    page.wait_for_function(LOCKED)  # it was brought back before the end
    assert now(page)["playing"]
    assert page.evaluate("window.waited"), "the leader went on while the other was brought back"
    sound = page.evaluate("[...document.querySelectorAll('.locked video')].filter((v) => !v.muted).length")
    assert sound == 1

    page.keyboard.press("Space")  # the focus is on the play button: it is pressed
    page.wait_for_function("() => !document.querySelector('#compare-player .locked').lockedTimes().playing")
    settled(page)
    same_frame(page)

    unfocus(page)
    for frame in (12, 26, 7):
        page.locator(".locked input[type=range]").evaluate(
            "(bar, time) => { bar.value = time; bar.dispatchEvent(new Event('input', {bubbles: true})); }",
            (frame + 0.3) / 25,
        )
        settled(page)
        assert now(page)["time"] == pytest.approx((frame + 0.5) / 25, abs=1e-3)
        same_frame(page)
    for key, frame in (("ArrowRight", 8), ("ArrowRight", 9), ("ArrowLeft", 8), ("Shift+ArrowRight", 18)):
        page.keyboard.press(key)
        settled(page)
        assert now(page)["time"] == pytest.approx((frame + 0.5) / 25, abs=1e-3), key
        same_frame(page)

    page.keyboard.press("End")
    settled(page)
    assert now(page)["time"] == pytest.approx(2.0 - FRAME / 2, abs=1e-3)
    expect(page.locator(".locked .held:visible")).to_have_text(
        [f"Ended at {SECONDS.get(name, 1.6)} s: last frame" for name in CLIPS], use_inner_text=True
    )
    shoot(page, "compare-end")


def same_frame(page: Any) -> None:
    """Every player stands at the same time and shows the frame of it."""
    page.wait_for_function(
        """() => document.querySelector('#compare-player .locked').lockedTimes().clips.every(
            (clip) => clip.ended || (clip.time - clip.shown >= -1e-3 && clip.time - clip.shown < 0.041))"""
    )
    at = now(page)
    for clip in at["clips"]:
        assert clip["ended"] or clip["time"] == pytest.approx(at["time"], abs=1e-3)


def test_the_loop_holds_and_the_zoom_follows_the_face(visit: Callable, six: str, sets: Sets) -> None:
    page = visit()
    choose(page, TITLE)
    page.select_option(".locked [data-set=speed]", "0.25")  # a busy browser is late by less of the video
    unfocus(page)
    for key, frames in (("a", 10), ("b", 8)):
        for _ in range(frames):
            page.keyboard.press("ArrowRight")
        page.click(f".locked [data-do={key}]")
        unfocus(page)
    expect(page.locator(".locked [data-do=loop]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Space")
    turns, last = 0, 0.0
    for _ in range(400):
        time = now(page)["time"]
        assert 0.4 - FRAME <= time <= 19 * FRAME + LATE, "the loop was left"
        turns += time < last - 0.1
        last = time
        if turns == 2:
            break
        page.wait_for_timeout(20)
    assert turns == 2
    page.keyboard.press("Space")

    set_ = sets.open(six)
    track = mouth_track(set_, set_.items[0])
    page.wait_for_selector(".locked [data-do=zoom]:enabled", timeout=JOB)
    page.click(".locked [data-do=zoom]")
    unfocus(page)
    for key, frame in (("Home", 0), ("End", 49)):
        page.keyboard.press(key)
        settled(page)
        x0, y0, x1, y1 = track.at((frame + 0.5) / 25)
        middle, scale = [(x0 + x1) / 2, (y0 + y1) / 2], min(1 / (x1 - x0), 1 / (y1 - y0))
        wanted = [[*(pytest.approx(part, abs=0.02) for part in middle), pytest.approx(scale, rel=0.02)]] * 6
        assert reading(page, lambda: page.evaluate(ZOOMED), lambda seen, w=wanted: seen == w) == wanted
    shoot(page, "compare-zoom")


def test_curves_and_differences_come_and_a_click_goes_there(visit: Callable, three: str) -> None:
    page = visit(scheme="dark")
    choose(page, FEW)
    expect(page.locator(".locked .cell:nth-child(4) .failed")).to_contain_text("it gave up")
    curves(page)
    plot = page.locator(".locked .plot").first
    plot.click(position={"x": plot.bounding_box()["width"] / 2, "y": 30})
    settled(page)
    assert now(page)["time"] == pytest.approx(1.0, abs=FRAME)
    dashes = page.evaluate(
        """() => [...document.querySelectorAll('.locked .chart:first-child .plot path')].map(
            (path) => getComputedStyle(path).strokeDasharray)"""
    )
    assert len(set(dashes)) == len(dashes) == 2, "only colour tells the lines apart"
    page.click(".locked [data-do=difference]")
    page.wait_for_function(
        """() => [...document.querySelectorAll('.locked .frame')].map((frame) =>
            [...frame.querySelectorAll('video')].findIndex((video) => video.style.visibility !== 'hidden')
        ).join() === '0,1,1,-1'""",
        timeout=JOB,
    )
    settled(page)
    times = [1.02, 1.02, 1.02, None]

    def shown() -> list[float | None]:
        return [clip and round(clip["time"], 2) for clip in now(page)["clips"]]

    assert reading(page, shown, lambda seen: seen == times) == times
    shoot(page, "compare-difference-dark")


def test_blind_mode_hides_every_name_wherever_one_looks(
    visit: Callable, visitors: Visitors, three: str, sets: Sets
) -> None:
    page = visit()
    choose(page, FEW)
    curves(page)
    page.click("#compare-results > button")
    sent: list[str] = []
    visitors.listen(page, "request", lambda request: sent.append(f"{request.url} {request.post_data or ''}"))
    page.click(".locked [data-do=blind]")
    page.wait_for_selector(".locked [data-do=reveal]")
    settled(page)
    page.wait_for_selector(".locked [data-do=zoom]:enabled", timeout=JOB)
    expect(page.locator(".locked [data-do=difference]")).to_be_disabled()
    expect(page.locator(".locked .chart")).to_have_count(1)  # the speech
    shoot(page, "compare-blind")
    stems = [clip.path.stem for clip in sets.open(three).items[0].clips.values()]
    hidden = ["PC-AVS", "DiffDub", "IP_LAP", *stems, ITEM, FEW, TITLE]

    def told() -> list[str]:
        return [name for name in hidden if name in everything(page)]

    assert reading(page, told, lambda found: not found) == []
    assert [(name, asked) for name in hidden for asked in sent if name in asked] == []
    assert names(page) == ["Reference", *"ABC"]
    menu = page.locator(".locked [data-set=sound] option").all_inner_texts()
    assert menu[0] == "Reference"
    assert set(menu[1:-1]) < set("ABC")

    page.reload()
    enter(page)
    page.wait_for_selector(".locked [data-do=reveal]")  # still blind
    settled(page)
    assert reading(page, told, lambda found: not found) == []

    page.click(".locked [data-do=reveal]")
    page.wait_for_selector(".locked [data-do=reveal]", state="detached")
    settled(page)
    assert sorted(names(page)[1:]) == ["DiffDub", "IP_LAP", "PC-AVS"]
    expect(page.locator(".locked figcaption b")).to_have_text(list("ABC"))
    expect(page.locator(".locked [data-do=difference]")).to_be_enabled()
    curves(page)
    page.wait_for_selector("#set-list label")


def everything(page: Any) -> str:
    """All that is on the page, seen or not."""
    kept = page.evaluate("JSON.stringify([window.gradio_config, {...localStorage}, {...sessionStorage}])")
    return (
        page.content()
        + kept
        + " ".join(video.get_attribute("src") or "" for video in page.locator("video").all())
    )


def test_a_phone_in_chinese_shows_all_without_scrolling_sideways(visit: Callable, three: str) -> None:
    page = visit("zh-CN", 360, "dark")
    choose(page, FEW)
    curves(page)
    fits(page)
    frames = [frame.bounding_box() for frame in page.locator(".locked .frame").all()]
    assert len({round(frame["x"]) for frame in frames}) == 2, "two players stand side by side on a phone"
    assert all(frame["width"] == pytest.approx(frame["height"], abs=1) for frame in frames)
    expect(page.locator("#set-list label").first).to_contain_text(re.compile(r"\d+ 个片段 · \d+ 个方法"))
    text = page.inner_text("#compare-content") + page.inner_text("#compare-side")
    assert not re.search(r"__i18n__|undefined|NaN|player\.|compare\.", text)
    for selector in (".locked .bar button", "#compare-content button", "#compare-side button"):
        for button in page.locator(selector).all():
            said = button.inner_text().strip()
            assert said in ("", "A", "B") or CJK.search(said), said
    shoot(page, "compare-zh-360-dark")
    page.locator("#compare-export > button").click()
    page.locator("#compare-published > button").click()
    page.wait_for_selector("#published table")
    expect(page.locator("#published .notice")).to_have_text(CJK, use_inner_text=True)
    expect(page.locator("#published th[title]").first).to_have_attribute("title", CJK)
    expect(page.locator("#published [role=region]").first).to_have_attribute("aria-label", CJK)
    fits(page)


def test_a_set_is_made_of_files_renamed_exported_imported_and_deleted(
    visit: Callable, clips: dict[str, Entry], sets: Sets, tmp_path: Path
) -> None:
    page = visit()
    page.click("#set-new")
    (tmp_path / "notes.txt").write_text("Dear reader")
    files = {"host_PC-AVS.mp4": "PC-AVS", "host_DiffDub.mp4": "DiffDub", "host_real.mp4": REFERENCE}
    for name, source in files.items():
        (tmp_path / name).write_bytes(clips[source].path.read_bytes())
    page.set_input_files("#make-files input[type=file]", [tmp_path / name for name in files])
    for row in range(len(files)):
        page.wait_for_selector(f"#make-rows [data-testid=cell-{row}-0]", state="attached")
    page.fill("#make-title input, #make-title textarea", "From files")
    page.click("#make-start")
    page.wait_for_selector("#set-heading >> text=From files")
    settled(page)
    brought = ["DiffDub", "PC-AVS", "Reference"]
    assert reading(page, lambda: sorted(names(page)), lambda said: said == brought) == brought

    page.click("#set-rename")
    page.fill("#set-title input, #set-title textarea", "Another name")
    page.click("#set-rename-yes")
    page.wait_for_selector("#set-heading >> text=Another name")
    page.click("#set-export")
    page.wait_for_selector("#compare-status a")
    with page.expect_download() as download:
        page.click("#compare-status a")
    assert download.value.suggested_filename == "Another name.zip"
    archive = tmp_path / "brought.zip"
    download.value.save_as(archive)

    page.click("#set-delete")
    page.wait_for_selector("#set-delete-yes")
    assert "Another name" in [known.title for known in sets.list()], "it was deleted without a question"
    page.click("#set-delete-yes")
    page.wait_for_selector("#compare-empty .empty")
    assert "Another name" not in [known.title for known in sets.list()]
    page.set_input_files(".side-actions input[type=file]", archive)
    page.wait_for_selector("#set-heading >> text=Another name")
    settled(page)
    assert reading(page, lambda: sorted(names(page)), lambda said: said == brought) == brought
    assert len(now(page)["clips"]) == 3

    broken = tmp_path / "broken.zip"
    broken.write_bytes(archive.read_bytes()[:2000])
    page.set_input_files(".side-actions input[type=file]", broken)
    page.wait_for_selector("#compare-status .trouble")


def test_methods_run_one_after_the_other_survive_a_reload_and_a_failure_is_a_cell(
    visit: Callable, sets: Sets
) -> None:
    page = visit()
    page.click("#set-new")
    page.get_by_role("tab", name="Generate with several methods").click()
    page.wait_for_selector("#make-methods label")
    for label in page.locator("#make-methods label").all():
        label.locator("input").set_checked(label.inner_text().startswith(("M-CSAWav2Lip", "Wav2Lip\n")))
    page.click("#make-generate")
    page.wait_for_selector("#make-progress >> text=/Method [12] of 2/")
    page.reload()
    enter(page)
    page.wait_for_selector("#set-heading >> text=portrait + english", timeout=JOB)
    settled(page)
    expect(page.locator(".locked .cell")).to_have_count(2)
    made, failed = page.locator(".locked .cell").all()
    expect(made.locator("video")).to_have_count(1)
    expect(failed).to_contain_text("which this model needs, is not here")
    assert now(page)["clips"][0] is not None
    set_ = sets.open(next(known.id for known in sets.list() if known.title == "portrait + english"))
    assert set_.items[0].clips.keys() == {made.locator(".name").inner_text()}


def test_the_table_of_a_set_can_be_pasted_into_a_paper(visit: Callable, three: str) -> None:
    page = visit()
    choose(page, FEW)
    page.click("#compare-results > button")
    page.wait_for_selector("#table .empty", timeout=JOB)
    page.locator("#compare-results").get_by_text("Metrics and controls").click()
    page.wait_for_selector("#table-metrics label")
    for label in page.locator("#table-metrics label").all():
        label.locator("input").set_checked(label.inner_text().strip() == "PSNR ↑")
    page.click("#table-start")
    page.wait_for_selector("#table table", timeout=JOB)
    shoot(page, "compare-table")
    rows = {row.locator("th").inner_text(): row.inner_text() for row in page.locator("#table tbody tr").all()}
    assert rows.keys() == {"PC-AVS", "DiffDub", "IP_LAP"}
    expect(page.locator("#table strong")).to_have_count(0)  # of one clip no method is the best
    psnr = page.locator("#table tbody tr", has_text="PC-AVS").locator("td").last.inner_text()
    with page.expect_download() as download:
        page.click("#table a >> text=LaTeX")
    latex = download.value.path().read_text(encoding="utf-8")
    assert r"\begin{tabular}" in latex
    assert psnr.split()[0] in latex

    page.click("#compare-export > button")
    page.fill("#export-frames input, #export-frames textarea", "0, 10, 500")
    page.keyboard.press("Tab")
    page.click("#export-sheet")
    expect(page.locator("#export-made .trouble")).to_contain_text("500")
    page.fill("#export-frames input, #export-frames textarea", "0, 10")
    page.keyboard.press("Tab")
    page.click("#export-sheet")
    page.wait_for_selector("#export-made img", timeout=JOB)
    page.wait_for_function("document.querySelector('#export-made img')?.naturalWidth > 512")
