"""``python -m tests.benchmarks.locked [--load 4] [--block 250]``: how far do six locked players drift apart?

Six videos of 512 pixels play in a loop in a browser (Chromium) while so many processes keep the machine busy,
and the page itself does something else for up to ``block`` ms about three times in a second.
In the page the place of every player that is not seeking is read every 30 ms. Printed is the spread between
the first and the last of them, which share of the time all waited for each other, and how far the video got.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from eval.compare.names import REFERENCE
from eval.compare.sets import EXAMPLE, Entry, Sets
from tests.portal import serving

PASSWORD = "six-in-a-row"
METHODS = ("lstm-cbam", "multi-reference", "mcsawav2lip-embedded", "lstm-cbam", "multi-reference")
BUSY = "while True: sum(range(10 ** 6))"
BLOCK = """(most) => setInterval(() => {
    const end = performance.now() + most * (0.4 + 0.6 * Math.random());
    while (performance.now() < end);
}, 350)"""
SAMPLE = """(seconds) => new Promise((done) => {
    const [root, seen, began] = [document.querySelector('#compare-player .locked'), [], performance.now()];
    const look = () => {
        const {clips, waiting, playing} = root.lockedTimes();
        const times = clips.filter((clip) => !clip.seeking && !clip.ended).map((clip) => clip.time);
        const spread = Math.max(...times) - Math.min(...times);
        if (playing && times.length > 1) seen.push([spread, waiting, clips[0].time]);
        if (performance.now() - began < 1000 * seconds) setTimeout(look, 30);
        else done(seen);
    };
    look();
})"""


def six(folder: Path) -> None:
    """A set of a reference and five methods in a data folder."""
    clips = EXAMPLE / "clips"
    made = [Entry("one", f"{n} {name}", clips / f"english-{name}.mp4") for n, name in enumerate(METHODS)]
    Sets(folder).create("Six", [Entry("one", REFERENCE, clips / "english-reference.mp4"), *made])


def played(browser: Browser, address: str, seconds: float, block: float) -> list[tuple[float, bool, float]]:
    """(Spread in s, whether all waited, place in s) again and again, as they play in a loop at full speed."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, extra_http_headers={"x-lipsync-password": PASSWORD}
    )
    page = context.new_page()
    page.set_default_timeout(180_000)
    page.goto(f"{address}/?tab=compare")
    page.locator("#set-list label", has_text="Six").click()
    page.wait_for_selector("#compare-player .locked[data-ready]")
    page.click(".locked [data-do=loop]")
    page.click(".locked [data-do=play]")
    page.evaluate(BLOCK, block)
    seen: list[tuple[float, bool, float]] = page.evaluate(SAMPLE, seconds)
    context.close()
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--load", type=int, default=4, help="processes that keep the machine busy")
    parser.add_argument(
        "--block", type=float, default=250, help="ms that the page is busy at a time, at most"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        six(work / "data")
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        arguments = ["--no-sandbox", "--disable-gpu", "--mute-audio"]
        with serving(work, {"LIPSYNC_ADMIN_PASSWORD": PASSWORD}) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
            busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(options.load)]
            try:
                found = played(browser, address, options.seconds, options.block)
            finally:
                for process in busy:
                    process.kill()
            browser.close()
    spreads = sorted(1000 * spread for spread, *_ in found)
    places = [place for *_, place in found]
    gone = sum(max(0.0, later - place) for place, later in pairwise(places)) / options.seconds
    print(
        f"{len(spreads)} looks: median {statistics.median(spreads):.0f}, "
        f"p95 {spreads[int(0.95 * (len(spreads) - 1))]:.0f}, largest {spreads[-1]:.0f} ms"
    )
    waited = statistics.mean(waiting for _, waiting, _ in found)
    print(f"all waited {100 * waited:.0f} % of the time; played {100 * gone:.0f} % as fast as it should")


if __name__ == "__main__":
    main()
