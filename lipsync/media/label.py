"""The visible mark of a generated video."""

from __future__ import annotations

import cv2
import numpy as np

TEXT = "AI-generated"


class Label:
    """A small plate in the lower left corner, sized to the picture; too small a picture gets none."""

    def __init__(self, width: int, height: int):
        scale = max(0.3, min(width, height) / 1100)
        (text_width, text_height), drop = cv2.getTextSize(TEXT, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
        pad = max(2, round(text_height * 0.5))
        plate = np.zeros((text_height + drop + 2 * pad, text_width + 2 * pad, 3), np.uint8)
        cv2.putText(
            plate,
            TEXT,
            (pad, pad + text_height),
            cv2.FONT_HERSHEY_SIMPLEX,
            scale,
            (255, 255, 255),
            1,
            cv2.LINE_AA,
        )
        gap = pad
        self._rows = slice(height - gap - plate.shape[0], height - gap)
        self._columns = slice(gap, gap + plate.shape[1])
        self._fits = plate.shape[0] + 2 * gap <= height / 3 and plate.shape[1] + 2 * gap <= width
        self._plate = plate
        self.rows = plate.shape[0] + 2 * gap if self._fits else 0  # at the lower edge, with the gaps

    def on(self, image: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 with the mark; the given array stays as it is."""
        if not self._fits:
            return image
        marked = image.copy()
        under = marked[self._rows, self._columns]
        # The plate darkens what is under it to 55 %, the letters are added on top.
        marked[self._rows, self._columns] = np.maximum(under // 20 * 11, self._plate)
        return marked
