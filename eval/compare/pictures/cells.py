"""Frames of several videos of an item at the same times, for montages and contact sheets."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from eval.compare.clip import ComparisonClip
from eval.compare.index import ComparisonSet, Item
from eval.compare.names import REFERENCE
from eval.scoring.protocol import resize
from lipsync.errors import ConfigError
from lipsync.media import read_frames

LABELS = {REFERENCE: "Reference"}
GREY = (128, 128, 128)  # where there is no video
# As generated videos have it, without a name: the methods may be withheld.
AI_GENERATED = "AI-generated: lips synchronised to speech, methods side by side"


@dataclass(frozen=True)
class VideoCell:
    """One cell of a montage or contact sheet: its label, and the video if there is one."""

    method: str
    label: str
    clip: ComparisonClip | None


def cells_of(
    set_: ComparisonSet, item: Item, methods: Sequence[str] = (), names: Mapping[str, str] | None = None
) -> tuple[VideoCell, ...]:
    """The videos of an item in order; by default the reference and then every method that has one.

    Args:
        methods: which ones; ``reference`` is the real video. One without a video is an empty cell.
        names: what is written to a method in place of its name, such as a letter.

    Raises:
        ConfigError: a method is not in the set, or there is no video at all.
    """
    known = [method for method in (REFERENCE, *set_.methods) if item.clip(method) is not None]
    for method in methods:
        if method not in (REFERENCE, *set_.methods):
            raise ConfigError("sets.no_method", title=set_.title, method=method)
    cells = tuple(
        VideoCell(method, {**LABELS, **(names or {})}.get(method, method), item.clip(method))
        for method in methods or known
    )
    if all(cell.clip is None for cell in cells):
        raise ConfigError("sets.nothing_to_show", name=item.name)
    return cells


def origin(cells: Sequence[VideoCell]) -> dict[str, str]:
    """The tags that tell a machine that a file shows generated videos; none where all are real."""
    generated = any(cell.clip is not None and cell.method != REFERENCE for cell in cells)
    return {"comment": AI_GENERATED} if generated else {}


def letters(methods: Sequence[str], seed: int | None = None) -> dict[str, str]:
    """Methods in random order, each with a letter (A, B, … Z, AA, …), for rating without names."""
    order = list(methods)
    random.Random(seed).shuffle(order)
    return {method: _letter(number) for number, method in enumerate(order)}


def held(clip: ComparisonClip, fps: float) -> Iterator[np.ndarray]:
    """(H, W, 3) uint8 RGB of every tick of 1 / fps seconds; after the end the last picture is repeated."""
    image = None
    for frame in read_frames(clip.path, fps=fps):
        image = frame.image
        yield image
    while image is not None:
        yield image


def fitted(image: np.ndarray, width: int, height: int, paper: tuple[int, int, int]) -> np.ndarray:
    """(height, width, 3): the whole picture as large as fits, in the middle."""
    zoom = min(width / image.shape[1], height / image.shape[0])
    size = max(1, round(image.shape[0] * zoom)), max(1, round(image.shape[1] * zoom))
    small = resize(image, size)
    if size == (height, width):
        return small
    out = np.full((height, width, 3), paper, np.uint8)
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    out[top : top + size[0], left : left + size[1]] = small
    return out


def enlarged(image: np.ndarray, box: Sequence[float], width: int, height: int) -> np.ndarray:
    """(height, width, 3): the part of a picture inside a relative box (x0, y0, x1, y1)."""
    tall, wide = image.shape[:2]
    x0, y0, x1, y1 = box[0] * wide, box[1] * tall, box[2] * wide, box[3] * tall
    across, down = width / (x1 - x0), height / (y1 - y0)
    # Pixel centres lie at whole numbers for OpenCV, at halves for the box.
    matrix = np.array([[across, 0, (0.5 - x0) * across - 0.5], [0, down, (0.5 - y0) * down - 0.5]])
    return cv2.warpAffine(
        image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )


def blank(width: int, height: int) -> np.ndarray:
    """(height, width, 3) grey with a line across it: there is no video."""
    out = np.full((height, width, 3), GREY, np.uint8)
    cv2.line(out, (0, height - 1), (width - 1, 0), (96, 96, 96), 1, cv2.LINE_AA)
    return out


def _letter(number: int) -> str:
    letter = chr(ord("A") + number % 26)
    return letter if number < 26 else _letter(number // 26 - 1) + letter
