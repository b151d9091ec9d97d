"""What a person corrects on the Generate tab: errors go with their cause, a reload keeps the inputs."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect

from lipsync.assets import asset
from lipsync.methods import EMBEDDED
from tests.ui.pages import BROWSER, JOB, choose_speech, reading, shoot, show_models
from tests.ui.rated import example_speech

pytestmark = BROWSER

EXAMPLES = asset("examples")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo that is none of the examples."""
    path = tmp_path_factory.mktemp("faces") / "stranger.jpg"
    path.write_bytes((EXAMPLES / "portrait.jpg").read_bytes() + b" ")
    return path


def choose_face(page, path: Path) -> None:  # type: ignore[no-untyped-def]
    page.click("#face button[aria-label]")
    page.set_input_files("#face input[type=file]", path)
    expect(page.locator("#consent")).to_be_visible()
    expect(page.locator("#consent input")).not_to_be_checked()


def test_missing_consent_leads_to_its_box_and_a_tick_answers_it(page, stranger: Path) -> None:  # type: ignore[no-untyped-def]
    choose_face(page, stranger)
    expect(page.locator("#face-facts")).to_contain_text("one face")
    page.click("#start")
    said = page.locator("#status .trouble")
    expect(said).to_contain_text("One thing is missing")
    expect(said).to_contain_text("stranger.jpg")
    expect(page.locator("#consent input")).to_be_focused()

    def border() -> list[int]:  # red, green, blue, once it has faded in
        return page.locator("#consent").evaluate(
            "node => getComputedStyle(node).borderColor.match(/\\d+/g).slice(0, 3).map(Number)"
        )

    red, green, blue = reading(page, border, lambda colour: colour[0] > 2 * max(colour[1:]))
    assert red > 2 * max(green, blue)
    shoot(page, "generate-consent")
    page.keyboard.press("Space")
    expect(page.locator("#consent input")).to_be_checked()
    expect(said).to_have_count(0)
    expect(page.locator("#status .empty")).to_be_visible()


def test_what_the_server_fills_in_late_takes_no_error_back(page, stranger: Path) -> None:  # type: ignore[no-untyped-def]
    page.get_by_role("button", name="Video, English speech").click()
    expect(page.locator("#face-cut details")).to_be_visible()
    page.click("#face button[aria-label]")
    page.set_input_files("#face input[type=file]", stranger)
    expect(page.locator("#face")).to_contain_text("stranger", use_inner_text=True)
    page.click("#start")  # before the page knows that the face is a photo, which has no part to choose
    said = page.locator("#status .trouble")
    expect(said).to_contain_text("One thing is missing")
    expect(page.locator("#face-facts")).to_contain_text("Photo")
    expect(page.locator("#face-cut details")).to_be_hidden()
    expect(page.locator("#consent")).to_be_visible()
    page.wait_for_timeout(1000)
    expect(said).to_contain_text("stranger.jpg")
    page.check("#consent input")
    expect(said).to_have_count(0)


def test_a_failed_job_is_told_once_and_goes_with_its_face(page, stranger: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "noise.png"), noise)
    said = page.locator("#status .trouble")

    def fail() -> None:
        choose_face(page, tmp_path / "noise.png")
        page.check("#consent input")
        page.click("#start")
        expect(said).to_contain_text("No human face was found in noise.png", timeout=JOB)
        expect(said).to_contain_text("This did not work")

    fail()
    choose_face(page, stranger)
    expect(said).to_have_count(0)
    fail()
    page.reload()
    page.wait_for_selector("#preview img")  # the example: what failed is not filled in again
    expect(page.locator("#face-facts")).to_contain_text("one face")
    expect(page.locator("#status .empty")).to_be_visible()


def test_a_reload_brings_back_the_inputs_with_their_result(page, stranger: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    choose_face(page, stranger)
    choose_speech(page, example_speech(tmp_path / "speech.wav"))
    page.check("#consent input")
    show_models(page)
    page.locator(f"#methods input[value={EMBEDDED}]").check()
    page.get_by_role("button", name="Advanced").click()
    page.locator("#sharpen input[type=number]").fill("0.5")
    page.keyboard.press("Tab")
    page.get_by_label("as the speech").check()
    page.click("#start")
    page.wait_for_selector("#result video", timeout=JOB)
    page.reload()
    page.wait_for_selector("#result video")
    expect(page.locator("#face")).to_contain_text("stranger", use_inner_text=True)
    expect(page.locator("#speech")).to_contain_text("0:01")
    expect(page.locator(f"#methods input[value={EMBEDDED}]")).to_be_checked()
    expect(page.locator("#consent input")).to_be_checked()
    page.get_by_role("button", name="Advanced").click()
    expect(page.locator("#sharpen input[type=number]")).to_have_value("0.5")
    # Consent was given for that face alone.
    again = stranger.with_name("other.jpg")
    again.write_bytes(stranger.read_bytes() + b" ")
    choose_face(page, again)


def test_a_result_fits_the_window_plays_once_and_is_taken_from_above(page) -> None:  # type: ignore[no-untyped-def]
    page.get_by_role("button", name="Photo, English speech").click()
    expect(page.locator("#face-facts")).to_contain_text("Photo")
    page.set_viewport_size({"width": 390, "height": 844})
    show_models(page)
    page.locator(f"#methods input[value={EMBEDDED}]").check()
    page.click("#start")
    expect(page.locator("#cancel")).to_be_visible()
    video = page.locator("#result video")
    expect(video).to_be_visible(timeout=JOB)
    played = reading(page, lambda: video.evaluate("node => node.currentTime"), lambda at: at > 0.2)
    assert played > 0.2, "it plays by itself"
    assert not video.evaluate("node => node.loop")
    place = reading(page, video.bounding_box, lambda box: box["y"] + box["height"] < 844)
    assert 0 < place["y"] < place["y"] + place["height"] < 844, "a phone shows it"
    shoot(page, "generate-result-390")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.evaluate("scrollTo(0, 0)")
    place = reading(page, video.bounding_box, lambda box: box["y"] + box["height"] < 900)
    assert place["height"] <= 0.55 * 900 + 1
    assert place["y"] + place["height"] < 900, "it is on the first screen"
    download = page.locator("#download").bounding_box()
    assert download["y"] + download["height"] < place["y"]
    # Beside the picture is the page's own colour, and no black bar.
    shown = cv2.imdecode(np.frombuffer(page.locator("#result").screenshot(), np.uint8), cv2.IMREAD_COLOR)
    middle = shown[len(shown) // 2]
    assert middle[3].min() > 150
    assert middle[-4].min() > 150
    assert shown[3 * len(shown) // 4, shown.shape[1] // 2].max() < 255  # and there is a picture between
