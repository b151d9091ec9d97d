"""Text on pictures, Latin and Chinese, with the font in this repository."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lipsync.assets import asset

FONT = asset("fonts", "labels.ttf")
SMALLEST = 9  # pixels; a text that does not fit at this size is shortened
Colour = tuple[int, int, int]


@lru_cache(maxsize=64)
def font(size: int) -> ImageFont.FreeTypeFont:
    """The font at a height in pixels."""
    return ImageFont.truetype(str(FONT), size)


def width_of(text: str, size: int) -> int:
    """Pixels that a line takes."""
    return round(font(size).getlength(text))


def plate(text: str, width: int, height: int, ink: Colour, paper: Colour, size: int = 0) -> np.ndarray:
    """(height, width, 3) uint8 RGB with one line in the middle, as large as fits.

    Args:
        size: letters in pixels at most; 0: two thirds of the height.
    """
    text = " ".join(text.split())
    size = size or max(SMALLEST, height * 2 // 3)
    room = max(1, width - 8)
    while size > SMALLEST and width_of(text, size) > room:
        size -= 1
    if width_of(text, size) > room:
        while text and width_of(f"{text}…", size) > room:
            text = text[:-1]
        text = f"{text.rstrip()}…"
    picture = Image.new("RGB", (width, height), paper)
    ImageDraw.Draw(picture).text((width / 2, height / 2), text, ink, font(size), anchor="mm")
    return np.asarray(picture)
