"""Pictures of every page in every state, width, language and theme: ``python -m tests.screenshots``.

They lie in ``build/screenshots`` (``--out``), for somebody to look at. What axe calls serious is printed.
``--readme`` also cuts the README's pictures out of them.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from lipsync.assets import asset
from tests.portal import serving
from tests.ui.conftest import OPTIONS, PASSWORD, chromium
from tests.ui.pages import PATIENCE, faults
from tests.ui.states import PAGES, THEMES, set_theme

SIZES = ((1280, 900), (390, 844))  # px of a laptop's window and of a phone
LOCALES = ("en-GB", "zh-CN")
SETTLED = 400  # ms for a page to move to another width
# The README's pictures: the state that each shows, and its height in pixels.
README = {"generate": ("generate-result", 1180), "compare": ("compare-example", 1240)}
README |= {"score": ("score-example", 1400), "results": ("results-example", 1420)}


def main() -> None:
    """Serve a portal of its own, go through all states and write a picture of each."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/screenshots"))
    parser.add_argument("--pages", nargs="+", choices=PAGES, default=PAGES, help="all, unless some are named")
    parser.add_argument("--readme", action="store_true", help="renew the README's pictures, of all pages")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    owned = {"LIPSYNC_ADMIN_PASSWORD": PASSWORD}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=OPTIONS)
        for locale in LOCALES:
            with tempfile.TemporaryDirectory() as work, serving(Path(work), owned) as address:
                shoot_all(browser, address, locale, args)
        browser.close()
    if args.readme:
        write_readme_pictures(args.out)


def write_readme_pictures(folder: Path) -> None:
    """Cut the README's pictures out of those in a folder."""
    for name, (state, height) in README.items():
        with Image.open(folder / f"{state}-en-1280-light.png") as picture:
            write(picture.crop((0, 0, picture.width, min(height, picture.height))), name)
    # A rater's computer and, where it has no content, its margins; a rater's phone beside it.
    with (
        Image.open(folder / "rate-marks-en-1280-light.png") as wide,
        Image.open(folder / "rate-marks-zh-390-dark.png") as narrow,
    ):
        margin, height = narrow.width // 2, min(wide.height, narrow.height)
        both = Image.new("RGB", (wide.width, height))
        both.paste(wide.crop((margin, 0, wide.width - margin, height)), (0, 0))
        both.paste(narrow.crop((0, 0, narrow.width, height)), (wide.width - narrow.width, 0))
        write(both, "rate")


def write(picture: Image.Image, name: str) -> None:
    """One picture of the README."""
    picture.convert("RGB").save(asset("readme") / f"{name}.png", optimize=True)


def shoot_all(browser: Any, address: str, locale: str, args: argparse.Namespace) -> None:
    """All states in one language."""

    def visit(path: str) -> Any:
        width, height = SIZES[0]
        context = browser.new_context(
            locale=locale,
            viewport={"width": width, "height": height},
            extra_http_headers={"x-lipsync-password": PASSWORD},
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(f"{address}/{path}")
        return page

    for page_name in args.pages:
        for name, page in PAGES[page_name](visit):
            page.mouse.move(0, 0)
            for width, height in SIZES:
                page.set_viewport_size({"width": width, "height": height})
                for theme in THEMES:
                    set_theme(page, theme)
                    page.wait_for_timeout(SETTLED)
                    title = f"{name}-{locale[:2]}-{width}-{theme}"
                    page.screenshot(path=args.out / f"{title}.png", full_page=True, timeout=PATIENCE)
                    for fault in faults(page):
                        print(f"{title}: {fault}", flush=True)
            set_theme(page, THEMES[0])
            page.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})


if __name__ == "__main__":
    main()
