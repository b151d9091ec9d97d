"""Captions that are drawn into the picture, Latin and Chinese, with the font in this repository."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lipsync.assets import asset
from lipsync.media.output.captions import Caption

FONT = asset("fonts", "labels.ttf")
HEIGHT = 1 / 18  # of the letters against the picture
SMALLEST = 8  # pixels; in a narrower picture a line is cut
ROOM = 0.94  # of the picture's width that a line may take
MISSING = "\uffff"  # no font has a letter for it


class BurntCaptions:
    """White letters with a dark edge on a plate that darkens the picture, in the middle of the lower edge.

    All captions have one size, in which the widest line fits.

    Args:
        width, height: of the pictures, in pixels.
        captions: in the order of time.
        free: rows at the lower edge that are left free.
    """

    def __init__(self, width: int, height: int, captions: Sequence[Caption], free: int = 0) -> None:
        self._width, self._height, self._free = width, height, max(free, round(height / 40))
        self._captions = list(captions)
        lines = [line for caption in captions for line in caption.lines]
        size = max(SMALLEST, round(min(width, height) * HEIGHT))
        while size > SMALLEST and any(_font(size).getlength(line) > ROOM * width for line in lines):
            size -= 1
        self._size = size
        self._drawn: tuple[Caption | None, np.ndarray, np.ndarray] | None = None

    def on(self, image: np.ndarray, time: float) -> np.ndarray:
        """(H, W, 3) uint8 with the caption of ``time`` seconds, if any; the given array stays as it is."""
        while self._captions and self._captions[0].end <= time:
            self._captions.pop(0)
        if not self._captions or self._captions[0].start > time:
            return image
        if self._drawn is None or self._drawn[0] is not self._captions[0]:
            self._drawn = self._captions[0], *self._plate(self._captions[0])
        _, letters, cover = self._drawn
        rows, columns = letters.shape[:2]
        top, left = self._height - self._free - rows, (self._width - columns) // 2
        captioned = image.copy()
        under = captioned[top : top + rows, left : left + columns]
        captioned[top : top + rows, left : left + columns] = np.rint(
            under // 20 * 11 * (1 - cover) + letters * cover  # the plate darkens to 55 %, as the label's
        )
        return captioned

    def _plate(self, caption: Caption) -> tuple[np.ndarray, np.ndarray]:
        """(h, w, 3) float32 letters with their edge, and how far they cover what is under them, (h, w, 1)."""
        font, edge, pad = _font(self._size), max(1, self._size // 12), max(2, self._size // 3)
        line = round(self._size * 1.3)
        width = round(max(font.getlength(text) for text in caption.lines)) + 2 * (pad + edge)
        width, height = min(width, self._width), line * len(caption.lines) + pad
        height = min(height, self._height - self._free)
        drawn = Image.new("RGBA", (width, height), (0, 0, 0, 0))
        pen = ImageDraw.Draw(drawn)
        for k, text in enumerate(caption.lines):
            pen.text(
                (width / 2, pad / 2 + line * (k + 0.5)), text, (255, 255, 255), font, anchor="mm",
                stroke_width=edge, stroke_fill=(0, 0, 0),
            )  # fmt: skip
        values = np.asarray(drawn, np.float32)
        return values[..., :3], values[..., 3:] / 255


def unknown_letters(captions: Iterable[Caption]) -> str:
    """The letters, each once, that the font does not have and that would be drawn as boxes."""
    font = _font(16)
    box = bytes(font.getmask(MISSING))
    used = {letter for caption in captions for line in caption.lines for letter in line}
    return "".join(sorted(c for c in used if not c.isspace() and bytes(font.getmask(c)) == box))


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONT), size)
