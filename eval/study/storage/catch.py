"""Clips that find out whether a rater looks and listens."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from lipsync.assets import asset
from lipsync.media import VideoWriter, probe, read_frames

PLATES = asset("study")
SHARE = 0.9  # of the picture's width or height that the plate may take
DARK = 0.25  # of the picture's light that stays under the plate


def write_choose(clip: Path, mark: int, out: Path) -> None:
    """The clip with a plate on it, in both languages, that names the mark to choose.

    Raises:
        MediaError: the clip cannot be read, or the file not be written.
    """
    info = probe(clip)
    plate: np.ndarray | None = None
    with VideoWriter(
        out, info.width, info.height, info.output_fps, audio=clip if info.has_audio else None
    ) as writer:
        for frame in read_frames(clip, fps=info.output_fps):
            if plate is None:
                plate = _plate(mark, *frame.image.shape[:2])
            writer.write(_under(frame.image, plate))


def write_desync(clip: Path, sound: Path, out: Path) -> None:
    """The picture of one clip with the sound of another, as long as the picture.

    Raises:
        MediaError: a clip cannot be read, ``sound`` has none, or the file cannot be written.
    """
    info = probe(clip)
    with VideoWriter(out, info.width, info.height, info.output_fps, audio=sound) as writer:
        for frame in read_frames(clip, fps=info.output_fps):
            writer.write(frame.image)


def _plate(mark: int, height: int, width: int) -> np.ndarray:
    """(h, w) float32, 0..1: the letters, as large as the picture allows."""
    letters = cv2.imread(str(PLATES / f"choose-{mark}.png"), cv2.IMREAD_GRAYSCALE)
    if letters is None:
        raise FileNotFoundError(PLATES / f"choose-{mark}.png")
    scale = min(SHARE * width / letters.shape[1], SHARE * height / letters.shape[0])
    size = (max(1, round(letters.shape[1] * scale)), max(1, round(letters.shape[0] * scale)))
    return cv2.resize(letters, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def _under(image: np.ndarray, plate: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8: the picture with the plate in its middle; the given array stays as it is."""
    height, width = plate.shape
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    shown = image.copy()
    part = shown[top : top + height, left : left + width]
    part[:] = np.maximum(part * DARK, 255 * plate[..., None]).astype(np.uint8)
    return shown
