"""A batch on the Generate tab: files in, one progress, each video and its failure, one zip; in a browser."""

import csv
import io
import shutil
import wave
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from lipsync.assets import asset
from lipsync.methods import EMBEDDED
from tests.ui.pages import BROWSER, JOB, fits, shoot, show_models
from tests.ui.visitors import Visitors

pytestmark = BROWSER

ROW = "#my-jobs .jobs > li"


@pytest.fixture
def page(portal: str, visitors: Visitors):  # type: ignore[no-untyped-def]
    opened = visitors.open(size=(1280, 900))
    opened.goto(portal)
    opened.wait_for_selector("#preview img")
    show_models(opened)
    opened.locator(f"#methods input[value={EMBEDDED}]").check()
    opened.click("#batch button.label-wrap")
    return opened


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A photo that is none of the examples, a letter called a video, and a second of speech."""
    found = {name: tmp_path / name for name in ("ann.jpg", "letter.mp4", "one.wav", "two.wav")}
    found["ann.jpg"].write_bytes(asset("examples", "portrait.jpg").read_bytes() + b" ")
    found["letter.mp4"].write_text("Dear reader")
    with (
        wave.open(str(asset("examples", "english.wav"))) as speech,
        wave.open(str(found["one.wav"]), "wb") as cut,
    ):
        cut.setparams(speech.getparams())
        cut.writeframes(speech.readframes(speech.getframerate()))
    shutil.copyfile(found["one.wav"], found["two.wav"])
    return found


def choose(page, *paths: Path) -> None:  # type: ignore[no-untyped-def]
    page.set_input_files("#batch-files input[type=file]", list(paths))


def test_a_batch_goes_on_past_a_failure_and_a_reload_and_all_of_it_is_fetched(
    page,  # type: ignore[no-untyped-def]
    visitors: Visitors,
    portal: str,
    files: dict[str, Path],
    tmp_path: Path,
) -> None:
    choose(page, files["letter.mp4"], files["ann.jpg"], files["one.wav"])
    expect(page.locator("#batch-pairs")).to_contain_text("2 videos: letter + one, ann + one")
    page.click("#batch-start")
    expect(page.locator("#batch-status .trouble")).to_contain_text("confirm that everybody shown has agreed")
    expect(page.locator("#batch-files")).to_contain_text("letter")
    page.check("#batch-agreed input")
    page.click("#batch-start")
    row = page.locator(ROW)
    expect(row).to_contain_text("Batch: 2 videos")
    page.wait_for_timeout(1000)
    expect(page.locator("#batch-status")).to_contain_text("2 videos are")
    page.reload()  # in the middle
    expect(row).to_contain_text("of 2 done")
    shoot(page, "batch-running")
    expect(row).to_have_attribute("data-state", "done", timeout=JOB)
    expect(row).to_contain_text("1 of 2 done")
    expect(row).to_contain_text("one failed")
    expect(row.locator(".failure")).to_contain_text("letter.mp4 is not a video, photo or sound file")
    shoot(page, "batch")

    with page.expect_download() as download:
        row.get_by_role("link", name="All as zip").click()
    download.value.save_as(tmp_path / "saved.zip")
    with zipfile.ZipFile(tmp_path / "saved.zip") as archive:
        assert set(archive.namelist()) == {"ann + one.mp4", "videos.csv"}
        lines = list(csv.DictReader(io.StringIO(archive.read("videos.csv").decode("utf-8-sig"))))
    assert [(line["item"], line["video"], line["method"]) for line in lines] == [
        ("letter + one", "", ""), ("ann + one", "ann + one.mp4", EMBEDDED),
    ]  # fmt: skip
    assert "letter.mp4 is not" in lines[0]["error"]

    row.get_by_role("button", name="Show").click()
    expect(page.locator("#result video")).to_be_visible()
    page.click("#to-compare")
    expect(page.locator(".set-title").filter(has_text="ann + one")).to_be_visible()
    page.get_by_role("tab", name="Generate", exact=True).first.click()

    stranger = visitors.open()
    stranger.goto(portal)
    stranger.wait_for_selector("#preview img")
    expect(stranger.locator("#my-jobs")).to_be_hidden()

    page.set_viewport_size({"width": 390, "height": 844})
    page.click("[data-locale=zh-CN]")
    expect(row).to_contain_text("已完成 1/2")
    fits(page)
    shoot(page, "batch-390")
    row.get_by_role("button", name="删除").click()
    row.get_by_role("button", name="确定删除？").click()
    expect(row).to_have_count(0)
    expect(page.locator("#result video")).to_be_hidden()


def test_a_csv_names_the_pairs_and_what_is_wrong_is_one_sentence(page, files: dict[str, Path]) -> None:  # type: ignore[no-untyped-def]
    said = page.locator("#batch-status .trouble")
    page.click("#batch-start")
    expect(said).to_contain_text("Add the faces: videos or photos.")
    table = files["ann.jpg"].with_name("pairs.csv")
    table.write_text("face,sound\nann.jpg,one.wav\n")
    choose(page, files["ann.jpg"], files["one.wav"], files["two.wav"], table)
    expect(said).to_contain_text("pairs.csv has no column 'audio'")
    expect(page.locator("#batch-files")).to_contain_text("ann")
    page.click("#batch-files button[aria-label='Clear']")
    table.write_text("item,face,audio\nfirst,ann.jpg,two.wav\n")
    choose(page, files["ann.jpg"], files["one.wav"], files["two.wav"], table)
    expect(page.locator("#batch-pairs")).to_contain_text("One video: first")
    expect(said).to_have_count(0)
    page.get_by_role("button", name="Remove this file").first.click()
    expect(said).to_contain_text("ann.jpg")


def test_a_batch_is_cancelled(page, files: dict[str, Path]) -> None:  # type: ignore[no-untyped-def]
    choose(page, files["ann.jpg"], files["one.wav"], files["two.wav"])
    expect(page.locator("#batch-pairs")).to_contain_text("2 videos")
    page.check("#batch-agreed input")
    page.locator("#methods label").first.click()  # the best: it takes long enough
    page.click("#batch-start")
    row = page.locator(ROW)
    expect(row).to_have_count(1)
    row.get_by_role("button", name="Cancel").click()
    expect(row).to_have_count(0, timeout=JOB)
