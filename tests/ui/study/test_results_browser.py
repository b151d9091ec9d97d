"""The Results tab as the one who runs a study meets it: from the password to the table of a paper."""

from __future__ import annotations

import csv
import io
import json
import re
import urllib.request
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean
from typing import Any
from zipfile import ZipFile

import cv2
import numpy as np
import pytest
from playwright.sync_api import TimeoutError, expect

from eval.study.server.service import Service
from eval.study.statistics.correction import corrected_mos
from eval.study.storage.store import Store, StudyInfo
from tests.study.statistics.test_correction import plain
from tests.ui.conftest import PASSWORD
from tests.ui.pages import BROWSER, CJK, PATIENCE, fits, reading, shoot
from tests.ui.rated import METHODS, add_study
from tests.ui.visitors import Visitors

pytestmark = BROWSER

TITLE = "Quills and wobbles"
KEYS = ("sync", "quality", "overall")
MOMENT = 5_000  # ms


@pytest.fixture
def visit(portal: str, visitors: Visitors) -> Iterator[Callable[..., Any]]:
    """Opens the Results tab, and logs in unless told otherwise; in the end no script broke."""
    broken: list[str] = []

    def open_tab(
        locale: str = "en-GB", width: int = 1280, scheme: str = "light", password: str | None = PASSWORD
    ) -> Any:
        page = visitors.open(locale, (width, 860), scheme)
        visitors.listen(page, "pageerror", lambda error: broken.append(str(error)))
        page.goto(portal)
        to_tab(page, "研究管理" if locale.startswith("zh") else "Results")
        if password is not None:
            page.fill("#gate-password input", password)
            page.click("#gate-enter")
        return page

    yield open_tab
    assert broken == []


def to_tab(page: Any, name: str, then: str = "#gate-enter") -> None:
    """Open the tab and wait for ``then``; on a phone the last tabs are behind a button, after a moment."""
    tab, more = page.get_by_role("tab", name=name, exact=True).first, page.locator(".overflow-menu > button")

    def opened() -> bool:
        try:
            if tab.is_visible():
                tab.click(timeout=MOMENT)
            else:
                more.click(timeout=MOMENT)
                page.locator(".overflow-dropdown button", has_text=name).click(timeout=MOMENT)
        except TimeoutError:  # it moved meanwhile
            return False
        return True

    tab.wait_for(state="attached")
    assert reading(page, opened, bool)
    page.wait_for_selector(then)


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


def rate(store: Store, study: StudyInfo, marks: Callable[[int, str, str, str], int], raters: int) -> None:
    """Raters who give a clip the mark that ``marks(rater, item, method, question)`` says."""
    clips = store.stimuli(study.id).set_index("stimulus")
    clock = Clock()
    service = Service(store, clock)
    for rater in range(raters):
        session = service.consent(study.link).session
        view = service.next(session)
        while view.stage != "end":
            clip = clips.loc[Path(view.media[0]).stem]
            clock.now += view.wait + 3 + rater
            given = {key: marks(rater, clip["item"], clip["method"], key) for key in KEYS}
            view = service.rate(session, view.trial, given, uuid.uuid4().hex)
        service.finish(session)


def rate_some(
    store: Store, study: StudyInfo, most: int, mark: Callable[[str, str], int]
) -> set[tuple[str, str]]:
    """A rater who leaves after ``most`` clips; these clips, as (item, method)."""
    clips = store.stimuli(study.id).set_index("stimulus")
    clock, seen = Clock(), set()
    service = Service(store, clock)
    session = service.consent(study.link).session
    view = service.next(session)
    for _ in range(most):
        item, method = clips.loc[Path(view.media[0]).stem, ["item", "method"]]
        clock.now += view.wait + 3
        view = service.rate(session, view.trial, dict.fromkeys(KEYS, mark(item, method)), uuid.uuid4().hex)
        seen.add((item, method))
    return seen


def exported(page: Any, name: str) -> list[dict[str, str]]:
    """The rows of one of the files offered for download; none while it is not there."""
    row = page.locator("#study-download tr", has_text=name)
    if not row.count():
        return []
    with page.expect_download() as download:
        row.first.locator("a").first.click()
    return list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8"))))


def planted(rater: int, item: str, method: str, question: str) -> int:
    """The first method is better by one, in sync by two; raters differ by up to one."""
    base = 2 + rater % 2 + (item == "two")
    return min(5, base + (method == METHODS[0]) * (2 if question == "sync" else 1))


def cells(page: Any, selector: str) -> list[list[str]]:
    page.wait_for_selector(f"{selector} table")
    rows = page.locator(f"{selector} table").first.locator("tr").all()
    return [[cell.inner_text() for cell in row.locator("th, td").all()] for row in rows]


def rows_when(page: Any, selector: str, right: Callable[[list[list[str]]], object]) -> list[list[str]]:
    """The cells of a table once it says what it should."""
    return reading(page, lambda: cells(page, selector), right)


def number(cell: str) -> float:
    """The mean in a cell such as "4.25† ± 0.31"."""
    return float(cell.split()[0].rstrip("†"))


def test_nobody_gets_in_without_the_password(
    visit: Callable[..., Any], portal: str, store: Store, clip: Path
) -> None:
    add_study(store, clip, title={"en": "Hidden heron", "zh": "藏着的苍鹭"})
    page = visit("zh-CN", password="wrong")
    expect(page.locator("#gate-refused .trouble")).to_have_text(CJK, use_inner_text=True)
    expect(page.locator("#results-content")).to_be_hidden()
    assert "苍鹭" not in page.content()
    # Events that were not meant for programs can be sent by one, too: none answers without the key.
    with urllib.request.urlopen(f"{portal}/config") as answer:
        config = json.load(answer)
    table = next(part["id"] for part in config["components"] if part["props"].get("elem_id") == "study-list")
    tried = 0
    for event in config["dependencies"]:
        if table in event["outputs"]:
            tried += 1
            told = call(portal, event["id"], [None] * len(event["inputs"]))
            assert "heron" not in told
            assert "process_completed" in told
    assert tried > 10


def call(portal: str, event: int, data: list[None]) -> str:
    """What an event of the page answers to a program, whole."""
    body = {"data": data, "fn_index": event, "session_hash": uuid.uuid4().hex, "trigger_id": None}
    request = urllib.request.Request(
        f"{portal}/gradio_api/queue/join", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE / 1000):
        pass
    with urllib.request.urlopen(
        f"{portal}/gradio_api/queue/data?session_hash={body['session_hash']}", timeout=PATIENCE / 1000
    ) as answer:
        return str(answer.read().decode())


def test_a_study_is_made_followed_and_read(
    visit: Callable[..., Any], portal: str, store: Store, clip: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "heads.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for item in ("one", "two"):
            for method in METHODS:
                out.write(clip, f"{item}/{method}.mp4")
    page = visit()
    page.click("#study-new")
    page.click("#form-start")
    page.wait_for_selector("#form-status >> text=Choose a comparison set")
    page.set_input_files("#form-zip input[type=file]", archive)
    page.wait_for_selector(f"#form-methods >> text={METHODS[1]}")
    page.fill("#form-title input, #form-title textarea", TITLE)
    page.fill("#form-ratings input", "6")
    page.click("#form-start")
    page.wait_for_selector("#study-head >> text=" + TITLE)
    # A reload, and whoever is sent the address and may see it, finds the same study.
    page.wait_for_url("**/?tab=results&study=*")
    page.reload()
    page.wait_for_selector("#study-head >> text=" + TITLE)
    guest = visit(password=None)
    guest.goto(page.url)
    guest.wait_for_selector("#gate-enter")
    assert TITLE not in guest.content()
    guest.fill("#gate-password input", PASSWORD)
    guest.click("#gate-enter")
    guest.wait_for_selector("#study-head >> text=" + TITLE)
    guest.get_by_role("tab", name="Score", exact=True).click()
    guest.wait_for_url("**/?tab=score")
    expect(page.locator("#study-link")).to_have_value(re.compile(re.escape(f"{portal}/rate?study=")))
    expect(page.locator("[data-local]")).to_be_visible()  # the portal of the test is on 127.0.0.1
    link = page.input_value("#study-link")
    expect(page.locator("#study-table")).to_contain_text("No marks yet")
    shoot(page, "results-made")
    study = next(entry for entry in store.studies() if entry.spec.title.en == TITLE)
    assert (study.state, study.clips, study.wanted) == ("open", 4, 24)

    rate(store, study, planted, raters=6)  # the page finds the marks by itself
    # All of them, not the first ones.
    head, *rows = rows_when(
        page, "#study-table", lambda rows: [row[1] for row in rows[1:]] == ["12"] * len(METHODS)
    )
    page.wait_for_selector("#study-plot svg")
    assert head == ["Method", "marks", "Sync accuracy ↑", "Visual quality ↑", "Overall ↑"]
    assert [row[:2] for row in rows] == [[method, "12"] for method in METHODS]
    for row in rows:
        for cell, key in zip(row[2:], KEYS, strict=True):
            marks = [planted(r, item, row[0], key) for r in range(6) for item in ("one", "two")]
            assert number(cell) == pytest.approx(mean(marks), abs=0.005)
    expect(page.locator("#study-table table").first.locator("strong")).to_have_count(len(KEYS))
    best = page.locator("#study-table table").first.locator("strong").all_inner_texts()
    assert [number(text) for text in best] == [number(cell) for cell in rows[0][2:]]
    shoot(page, "results-table")

    page.locator("#study-clips button").first.click()
    page.locator("#study-question label").nth(1).click()
    page.wait_for_selector("#study-clips >> text=Visual quality: MOS")
    per_clip = cells(page, "#study-clips")
    assert per_clip[0] == ["Clip", *METHODS]
    assert number(per_clip[2][1]) == pytest.approx(
        mean(planted(r, "two", METHODS[0], "quality") for r in range(6))
    )

    page.locator("#study-files button").first.click()
    page.click("#study-make")
    with page.expect_download() as download:
        page.locator("#study-download a", has_text="KB").first.click()
    assert download.value.suggested_filename == "all-results.zip"
    with ZipFile(download.value.path()) as archive:
        offered = [row.inner_text() for row in page.locator("#study-download tr").all()]
        assert len(archive.namelist()) == len(offered) - 1
        raw = Path(archive.extract("marks.csv", tmp_path))
    with raw.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 6 * 4 * 3
    page.set_input_files("#study-files input[type=file]", raw)
    page.wait_for_selector("#study-message >> text=0 marks of 0 clips added, 0 new raters.")

    page.click("#study-close")
    page.wait_for_selector("#study-head >> text=closed")
    rater = page.context.new_page()
    rater.goto(link)
    expect(rater.locator(".why")).to_contain_text("closed")
    page.click("#study-open")
    page.wait_for_selector("#study-head .state.open")
    page.click("#study-delete")
    expect(page.locator("#study-yes").locator("xpath=../..")).to_contain_text(TITLE)
    page.click("#study-no")
    expect(page.locator("#study-yes")).to_be_hidden()
    page.click("#study-delete")
    page.click("#study-yes")
    page.wait_for_selector("#study-status >> text=Deleted.")
    expect(page.locator("#study-list")).not_to_contain_text(TITLE)
    assert not store.clip_folder(study.id).exists()


def test_who_answers_at_random_is_named_and_scores_are_correlated(
    visit: Callable[..., Any], store: Store, clip: Path, tmp_path: Path
) -> None:
    study = add_study(store, clip, items=6, training=0, title="Random raccoon")
    order = [5, 1, 4, 2, 1, 5, 3, 1, 5, 2, 4, 1]

    def marks(rater: int, item: str, method: str, question: str) -> int:
        place = 2 * int(item.split()[1]) + METHODS.index(method)
        if rater == 0:
            return order[place]
        return min(5, max(1, 2 + place // 4 + (method == METHODS[0]) + rater % 2))

    rate(store, study, marks, raters=8)
    page = visit()
    page.click("#study-list >> text=Random raccoon")
    page.wait_for_selector("#study-head >> text=Random raccoon")
    page.wait_for_selector("#study-table table")
    page.locator("#study-raters button").first.click()
    rows = cells(page, "#study-raters")
    assert rows[0][1] == "Left out, because"
    assert [row[0] for row in rows[1:]] == [store.raters(study.id)["rater"][0]]
    for ticked, marked, said in (
        (True, 7 * 6, "Left out, because"), (False, 48, "Would be left out, because"), (True, 42, "Left out"),
    ):  # fmt: skip
        page.locator("#study-screening input").set_checked(ticked)
        shown = rows_when(page, "#study-table", lambda rows, n=marked: rows[1][1] == str(n))
        assert shown[1][1] == str(marked)
        shown = rows_when(page, "#study-raters", lambda rows, s=said: rows[0][1].startswith(s))
        assert shown[0][1].startswith(said)
    scores = [
        f"clip {item},{method},{10 + 2 * ((2 * item + place) // 4) + 2 * (place == 0)}"
        for item in range(6)
        for place, method in enumerate(METHODS)
    ]
    (tmp_path / "videos.csv").write_text("\n".join(["item,method,PSNR (dB)", *scores]), encoding="utf-8")
    page.locator("#study-metrics button").first.click()
    page.set_input_files("#study-scores input[type=file]", tmp_path / "videos.csv")
    row = cells(page, "#study-metrics .scores")[1]  # the scores rise just as the honest raters' means do
    assert row[:2] == ["PSNR (dB)", "12"]
    assert row[2].split("\n") == ["ρ 1.00, τ 1.00", *(f"{sign} p < 0.001" for sign in "ρτ")]
    _, by_method, predicted = (
        [cell.inner_text() for cell in table.locator("tbody tr").first.locator("th, td").all()]
        for table in page.locator("#study-metrics").get_by_role("region", name=re.compile(".")).all()
    )
    assert by_method == ["PSNR (dB)", "2", "-", "-", "-"]
    assert predicted[:2] == ["Sync accuracy", "12 / 6 / 2"]
    assert float(predicted[2].split()[0]) < float(predicted[3])  # the error, and that of the mean
    assert predicted[-1] == "-"
    notes = page.locator("#study-metrics li").all_inner_texts()
    assert "Methods with both scores and marks: 2; 3 are needed." in notes
    assert "Not offered: validated on 12 videos; 30 are needed." in notes
    shoot(page, "results-metrics")
    page.locator("#study-tests button").first.click()
    page.wait_for_selector("#study-tests >> text=Krippendorff")
    shoot(page, "results-tests")


def photographed(page: Any) -> str:
    """What a camera reads of the QR code on the screen; "" where it reads none."""
    picture = cv2.imdecode(
        np.frombuffer(page.locator("#study-qr svg").screenshot(), np.uint8), cv2.IMREAD_COLOR
    )
    return str(cv2.QRCodeDetectorAruco().detectAndDecode(picture)[0])  # the older detector misses one in 100


@pytest.mark.parametrize(
    ("scheme", "locale"), [("light", "en-GB"), pytest.param("dark", "zh-CN", marks=pytest.mark.minutes)]
)
def test_a_camera_reads_the_link_from_the_screen(
    visit: Callable[..., Any], portal: str, store: Store, clip: Path, scheme: str, locale: str
) -> None:
    one, two = (add_study(store, clip, title=f"{title} {scheme}") for title in ("Quick quail", "Round robin"))
    page = visit(locale, 360 if scheme == "dark" else 1280, scheme)
    for study in (one, two, one):
        page.click(f'#study-list [data-study="{study.id}"]')
        link = f"{portal}/rate?study={study.link}"
        expect(page.locator("#study-link")).to_have_value(link)
        page.wait_for_selector(f'#study-qr [data-qr="{link}"] svg')
        assert photographed(page) == link
    expect(page.locator("[data-local]")).to_be_visible()
    name = "链接的二维码" if locale == "zh-CN" else "QR code of the link"
    drawn = page.get_by_role("img", name=name, exact=True)
    small = drawn.bounding_box()["width"]
    page.click("#study-qr button")
    shoot(page, f"results-qr-{scheme}")
    assert drawn.bounding_box()["width"] > 2 * small
    fits(page)
    assert photographed(page) == link
    drawn.click()
    expect(page.locator("#study-qr button")).to_have_attribute("aria-expanded", "false")
    store.close_study(one.id)  # the page is drawn anew
    page.wait_for_selector("#study-head .state.closed")
    assert photographed(page) == link


def test_the_files_hold_the_corrected_mos_of_p913_or_with_shrinkage(
    visit: Callable[..., Any], store: Store, clip: Path
) -> None:
    """Nine raters rate everything, a tenth, who is strict, a part."""
    title = "Shy shrew"
    study = add_study(store, clip, items=10, training=0, title=title)
    places = [(f"clip {item}", method) for item in range(10) for method in METHODS]
    noise = np.random.default_rng(2).normal(0, 0.9, (20, 10))
    strict = [-1, 0, 1, 0, 0.5, -0.5, 0, 0.3, -0.3, -1]
    values = (np.linspace(1.8, 4.2, 20)[:, None] + strict + noise).round().clip(1, 5)
    rate(store, study, lambda rater, item, method, _: int(values[places.index((item, method)), rater]), 9)
    seen = rate_some(store, study, 12, lambda item, method: int(values[places.index((item, method)), 9]))
    values[[place not in seen for place in places], 9] = np.nan

    page = visit()
    page.click(f"#study-list >> text={title}")
    page.wait_for_selector("#study-table table")
    page.locator("#study-screening input").uncheck()
    page.locator("#study-files button").first.click()
    found = {}
    for shrink, column in ((False, "corrected mos"), (True, "corrected mos (shrunk)")):
        page.locator("#study-shrink input").set_checked(shrink)
        page.click("#study-make")
        rows = reading(page, lambda: exported(page, "clips"), lambda rows, c=column: rows and c in rows[0])
        found[shrink] = {
            (row["item"], row["method"]): float(row[column]) for row in rows if row["question"] == "sync"
        }
    by_p913, shrunk = plain(values.tolist())[0], corrected_mos(values, shrink=True).quality
    for place, exact, drawn in zip(places, by_p913, shrunk, strict=True):
        assert found[False][place] == pytest.approx(exact, abs=1e-3)
        assert found[True][place] == pytest.approx(drawn, abs=1e-3)
    assert max(abs(found[True][place] - found[False][place]) for place in places) > 0.02


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.minutes)])
def test_a_phone_shows_results_in_chinese(
    visit: Callable[..., Any], store: Store, clip: Path, scheme: str
) -> None:
    title = f"手机上的狐狸 {scheme}"
    study = add_study(store, clip, training=0, title={"en": "Phone fox", "zh": title}, reference=METHODS[1])
    rate(store, study, planted, raters=3)
    page = visit("zh-CN", 360, scheme)
    page.click(f"#study-list >> text={title}")
    page.wait_for_selector("#study-plot svg")
    for part in ("clips", "raters", "tests", "metrics", "files"):
        page.locator(f"#study-{part} button").first.click()
    page.wait_for_selector("#study-make")
    fits(page)
    shoot(page, f"results-zh-360-{scheme}")
    for note in page.locator("#study-results li").all_inner_texts():
        assert CJK.search(note), note
    page.click("#study-new")
    page.wait_for_selector("#form-start")
    for label in page.locator("#study-form .label-wrap").all():
        label.click()
    fits(page)
    shoot(page, f"results-form-zh-360-{scheme}")
    page.fill("#form-title input, #form-title textarea", "狐狸")
    page.click("#form-start")
    expect(page.locator("#form-status .trouble")).to_have_text(CJK, use_inner_text=True)
