"""Loading the pages in a browser that has never seen them, beside Gradio alone.

``python -m tests.benchmarks.page [--rounds 3]`` starts the portal, a bare Gradio page with as many tabs and
the same kinds of components, and one with a single text field, and opens them in turn, each time with an
empty cache. It prints the requests and the kB that were transferred until nothing came any more, the seconds
until something was painted, until a click on another tab showed it, and for which the page's thread worked,
the smallest of all rounds, and how many times the bare page's that is. First comes the share of a processor
that the portal takes while nobody uses it.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from playwright.sync_api import sync_playwright

from tests.benchmarks.study import processor_seconds
from tests.benchmarks.study_load import portal_process
from tests.portal import answering, free_port, serving
from tests.ui.conftest import OPTIONS, chromium

TABS = ("generate", "compare", "score", "leaderboard", "rate", "results")
IDLE = 10.0  # s of a portal that nobody uses
QUIET = 4.0  # s without an answer after which a page has all it loads, also on a busy machine
# Clicks on the last tab as soon as there is one, again until it shows, and notes when that was. A page
# without tabs is usable when it has something to write in.
USABLE = """
const timer = setInterval(() => {
  const tab = [...document.querySelector('[role="tablist"]')?.querySelectorAll('[role="tab"]') ?? []].at(-1);
  if (tab && tab.getAttribute('aria-selected') !== 'true') { tab.click(); return; }
  const panels = [...document.querySelectorAll('[role="tabpanel"]')];
  const shown = tab
    ? panels.some((panel) => panel.checkVisibility() && panel.innerText.trim())
    : document.querySelector('textarea');
  if (shown) { window.usableAt = performance.now() / 1000; clearInterval(timer); }
}, 10);
"""


class Load(NamedTuple):
    """What opening a page took."""

    requests: float
    kilobytes: float  # as transferred
    painted: float  # s until the first content
    usable: float  # s until another tab shows
    worked: float  # s of the page's thread


def bare() -> gr.Blocks:
    """As many tabs as the portal has, with the kinds of components that it uses."""
    with gr.Blocks() as page, gr.Tabs():
        with gr.Tab("Generate"):
            gr.Video()
            gr.Audio()
            gr.Dropdown(["a", "b"])
            gr.Slider()
            gr.Examples([["a"], ["b"]], gr.Textbox())
            gr.Button()
        with gr.Tab("Compare"):
            gr.Radio(["a", "b"])
            gr.File()
            gr.HTML("<p>a</p>")
        with gr.Tab("Score"):
            gr.File(file_count="multiple")
            gr.CheckboxGroup(["a", "b"])
            gr.Dataframe([[1, 2]])
        with gr.Tab("Rate"):
            gr.Textbox()
            gr.Image()
        with gr.Tab("Results"):
            gr.Markdown("a")
            gr.Number()
            gr.Checkbox()
            gr.DownloadButton()
    return page


def single() -> gr.Blocks:
    """The least that Gradio can be."""
    with gr.Blocks() as page:
        gr.Textbox()
    return page


@contextmanager
def alone(name: str, work: Path) -> Iterator[str]:
    """The address of a page of this module, served by Gradio without anything of the portal."""
    port = free_port()
    own = {"GRADIO_TEMP_DIR": str(work / name), "GRADIO_ANALYTICS_ENABLED": "False"}
    arguments = [sys.executable, "-m", __spec__.name, "--serve", name, "--port", str(port)]
    log = work / f"{name}.log"
    with log.open("wb") as out:
        server = subprocess.Popen(arguments, env=os.environ | own, stdout=out, stderr=out)
    with answering(server, port, log) as address:
        yield address


def load(browser: Any, address: str) -> Load:
    """Open a page twice, each time as a new visitor: to look on, and to click."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    session = context.new_cdp_session(page)
    sizes: list[float] = []
    last = time.monotonic()

    def arrived(event: dict[str, Any]) -> None:
        nonlocal last
        sizes.append(event["encodedDataLength"])
        last = time.monotonic()

    session.on("Network.loadingFinished", arrived)
    session.send("Network.enable")
    session.send("Performance.enable")
    page.goto(address)
    page.wait_for_function(
        "() => performance.getEntriesByName('first-contentful-paint').length", timeout=120_000
    )
    while time.monotonic() - last < QUIET:
        page.wait_for_timeout(100)
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000")
    metrics = {
        metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]
    }
    context.close()
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.add_init_script(USABLE)
    page.goto(address)
    usable = page.wait_for_function("() => window.usableAt", timeout=120_000).json_value()
    context.close()
    return Load(len(sizes), sum(sizes) / 1000, painted, usable, metrics["TaskDuration"])


def idle_share() -> float:
    """Of a processor, what the portal takes once it has started and before anybody comes."""
    portal = portal_process()
    time.sleep(IDLE)  # the last of the start
    before = processor_seconds(portal)
    time.sleep(IDLE)
    return (processor_seconds(portal) - before) / IDLE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", choices=("bare", "single"), help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        page = bare() if options.serve == "bare" else single()
        page.launch(server_name="127.0.0.1", server_port=options.port, ssr_mode=False)
        return
    print(f"{platform.node()}: {platform.machine()}, {os.cpu_count()} processors, {platform.platform()}")
    with (
        tempfile.TemporaryDirectory() as work,
        serving(Path(work)) as portal,
        alone("bare", Path(work)) as tabs,
        alone("single", Path(work)) as field,
        sync_playwright() as playwright,
    ):
        print(f"idle: {100 * idle_share():.1f} % of a processor")
        browser = playwright.chromium.launch(executable_path=chromium(), args=OPTIONS)
        addresses = {"Gradio, five tabs": tabs, "Gradio, one text field": field}
        addresses |= {f"portal, {tab}": f"{portal}/?tab={tab}" for tab in TABS}
        loads: dict[str, list[Load]] = {name: [] for name in addresses}
        for _ in range(options.rounds):
            for name, address in addresses.items():
                loads[name].append(load(browser, address))
        browser.close()
    least = {name: Load(*map(min, zip(*found, strict=True))) for name, found in loads.items()}
    print_table(least)


def print_table(loads: dict[str, Load]) -> None:
    """A line for each page, the first of which is what the others are compared with."""
    units = ("requests", "kB", "s painted", "s usable", "s worked")
    print(f"{'':<24}" + "".join(f"{unit:>18}" for unit in units))
    reference = next(iter(loads.values()))
    for name, own in loads.items():
        cells = (f"{value:9.2f} ({value / of:5.2f})" for value, of in zip(own, reference, strict=True))
        print(f"{name:<24}" + "".join(f"{cell:>18}" for cell in cells))


if __name__ == "__main__":
    main()
