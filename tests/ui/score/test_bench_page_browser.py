"""The report of a benchmark on a screen, a phone and paper: no column of its tables is out of reach."""

from __future__ import annotations

import pytest

from eval.report.bench.bench_files import write_bench
from eval.scoring.metrics import METRICS
from tests.report.bench_runs import bench_run, row

MEASURES = ("psnr", "ssim", "lpips", "flicker", "lmd", "csim", "identity_drift", "lse_d", "lse_c", "offset")
# What sticks out of the page on the right, in pixels, with the table scrolled to its end.
BEYOND = """() => {
    document.querySelector('.wide').scrollLeft = 9999
    return document.querySelector('table').getBoundingClientRect().right - innerWidth
}"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    scores = dict.fromkeys(MEASURES, 0.123)
    rows = [
        row(f"clip{n}", name, **{key: value + n for key, value in scores.items()})
        for name in ("mcsawav2lip-embedded", "lstm-cbam")
        for n in range(9)
    ]
    assert set(MEASURES) <= set(METRICS)
    return write_bench(bench_run(folder, rows), "lipsync-eval bench", "en")


@pytest.mark.parametrize(("width", "media"), [(1280, "screen"), (390, "screen"), (1030, "print")])
def test_every_column_can_be_read(report, browser, width, media):
    """A4 across, less its margins, is 1,030 pixels wide; paper cannot be scrolled."""
    page = browser.new_page(viewport={"width": width, "height": 800})
    try:
        page.goto(report.as_uri())
        page.emulate_media(media=media)
        assert page.evaluate(BEYOND) <= 0
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    finally:
        page.close()
