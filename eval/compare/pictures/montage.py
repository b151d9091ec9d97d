"""All videos of an item in one: a grid with labels, as papers' supplementary videos show it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from eval.compare.clip import ComparisonClip
from eval.compare.index import ComparisonSet, Item
from eval.compare.mouth_region import ASPECT, MouthTrack, mouth_track
from eval.compare.names import REFERENCE
from eval.compare.pictures.cells import VideoCell, blank, cells_of, enlarged, fitted, held, origin
from eval.compare.pictures.lettering import plate
from lipsync.errors import ConfigError
from lipsync.media import VideoWriter, WriterOptions
from lipsync.texts import Message

INK, PAPER = (255, 255, 255), (24, 24, 24)
WIDEST, TALLEST = 1920, 2160  # pixels of the montage
FASTEST = 60.0  # frames per second
GAP = 4
Report = Callable[[int, int], None]


def montage(
    set_: ComparisonSet,
    item: Item,
    out: Path,
    methods: Sequence[str] = (),
    *,
    names: Mapping[str, str] | None = None,
    labels: bool = True,
    zoom: bool = False,
    sound: str = "",
    columns: int = 0,
    report: Report | None = None,
) -> Path:
    """Write one video that shows those of an item side by side, at the same time in every cell.

    It is as fast as the fastest and as long as the longest of them; one that is over shows its last
    picture. Frames are written as they are read, so memory does not grow with the length.

    Args:
        out: .mp4 file.
        methods: which ones, in order; empty: the reference and all methods.
        names: what is written to a method in place of its name, such as a letter.
        labels: write the names above the pictures.
        zoom: show the mouth, enlarged, under every picture.
        sound: method whose sound is used; empty: the first one with sound.
        columns: cells in a row; 0: so that the whole is about as wide as a screen.
        report: called with (frames done, frames in all); an exception from it leaves nothing behind.

    Raises:
        ConfigError: a method or its sound is not there.
        FaceError: with ``zoom``, no face is.
        MediaError: a file cannot be read or written.
    """
    cells = cells_of(set_, item, methods, names)
    clips = [cell.clip for cell in cells if cell.clip is not None]
    voice = _voice(cells, item, sound)
    track = mouth_track(set_, item) if zoom else None
    fps = min(FASTEST, max(clip.fps for clip in clips))
    total = max(1, round(max(clip.seconds for clip in clips) * fps))
    shape = _Shape(clips, len(cells), columns, labels, zoom)
    streams = [None if cell.clip is None else held(cell.clip, fps) for cell in cells]
    page = shape.page([cell.label for cell in cells] if labels else [])
    with VideoWriter(
        out,
        shape.width,
        shape.height,
        fps,
        audio=voice.path if voice else None,
        options=WriterOptions(duration=total / fps, metadata=origin(cells)),
    ) as writer:
        for tick in range(total):
            for number, stream in enumerate(streams):
                picture = None if stream is None else next(stream)
                shape.draw(page, number, picture, track, tick / fps)
            writer.write(page)
            if report is not None:
                report(tick + 1, total)
    return out


class _Shape:
    """Where everything is on the page, in pixels."""

    def __init__(
        self, clips: Sequence[ComparisonClip], count: int, columns: int, labels: bool, zoom: bool
    ) -> None:
        self.columns = min(columns or _columns(count), count)
        self.rows = math.ceil(count / self.columns)
        shape = clips[0].height / clips[0].width
        self.zoom = zoom
        width = min(max(clip.width for clip in clips), (WIDEST - GAP) // self.columns - GAP)
        while True:
            self.wide = max(16, width // 2 * 2)
            self.tall = max(16, round(self.wide * shape / 2) * 2)
            self.mouth = round(self.wide / ASPECT / 2) * 2 if zoom else 0
            self.label = max(16, self.wide // 20 * 2) if labels else 0
            self.step = self.label + self.tall + self.mouth + GAP
            if self.step * self.rows + GAP <= TALLEST or width <= 32:
                break
            width -= 16
        self.width = self.columns * (self.wide + GAP) + GAP
        self.height = self.rows * self.step + GAP

    def page(self, labels: Sequence[str]) -> np.ndarray:
        """(height, width, 3) background with the labels on it."""
        page = np.full((self.height, self.width, 3), PAPER, np.uint8)
        for number, label in enumerate(labels):
            left, top = self._place(number)
            page[top : top + self.label, left : left + self.wide] = plate(
                label, self.wide, self.label, INK, PAPER
            )
        return page

    def draw(
        self, page: np.ndarray, number: int, picture: np.ndarray | None, track: MouthTrack | None, time: float
    ) -> None:
        """Put one picture, and its mouth under it, on the page."""
        left, top = self._place(number)
        top += self.label
        across = slice(left, left + self.wide)
        if picture is None:
            page[top : top + self.tall + self.mouth, across] = blank(self.wide, self.tall + self.mouth)
            return
        page[top : top + self.tall, across] = fitted(picture, self.wide, self.tall, PAPER)
        if track is not None:
            page[top + self.tall : top + self.tall + self.mouth, across] = enlarged(
                picture, track.at(time), self.wide, self.mouth
            )

    def _place(self, number: int) -> tuple[int, int]:
        row, column = divmod(number, self.columns)
        return GAP + column * (self.wide + GAP), GAP + row * self.step


def _columns(count: int) -> int:
    return count if count <= 3 else math.ceil(math.sqrt(count))


def _voice(cells: Sequence[VideoCell], item: Item, sound: str) -> ComparisonClip | None:
    if not sound:
        return next((cell.clip for cell in cells if cell.clip is not None and cell.clip.audio), None)
    clip = item.clip(sound)
    if clip is None or not clip.audio:
        what = Message("curves.the_reference") if sound == REFERENCE else sound
        raise ConfigError("montage.no_sound", what=what, item=item.name)
    return clip
