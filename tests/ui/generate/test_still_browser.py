"""The still of the face shows what will be cut out and drawn."""

from __future__ import annotations

import cv2
import httpx
import numpy as np
from playwright.sync_api import expect

from lipsync.assets import asset
from lipsync.faces.tracking.choose import first_picture
from tests.ui.pages import BROWSER, shoot
from tests.ui.visitors import Visitors

pytestmark = BROWSER


def test_the_still_has_the_outlines_and_says_what_they_are(portal: str, visitors: Visitors) -> None:
    page = visitors.open(size=(1280, 900))
    page.goto(portal)
    page.wait_for_selector("#preview img")
    expect(page.locator("#face-facts")).to_contain_text(
        "Square: what the model sees. Curve: where the new mouth is drawn.", use_inner_text=True
    )
    address = page.locator("#preview img").evaluate("picture => picture.src")
    shown = cv2.imdecode(np.frombuffer(httpx.get(address).content, np.uint8), cv2.IMREAD_COLOR_RGB)
    plain, boxes = first_picture(asset("examples") / "portrait.mp4")
    assert shown.shape == plain.shape
    changed = np.abs(shown.astype(int) - plain).max(-1) > 90
    columns = np.flatnonzero(changed.any(0))
    x0, y0, x1, y1 = boxes[0]
    # A frame about as large as the face, and lines inside it around the mouth.
    assert 0.9 < (columns.max() - columns.min()) / (x1 - x0) < 2.2
    lower = changed[round((y0 + 2 * y1) / 3) : round(y1), round(x0 + 4) : round(x1 - 4)]
    assert lower.sum() > 40
    shoot(page, "still")
