"""The Score tab as a person meets it: videos in, a table out, in both languages, on a phone."""

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from eval.functional.picture.psnr import psnr
from lipsync.media import VideoWriter, WriterOptions, read_frames
from tests.portal import serving
from tests.ui.pages import BROWSER, CJK, JOB, fits, reading, shoot
from tests.ui.visitors import Visitors

pytestmark = BROWSER

# Pixels between the words of a box and its upper and lower edge.
ROOM = """node => {
    const range = document.createRange();
    range.selectNodeContents(node);
    const words = range.getBoundingClientRect();
    const room = node.closest(".block").getBoundingClientRect();
    return [words.top - room.top, room.bottom - words.bottom];
}"""
REAL = "train/id003_clip04.mp4"
METHODS = ("DiffDub_id003_clip09", "Wav2Lip_id003_clip05")
FRAMES = 40


@pytest.fixture(scope="module")
def clips(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], Path]:
    """Two published methods and the real video, cut short."""
    folder = tmp_path_factory.mktemp("score")

    def cut(source: Path) -> Path:
        out = folder / source.name
        frames = [frame.image for frame in read_frames(source, fps=25, max_frames=FRAMES)]
        height, width = frames[0].shape[:2]
        with VideoWriter(
            out, width, height, 25.0, audio=source, options=WriterOptions(duration=FRAMES / 25, crf=12)
        ) as writer:
            for image in frames:
                writer.write(image)
        return out

    data = shared / "data"
    return [cut(data / "generated" / f"{name}.mp4") for name in METHODS], cut(data / REAL)


@pytest.fixture
def visit(portal: str, visitors: Visitors) -> Iterator[Callable]:  # type: ignore[type-arg]
    """Opens the Score tab; at the end no script broke."""
    broken: list[str] = []

    def open_tab(  # type: ignore[no-untyped-def]
        locale: str = "en-GB", width: int = 1280, scheme: str = "light", address: str = portal
    ):
        page = visitors.open(locale, (width, 860), scheme)
        visitors.listen(page, "pageerror", lambda error: broken.append(str(error)))
        page.goto(address)
        return to_tab(page)

    yield open_tab
    assert broken == []


def to_tab(page):  # type: ignore[no-untyped-def]
    page.get_by_role("tab").nth(2).click()
    expect(page.locator("#score-start")).to_be_visible()
    return page


def choose(page, *names: str) -> None:  # type: ignore[no-untyped-def]
    """Tick these metrics and no others."""
    for label in page.locator("#score-metrics label").all():
        label.locator("input").set_checked(label.inner_text().rpartition(" ")[0].strip() in names)


def upload(page, generated: list[Path], reference: Path) -> None:  # type: ignore[no-untyped-def]
    page.set_input_files("#score-generated input[type=file]", generated)
    page.set_input_files("#score-reference input[type=file]", reference)
    expect(page.locator("#score-reference")).to_contain_text(reference.stem[:4])
    # All are in the table, whose last column holds what each is compared with.
    for row in range(len(generated)):
        expect(page.locator(f"#score-rows [data-testid=cell-{row}-3]")).to_contain_text(reference.name)


def cells(page) -> list[list[str]]:  # type: ignore[no-untyped-def]
    page.wait_for_selector("#score-table table", timeout=JOB)
    rows = page.locator("#score-table tr").all()
    return [[cell.inner_text().replace("\xa0", " ") for cell in row.locator("th, td").all()] for row in rows]


def in_chinese(page) -> None:  # type: ignore[no-untyped-def]
    """Every note under the table is."""
    notes = page.locator("#score-table li")
    expect(notes.first).to_be_visible()
    assert reading(page, notes.all_inner_texts, lambda said: all(map(CJK.search, said)))
    for note in notes.all_inner_texts():
        assert CJK.search(note), note


def test_two_methods_become_a_table(visit: Callable, clips: tuple[list[Path], Path]) -> None:  # type: ignore[type-arg]
    generated, reference = clips
    page = visit()
    upload(page, generated, reference)
    choose(page, "PSNR", "LipCorr")
    page.click("#score-start")
    head, *rows = cells(page)
    shoot(page, "score-result")
    assert head == ["Method", "Videos", "PSNR (dB) ↑", "LipCorr ↑"]
    assert [row[0].split("-")[0] for row in rows] == ["DiffDub", "Wav2Lip"]
    assert [row[1] for row in rows] == ["1", "1"]
    assert page.locator("#score-table td strong").count() == 0, "one video shows no method to be better"
    assert [name.split("-")[0] for name in page.locator("#score-legend .legend li").all_inner_texts()] == [
        "DiffDub",
        "Wav2Lip",
    ]
    page.get_by_text("Table as text").click()
    expect(page.locator("#score-plain textarea")).to_have_value(re.compile(re.escape(rows[0][2])))
    # Of the whole crop both are near what the page says of its face region, which no two paths share.
    real = [frame.image for frame in read_frames(reference, fps=25)]
    for path, row in zip(generated, rows, strict=True):
        made = [frame.image for frame in read_frames(path, fps=25)]
        whole = sum(psnr(a[None], b[None]) for a, b in zip(made, real, strict=True)) / len(real)
        assert float(row[2]) == pytest.approx(whole, abs=4)
    protocol = page.locator("#score-protocol textarea")
    expect(protocol).to_have_value(re.compile(f"protocol 1; PSNR.*2 videos, {2 * FRAMES} frames"))
    with page.expect_download() as download:
        page.locator("#score-files a").first.click()
    assert download.value.suggested_filename == "videos.csv"
    with download.value.path().open(newline="", encoding="utf-8") as file:
        assert [f"{float(line['PSNR']):.2f}" for line in csv.DictReader(file)] == [row[2] for row in rows]

    page.click("[data-locale=zh-CN]")
    page.wait_for_selector("#score-start:has-text('开始评测')")
    expect(page.locator("#score-table th").first).to_have_text("方法", use_inner_text=True)
    assert "Method" not in page.inner_text("#score-table")
    in_chinese(page)

    def headers() -> str:
        return " ".join(page.locator("#score-rows th").all_inner_texts())

    assert "片段" in reading(page, headers, lambda said: "片段" in said)
    assert "clip" not in headers()

    page.reload()
    to_tab(page)
    assert cells(page)[1:] == rows, "the table was lost by a reload"
    for locale, width, scheme in (("en", 360, "dark"), ("zh-CN", 1280, "dark"), ("zh-CN", 360, "light")):
        page.click(f"[data-locale={locale}]")
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 860})
        page.wait_for_selector(f"#score-start:has-text('{'开始评测' if locale == 'zh-CN' else 'Score'}')")
        fits(page)
        shoot(page, f"score-result-{locale[:2]}-{width}-{scheme}")


def test_work_is_found_again_while_it_runs_and_can_be_cancelled(
    visit: Callable, clips: tuple[list[Path], Path]
) -> None:  # type: ignore[type-arg]
    generated, reference = clips
    page = visit()
    upload(page, generated, reference)
    choose(page, "PSNR", "LPIPS", "LMD", "CSIM")  # enough work to outlast a reload
    page.check("#score-controls input")
    page.click("#score-start")
    page.wait_for_selector("#score-status :text('frames')", timeout=JOB)
    page.reload()
    to_tab(page)
    expect(page.locator("#score-status .running")).to_contain_text("reload")
    expect(page.locator("#score-start")).to_be_disabled()
    shoot(page, "score-running")
    page.wait_for_selector("#score-status :text('frames')", timeout=JOB)
    page.click("#score-cancel")
    page.wait_for_selector("#score-status :text('Cancelled')", timeout=JOB)
    expect(page.locator("#score-start")).to_be_enabled()
    expect(page.locator("#score-cancel")).to_be_hidden()
    expect(page.locator("#score-table table")).to_have_count(0)
    page.reload()
    to_tab(page)
    page.wait_for_selector("#score-status .empty")


def test_controls_of_one_clip_say_what_is_left_out_and_curves_have_whole_names(
    visit: Callable, clips: tuple[list[Path], Path], tmp_path: Path
) -> None:  # type: ignore[type-arg]
    generated, reference = clips
    item, names = reference.stem, ("a-method-with-a-long-name-first", "a-method-with-a-long-name-second")
    copies = [tmp_path / f"{name}_{item}.mp4" for name in names]
    for path, copy in zip(generated, copies, strict=True):
        copy.write_bytes(path.read_bytes())
    page = visit()
    upload(page, copies, reference)
    choose(page, "PSNR", "LSE-D", "Offset →")
    page.check("#score-controls input")
    page.click("#score-start")
    rows = {row[0]: row for row in cells(page)[1:]}
    assert "real, other audio" not in rows
    expect(page.locator("#score-table")).to_contain_text("“real, other audio” is left out")
    assert page.locator("#score-table td strong").count() == 0
    for row in rows.values():
        assert re.fullmatch(r"0|[+-]\d|[+-]1[0-4]|≥ 15|≤ -15", row[-1]), row
    assert page.locator("#score-legend .legend li").all_inner_texts() == [*rows][1:]
    assert {*names} < {*rows}
    expect(page.locator("#score-legend .notes")).to_contain_text("equals its reference in every frame: real.")
    assert page.locator("#score-shift-legend li").all_inner_texts() == list(rows)
    page.click("#score-curve-metric input")
    expect(page.locator("ul[role=listbox]")).to_contain_text("LSE distance")
    page.keyboard.press("Escape")
    shoot(page, "score-controls")


def test_many_files_are_paired_by_name_and_methods_take_the_names_given(
    visit: Callable, clips: tuple[list[Path], Path], tmp_path: Path
) -> None:  # type: ignore[type-arg]
    """Two clips by two methods; the second clip is the first under another name."""
    generated, reference = clips
    copies = {}
    for name, source in (("anna", reference), ("ben", reference)):
        (tmp_path / f"{name}.mp4").write_bytes(source.read_bytes())
        for method, path in zip(("fast", "good"), generated, strict=True):
            copies[name, method] = tmp_path / f"{method}_{name}.mp4"
            copies[name, method].write_bytes(path.read_bytes())
    page = visit()
    page.set_input_files("#score-generated input[type=file]", list(copies.values()))
    page.set_input_files("#score-reference input[type=file]", [tmp_path / "anna.mp4", tmp_path / "ben.mp4"])
    for row, name in enumerate(("anna.mp4", "anna.mp4", "ben.mp4", "ben.mp4")):
        expect(page.locator(f"#score-rows [data-testid=cell-{row}-3]")).to_contain_text(name)
    choose(page, "PSNR")
    for row in (1, 3):
        cell = page.locator(f"#score-rows [data-testid=cell-{row}-1]")
        page.wait_for_selector(f"#score-rows [data-testid=cell-{row}-1]:has-text('good')")
        cell.dblclick()
        page.locator("#score-rows textarea").fill("Ours")
        if row == 1:
            page.keyboard.press("Enter")
            page.wait_for_selector(f"#score-rows [data-testid=cell-{row}-1]:has-text('Ours')")
    page.click("#score-start")  # while the second cell is still open
    rows = cells(page)[1:]
    shoot(page, "score-four")
    better = max(rows, key=lambda row: float(row[2].split()[0]))
    assert page.locator("#score-table td strong").all_inner_texts() == [better[2].split()[0]]
    assert [row[:2] for row in rows] == [["fast", "2"], ["Ours", "2"]]
    assert page.locator("#score-table small").count() == 2, "no intervals over the two clips"


def test_the_last_change_of_files_is_answered_last(visit: Callable, clips: tuple[list[Path], Path]) -> None:  # type: ignore[type-arg]
    """References that come while the pairing of before is still on its way are not lost."""
    generated, reference = clips
    page = visit()
    held, waiting = [], True

    def hold(route) -> None:  # type: ignore[no-untyped-def]
        values = route.request.post_data_json["data"]  # some of other tabs are lists, too
        lists_files = any(isinstance(value, list) and value and "path" in value[0] for value in values)
        held.append(route) if lists_files and waiting else route.continue_()

    page.route("**/queue/join*", hold)
    page.set_input_files("#score-generated input[type=file]", generated)
    assert reading(page, lambda: len(held), bool) == 1
    page.set_input_files("#score-reference input[type=file]", reference)
    expect(page.locator("#score-reference")).to_contain_text(reference.stem[:4])
    page.wait_for_timeout(1000)  # time for a second request, which could overtake the first
    assert len(held) == 1, "two requests were on their way at once"
    waiting = False
    held[0].continue_()
    for row in range(len(generated)):
        expect(page.locator(f"#score-rows [data-testid=cell-{row}-3]")).to_contain_text(reference.name)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A portal on a machine that has no weights and reaches nothing."""
    folder = tmp_path_factory.mktemp("bare")
    for name in ("none", "kept"):
        (folder / name).mkdir()
    env = {"LIPSYNC_WEIGHTS": str(folder / "none"), "LIPSYNC_CACHE": str(folder / "kept")}
    with serving(folder, env | {"LIPSYNC_OFFLINE": "1"}) as address:
        yield address


def test_without_weights_each_metric_says_so_and_the_others_are_computed(
    visit: Callable, bare: str, clips: tuple[list[Path], Path]
) -> None:  # type: ignore[type-arg]
    generated, reference = clips
    page = visit("zh-CN", 360, "dark", address=bare)
    upload(page, generated[:1], reference)
    page.click("#score-start")
    cells(page)
    in_chinese(page)
    fits(page)
    shoot(page, "score-bare-zh-360-dark")
    page.click("[data-locale=en]")
    expect(page.locator("#score-table th").first).to_have_text("Method", use_inner_text=True)
    head = cells(page)[0]
    computed = ["PSNR (dB) ↑", "PSNR (pooled) (dB) ↑", "SSIM ↑"]
    assert [name for name in head[2:] if "own expert" not in name] == computed
    assert any("LSE-D (own expert)" in name for name in head), "the own expert ships with the project"
    notes = page.locator("#score-table li").all_inner_texts()
    for metric, file in (("LPIPS", "lpips_alexnet.ckpt"), ("CSIM", "sface"), ("FID", "inception"),
                         ("LMD", "face_landmarker.task"), ("AED", "face_landmarker.task"),
                         ("LipCorr", "face_landmarker.task")):  # fmt: skip
        assert any(metric in note.partition(":")[0] and file in note for note in notes), metric


def test_a_broken_file_is_named_and_the_other_is_scored(
    visit: Callable, clips: tuple[list[Path], Path], tmp_path: Path
) -> None:  # type: ignore[type-arg]
    generated, reference = clips
    broken = tmp_path / "broken_id003.mp4"
    broken.write_bytes(reference.read_bytes()[:3000])
    page = visit("zh-CN")
    upload(page, [generated[0], broken], reference)
    choose(page, "PSNR")
    page.click("#score-start")
    rows = cells(page)[1:]
    shoot(page, "score-broken-zh")
    assert sorted(row[1] for row in rows) == ["0 of 1", "1"]
    said = next(line for line in page.locator("#score-table li").all_inner_texts() if "broken_id003" in line)
    assert CJK.search(said)
    assert re.search(r"损坏", said)


def test_a_broken_file_alone_is_an_error_and_inputs_stay(visit: Callable, tmp_path: Path) -> None:  # type: ignore[type-arg]
    (tmp_path / "letter.mp4").write_text("Dear reader")
    page = visit()
    page.click("#score-start")
    expect(page.locator("#score-status .trouble")).to_contain_text("Choose at least one generated video")
    page.set_input_files("#score-generated input[type=file]", tmp_path / "letter.mp4")
    expect(page.locator("#score-rows [data-testid=cell-0-2]")).to_contain_text("letter.mp4")
    choose(page, "PSNR", "LSE-D")
    page.click("#score-start")
    page.wait_for_selector("text=letter.mp4 is not a video", timeout=JOB)
    expect(page.locator("#score-start")).to_be_enabled()


@pytest.mark.parametrize(("locale", "scheme"), [("en-GB", "light"), ("zh-CN", "dark")])
def test_narrow_and_wide_pages_fit(visit: Callable, locale: str, scheme: str) -> None:  # type: ignore[type-arg]
    widths = (360, 1280) if scheme == "light" else (1280, 360)  # each is loaded at, and come to by resizing
    page = visit(locale, widths[0], scheme)
    for width in widths:
        page.set_viewport_size({"width": width, "height": 860})
        fits(page)
        for box in ("#score-generated", "#score-reference", "#score-image"):
            words = page.locator(f"{box} button .wrap").first
            expect(words).to_have_text(re.compile(r"\S"))
            room = reading(page, lambda words=words: words.evaluate(ROOM), lambda room: min(room) >= 0)
            assert min(room) >= 0, f"{box} cuts its words off"
        shoot(page, f"score-{locale[:2]}-{width}-{scheme}")


def test_the_example_is_scored_with_one_click(visit: Callable) -> None:  # type: ignore[type-arg]
    page = visit()
    page.click("#score-example")
    expect(page.locator("#score-table tbody tr")).to_have_count(3, timeout=JOB)
    expect(page.locator("#score-table")).to_contain_text("multireference")
    expect(page.locator("#score-example")).to_be_hidden()
