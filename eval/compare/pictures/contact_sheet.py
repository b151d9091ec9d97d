"""Chosen frames of all videos of an item on one picture, as papers print them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from eval.compare.index import ComparisonSet, Item
from eval.compare.mouth_region import ASPECT, mouth_track
from eval.compare.pictures.cells import VideoCell, blank, cells_of, enlarged, fitted, origin
from eval.compare.pictures.lettering import plate, width_of
from eval.scoring.scores import write_bytes
from lipsync.errors import ConfigError
from lipsync.media import read_frames

INK, PAPER = (0, 0, 0), (255, 255, 255)
WIDEST = 512  # pixels of one picture
LARGEST = 12_000  # pixels of a side of the sheet
GAP = 4


@dataclass(frozen=True)
class FrameStyle:
    """What a sheet shows of each frame.

    Attributes:
        labels: names of the videos and numbers of the frames.
        picture: the whole picture.
        mouth: the mouth, enlarged, under it.
        widest: pixels of one picture at most.
    """

    labels: bool = True
    picture: bool = True
    mouth: bool = False
    widest: int = WIDEST


def contact_sheet(
    set_: ComparisonSet,
    item: Item,
    out: Path,
    frames: Sequence[int],
    methods: Sequence[str] = (),
    *,
    names: Mapping[str, str] | None = None,
    labels: bool = True,
    zoom: bool = False,
) -> Path:
    """Write a PNG with a row for every video and a column for every frame.

    Args:
        out: .png file.
        frames: numbers from 0, counted at the rate of the first video shown (the reference where there
            is one); the others show the same time.
        methods, names: as in `eval.compare.pictures.montage.montage`.
        labels: write names and frame numbers.
        zoom: show the mouth, enlarged, under every picture.

    Raises:
        ConfigError: a frame or a method is not there, or the file cannot be written.
        FaceError: with ``zoom``, no face is there.
    """
    if out.suffix.lower() != ".png":
        raise ConfigError("sheet.ending", path=out.name)
    cells = cells_of(set_, item, methods, names)
    page = draw_frames(set_, item, frames, cells, FrameStyle(labels, mouth=zoom))
    packed, tags = BytesIO(), PngInfo()
    for name, text in origin(cells).items():
        tags.add_text(name.capitalize(), text)  # the names that PNG itself registers
    Image.fromarray(page).save(packed, "PNG", optimize=True, pnginfo=tags)
    write_bytes(out, packed.getvalue())
    return out


def draw_frames(
    set_: ComparisonSet,
    item: Item,
    frames: Sequence[int],
    cells: Sequence[VideoCell],
    style: FrameStyle,
) -> np.ndarray:
    """(H, W, 3) uint8 RGB: a row for every video, a column for every frame, as for `contact_sheet`.

    Raises:
        ConfigError: a frame is not there.
        FaceError: mouths are wanted, and no face is there.
    """
    clips = [cell.clip for cell in cells if cell.clip is not None]
    fps = clips[0].fps
    _check(frames, max(round(clip.seconds * fps) for clip in clips), item)
    track = mouth_track(set_, item, pictures=True) if style.mouth else None
    wide = min(style.widest, max(clip.width for clip in clips), LARGEST // len(frames) - GAP)
    tall = max(8, round(wide * clips[0].height / clips[0].width)) if style.picture else 0
    mouth = round(wide / ASPECT) if style.mouth else 0
    size = max(12, wide // 14)
    margin = min(wide, max(width_of(cell.label, size) for cell in cells) + 16) if style.labels else 0
    head = size * 2 if style.labels else 0
    page = np.full(
        (head + len(cells) * (tall + mouth + GAP) + GAP, margin + len(frames) * (wide + GAP) + GAP, 3),
        PAPER, np.uint8,
    )  # fmt: skip
    if style.labels:
        for column, frame in enumerate(frames):
            left = margin + GAP + column * (wide + GAP)
            page[:head, left : left + wide] = plate(
                f"{frame}  ({frame / fps:.2f} s)", wide, head, INK, PAPER, size
            )
    for row, cell in enumerate(cells):
        top = head + GAP + row * (tall + mouth + GAP)
        if style.labels:
            page[top : top + (tall or mouth), :margin] = plate(
                cell.label, margin, tall or mouth, INK, PAPER, size
            )
        found = _pictures(cell, frames, fps)
        for column, frame in enumerate(frames):
            across = slice(margin + GAP + column * (wide + GAP), margin + (column + 1) * (wide + GAP))
            picture = found.get(frame)
            if picture is None:
                page[top : top + tall + mouth, across] = blank(wide, tall + mouth)
                continue
            if style.picture:
                page[top : top + tall, across] = fitted(picture, wide, tall, PAPER)
            if track is not None:
                page[top + tall : top + tall + mouth, across] = enlarged(
                    picture, track.at(frame / fps), wide, mouth
                )
    return page


def _check(frames: Sequence[int], length: int, item: Item) -> None:
    if not frames:
        raise ConfigError("sheet.name_frames")
    for frame in frames:
        if not 0 <= frame < length:
            raise ConfigError("sheet.no_frame", item=item.name, frame=frame, last=length - 1)
    if len(frames) > 50:
        raise ConfigError("sheet.too_many")


def _pictures(cell: VideoCell, frames: Sequence[int], fps: float) -> dict[int, np.ndarray]:
    """The pictures of the frames that a video has, by number."""
    if cell.clip is None:
        return {}
    wanted = set(frames)
    found = {}
    for frame in read_frames(cell.clip.path, fps=fps, max_frames=max(frames) + 1):
        if frame.index in wanted:
            found[frame.index] = frame.image
    return found
