"""The Generate tab as a person meets it: in a browser, from the first click to the playing result."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import av
import cv2
import numpy as np
import pytest
from playwright.sync_api import expect

from lipsync.assets import asset
from lipsync.faces.tracking.choose import COLOUR
from lipsync.media import VideoWriter, probe, read_frames
from lipsync.methods import AUTO, EMBEDDED, METHODS, cards
from lipsync.methods.ranking import ranking
from lipsync.weights import hub
from tests.ui.pages import BROWSER, CJK, JOB, choose_speech, fits, reading, shoot, show_models
from tests.ui.rated import example_speech
from tests.ui.visitors import Visitors

pytestmark = BROWSER

EXAMPLES = asset("examples")


@pytest.fixture
def visit(portal: str, visitors: Visitors) -> Iterator[Callable]:  # type: ignore[type-arg]
    """Opens the portal; at the end nothing was asked of another host and no script broke."""
    hosts, broken = set(), []

    def open_page(locale: str = "en-GB", width: int = 1280, scheme: str = "light"):  # type: ignore[no-untyped-def]
        page = visitors.open(locale, (width, 860), scheme)
        visitors.listen(page, "request", lambda request: hosts.add(urlsplit(request.url).netloc))
        visitors.listen(page, "pageerror", lambda error: broken.append(str(error)))
        page.goto(portal)
        page.wait_for_selector("#start")
        page.wait_for_function("document.querySelector('#preview img')?.naturalWidth > 0")
        return page

    yield open_page
    assert hosts - {""} == {urlsplit(portal).netloc}
    assert broken == []


def plays(page, selector: str) -> dict:  # type: ignore[no-untyped-def, type-arg]
    """The size and length of a video of the page, after it was seen to play."""
    page.wait_for_selector(selector, timeout=JOB)
    page.wait_for_function("(at) => document.querySelector(at)?.readyState >= 2", arg=selector)
    page.evaluate(
        """(selector) => {
            const video = document.querySelector(selector);
            Object.assign(video, {muted: true, currentTime: 0});
            return video.play();
        }""",
        selector,
    )
    page.wait_for_function("(at) => document.querySelector(at).currentTime > 0.3", arg=selector)
    return page.evaluate(
        """(selector) => {
            const video = document.querySelector(selector);
            return {width: video.videoWidth, height: video.videoHeight, length: video.duration};
        }""",
        selector,
    )


def test_one_click_makes_a_video_that_plays(visit: Callable, tmp_path: Path) -> None:  # type: ignore[type-arg]
    page = visit()
    expect(page.locator("#face-facts")).to_contain_text("one face")
    page.click("#start")
    expect(page.locator("#cancel")).to_be_visible()
    shoot(page, "generate-running")
    shown = plays(page, "#result video")
    assert (shown["width"], shown["height"]) == (384, 384)
    assert shown["length"] == pytest.approx(4.56, abs=0.15)
    expect(page.locator("#facts")).to_contain_text(re.compile(r"11[345] frames"))
    expect(page.locator("#facts")).to_contain_text("384 × 384")
    chosen = re.search(r"chosen automatically: ([\w-]+)", page.inner_text("#facts"))
    assert chosen
    assert chosen[1] in ranking()
    with page.expect_download() as download:
        page.click("#download")
    saved = tmp_path / "result.mp4"
    download.value.save_as(saved)
    assert download.value.suggested_filename == f"portrait-{chosen[1]}.mp4"
    assert probe(saved).has_audio
    page.locator("#view label").nth(2).click()
    expect(page.locator("#result video")).to_have_count(2)
    shoot(page, "generate-result")
    page.click("#to-score")
    expect(page.locator("#score-start")).to_be_visible()
    # Its name is in the table as the method; the table keeps unseen copies of its cells.
    page.wait_for_selector(f"#score-rows >> text={chosen[1]}", state="attached")

    page.reload()
    expect(page.locator("#score-start")).to_be_visible()  # the same tab
    page.get_by_role("tab", name="Generate", exact=True).first.click()
    plays(page, "#result video")  # a reload does not lose it


def test_learning_a_face_asks_for_minutes_and_for_a_video_with_speech(visit: Callable) -> None:  # type: ignore[type-arg]
    page = visit()
    expect(page.locator("#minutes")).to_be_hidden()
    page.check("#learn input")
    expect(page.locator("#minutes")).to_be_visible()
    page.click("#start")
    expect(page.locator("#status .trouble")).to_contain_text("portrait.mp4 has no sound: to learn a face")
    shoot(page, "learn-refused")


def choose_quick(page) -> None:  # type: ignore[no-untyped-def]
    """A core that takes little time and needs no download."""
    show_models(page)
    page.click(f"#methods label >> text={METHODS.get(EMBEDDED).card.title}")


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """So little that its job takes seconds."""
    return example_speech(tmp_path / "speech.wav", seconds=1.2)


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    """A short real clip with speech; where there is none, the example face and speech in one file."""
    root = Path(__file__).resolve().parents[3]
    folder = Path(os.environ.get("LIPSYNC_SHARED", root.parent / "shared")) / "data" / "train"
    clips = sorted(folder.glob("*.mp4"), key=lambda path: path.stat().st_size)
    if clips:
        return clips[0]
    path = tmp_path / "someone.mp4"
    with VideoWriter(path, 384, 384, 25.0, audio=EXAMPLES / "english.wav") as writer:
        for frame in read_frames(EXAMPLES / "portrait.mp4", max_frames=75):
            writer.write(frame.image)
    return path


def test_an_upload_needs_consent_and_speaks_with_its_own_sound(visit: Callable, upload: Path) -> None:  # type: ignore[type-arg]
    page = visit("zh-CN")
    page.click("#face button[aria-label]")
    page.set_input_files("#face input[type=file]", upload)
    page.wait_for_selector("#consent input")
    choose_quick(page)
    page.check("#own-sound input")
    page.click("#start")
    expect(page.locator("#status .trouble")).to_contain_text(upload.name)
    expect(page.locator("#status .trouble")).to_contain_text("同意")
    shoot(page, "generate-error-zh")
    page.check("#consent input")
    page.click("#start")
    shown = plays(page, "#result video")
    expect(page.locator("#facts")).to_contain_text(f"方法 {EMBEDDED}")
    info = probe(upload)
    assert (shown["width"], shown["height"]) == (info.width + info.width % 2, info.height + info.height % 2)
    expect(page.locator("#status .trouble")).to_be_hidden()


@pytest.mark.parametrize("ending", [pytest.param("webm", marks=pytest.mark.minutes), "gif"])
def test_the_result_is_written_as_chosen_and_shown(
    visit: Callable,  # type: ignore[type-arg]
    speech: Path,
    ending: str,
) -> None:
    page = visit()
    choose_speech(page, speech)
    choose_quick(page)
    page.click("#output button")
    page.click(f"#output-format label >> text={ending}")
    page.click("#output-quality label >> text=Small")
    page.click("#start")
    if ending == "gif":
        page.wait_for_selector("#result-gif img", timeout=JOB)
        page.wait_for_function("document.querySelector('#result-gif img').naturalWidth === 384")
        expect(page.locator("#result video")).to_be_hidden()
        expect(page.locator("#facts")).to_contain_text("A GIF has no sound")
        expect(page.locator("#to-compare")).to_be_hidden()  # a set holds videos
    else:
        expect(page.locator("#to-compare")).to_be_visible()
        assert plays(page, "#result video")["width"] == 384
    shoot(page, f"generate-{ending}")
    with page.expect_download() as download:
        page.click("#download")
    assert download.value.suggested_filename == f"portrait-{EMBEDDED}.{ending}"
    page.reload()
    page.wait_for_selector("#result-gif img" if ending == "gif" else "#result video")
    page.click("#output button")
    line = page.locator("#output-format label").filter(has_text=ending)
    expect(line.locator("input")).to_be_checked()


def marked_place(page) -> tuple[float, float, float, float] | None:  # type: ignore[no-untyped-def]
    """Where the marked face of the preview is seen on the page: x0, y0, x1, y1 of its frame."""
    preview = page.locator("#preview img")
    preview.scroll_into_view_if_needed()
    shown = cv2.imdecode(np.frombuffer(preview.screenshot(), np.uint8), cv2.IMREAD_COLOR_RGB)
    frame = np.abs(shown.astype(int) - COLOUR).max(-1) < 40
    columns, rows = np.flatnonzero(frame.sum(0) > 20), np.flatnonzero(frame.sum(1) > 20)
    if not len(columns) or not len(rows):
        return None
    place = preview.bounding_box()
    x, y = place["x"], place["y"]
    return x + columns[0], y + rows[0], x + columns[-1], y + rows[-1]


def test_everybody_in_a_video_is_shown_and_a_click_anywhere_on_a_thumbnail_chooses(
    visit: Callable,  # type: ignore[type-arg]
    shared: Path,
) -> None:
    if hub.locate("sface") is None:
        pytest.skip("needs the sface artefact (make weights)")
    page = visit()
    expect(page.locator("#which")).to_be_hidden()  # there is nothing to choose from one face
    page.click("#face button[aria-label]")
    page.set_input_files("#face input[type=file]", shared / "data" / "originals" / "orig02.mp4")
    labels, lines = page.locator("#which label"), page.locator("#which label input")
    expect(labels).to_have_text(["1", "2", "Everybody"])
    expect(lines.nth(0)).to_be_checked()
    shoot(page, "people")

    def square(place: tuple[float, float, float, float] | None) -> bool:
        return place is not None and abs(place[2] - place[0] - place[3] + place[1]) < 4

    place = reading(page, lambda: marked_place(page), square, JOB)
    assert place is not None
    x0, y0, x1, y1 = place
    page.mouse.click(2 * x1 - x0 - 8, y1 - 8)  # the last corner of the second thumbnail
    expect(lines.nth(1)).to_be_checked()
    moved = lambda place: place is not None and place[0] > x1 - 6  # noqa: E731
    second = reading(page, lambda: marked_place(page), moved, JOB)
    assert second == pytest.approx((x1, y0, 2 * x1 - x0, y1), abs=6)
    page.mouse.click(x0 + 8, y0 + 8)  # the first corner of the first one
    expect(lines.nth(0)).to_be_checked()
    assert reading(page, lambda: marked_place(page), lambda place: place and place[0] < x1 - 6, JOB)
    before = page.locator("#preview img").get_attribute("src")
    labels.nth(1).click()
    expect(page.locator("#preview img")).not_to_have_attribute("src", before)


def test_the_sound_of_a_video_file_serves_as_speech(visit: Callable, upload: Path) -> None:  # type: ignore[type-arg]
    page = visit()
    with page.expect_file_chooser() as set_list:
        page.click("#speech-video")
    set_list.value.set_files(upload)
    seconds = probe(upload).duration
    page.wait_for_selector(f"#speech >> text=0:0{round(seconds)}")
    choose_quick(page)
    page.click("#start")
    assert plays(page, "#result video")["length"] == pytest.approx(seconds, abs=0.2)


def test_a_broken_file_says_what_is_wrong_and_keeps_the_speech(visit: Callable, tmp_path: Path) -> None:  # type: ignore[type-arg]
    (tmp_path / "letter.mp4").write_text("Dear reader")
    page = visit()
    page.click("#face button[aria-label]")
    page.set_input_files("#face input[type=file]", tmp_path / "letter.mp4")
    expect(page.locator("#face-facts .trouble")).to_contain_text(
        "letter.mp4 is not a video, photo or sound file that can be read"
    )
    expect(page.locator("#speech")).to_contain_text(re.compile("0:0[45]"))


def test_cancel_stops_the_job(visit: Callable) -> None:  # type: ignore[type-arg]
    page = visit()
    page.click("#start")
    page.click("#cancel")
    page.wait_for_selector("#status >> text=Cancelled", timeout=JOB)
    expect(page.locator("#start")).to_be_enabled()
    expect(page.locator("#result video")).to_be_hidden()


def test_language_follows_the_browser_and_the_switch_and_keeps_inputs(visit: Callable) -> None:  # type: ignore[type-arg]
    page = visit("zh-CN")
    page.wait_for_selector("#start:has-text('生成')")
    page.check("#own-sound input")
    # What may stay Latin on a Chinese page: names, file names, units, numbers.
    titles = "|".join(re.escape(card.title) for card in cards())
    allowed = rf"English|portrait|{titles}|\.mp4|▼|[\d.:×\s]*(KB|x|B)?[\s⇣↓]*|.*Wav2Lip.*|.*\b20\d\d\b.*"

    def not_chinese() -> list[str]:
        lines = [line.strip() for line in page.inner_text(".gradio-container").splitlines()]
        return [line for line in lines if line and not CJK.search(line) and not re.fullmatch(allowed, line)]

    assert reading(page, not_chinese, lambda lines: not lines) == []
    page.click("[data-locale=en]")
    page.wait_for_selector("#start:has-text('Generate')")

    def chinese() -> list[str]:
        return CJK.findall(page.inner_text(".gradio-container").replace("中文", ""))

    assert reading(page, chinese, lambda signs: not signs) == []
    assert page.is_checked("#own-sound input")
    page.reload()
    page.wait_for_selector("#start:has-text('Generate')")


@pytest.mark.parametrize(("locale", "scheme"), [("en-GB", "light"), ("zh-CN", "dark")])
def test_narrow_and_wide_pages_fit(visit: Callable, locale: str, scheme: str) -> None:  # type: ignore[type-arg]
    widths = (360, 1280) if scheme == "light" else (1280, 360)  # each is loaded at, and come to by resizing
    page = visit(locale, widths[0], scheme)
    for width in widths:
        page.set_viewport_size({"width": width, "height": 860})
        fits(page)
        box = reading(
            page, page.locator("#start").bounding_box, lambda box: box and box["y"] + box["height"] <= 860
        )
        assert box["y"] + box["height"] <= 860, "the button is on the first screen"
        shoot(page, f"generate-{locale[:2]}-{width}-{scheme}")


def test_result_carries_the_mark_of_its_making(portal: str, speech: Path) -> None:
    from gradio_client import Client, handle_file

    client = Client(portal, verbose=False)
    video, facts = client.predict(
        handle_file(str(EXAMPLES / "portrait.jpg")),
        handle_file(str(speech)),
        api_name="/generate",
    )
    assert facts["frames"] == pytest.approx(1.2 * 25, abs=2)
    assert facts["requested_method"] == AUTO
    assert facts["method"] in ranking()
    assert (facts["fallback"] is None) == (facts["method"] == next(iter(ranking())))
    with av.open(video) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.streams.audio
        assert "AI" in " ".join(container.metadata.values())


def test_programs_get_the_sentence_of_an_error(portal: str, tmp_path: Path) -> None:
    from gradio_client import Client, handle_file

    (tmp_path / "letter.mp4").write_text("Dear reader")
    client = Client(portal, verbose=False)
    speech = handle_file(str(EXAMPLES / "english.wav"))
    with pytest.raises(Exception, match=r"letter\.mp4 is not a video"):
        client.predict(handle_file(str(tmp_path / "letter.mp4")), speech, consent=True, api_name="/generate")
