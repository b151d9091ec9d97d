"""Pictures of a benchmark: mouths of every method beside the real ones, at the same times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from eval.batch.suites.bench_run import BenchRun
from eval.batch.suites.driving import DrivenFace
from eval.compare.clip import ComparisonClip
from eval.compare.index import ComparisonSet, Item
from eval.compare.names import REFERENCE
from eval.compare.pictures.cells import cells_of, origin
from eval.compare.pictures.contact_sheet import FrameStyle, draw_frames
from eval.report.bench.worst_cells import WorstCell
from lipsync.checksum import file_sha256
from lipsync.errors import LipSyncError
from lipsync.media import probe

ITEMS = 4  # with a sheet of all methods
COLUMNS = 6  # of such a sheet
STYLE = FrameStyle(picture=False, mouth=True, widest=150)
QUALITY = 85  # of a JPEG
CACHE = "pictures"  # folder of what is known of the videos' mouths


@dataclass(frozen=True)
class BenchPictures:
    """JPEG files as bytes.

    Attributes:
        sheets: of the first items that every method has, all methods; faces and languages take turns.
        worst: method to one for each of its worst cells; None where the video cannot be shown.
    """

    sheets: Mapping[str, bytes]
    worst: Mapping[str, Sequence[bytes | None]]


def bench_pictures(run: BenchRun, worst: Mapping[str, Sequence[WorstCell]], real: str) -> BenchPictures:
    """All pictures of a report.

    Args:
        worst: cells of every method.
        real: what the row of the real video is called.
    """
    shown = _Mouths(run, real)
    names = [method.name for method in run.methods]
    count = {face.item: sum((face.item, name) in run.videos for name in names) for face in run.faces}
    first = sorted(_by_turns(run.faces), key=lambda item: -count[item])[:ITEMS]
    return BenchPictures(
        {item: picture for item in first if (picture := shown.sheet(item, names)) is not None},
        {
            name: [shown.sheet(cell.item, [name], cell.times) for cell in cells]
            for name, cells in worst.items()
        },
    )


def _by_turns(faces: Sequence[DrivenFace]) -> list[str]:
    """The items: first another face, and not the same one with another sound; languages take turns."""
    people: Counter[Path] = Counter()
    languages: Counter[str] = Counter()
    turn = {}
    for face in faces:
        turn[face.item] = people[face.face], languages[face.language]
        people[face.face] += 1
        languages[face.language] += 1
    return sorted(turn, key=lambda item: turn[item])


class _Mouths:
    """Draws mouths of a run's videos, each file looked at once."""

    def __init__(self, run: BenchRun, real: str) -> None:
        self._run, self._real = run, real
        self._faces = {face.item: face for face in run.faces}
        self._clip = cache(_clip)

    def sheet(self, item: str, methods: Sequence[str], times: Sequence[float] = ()) -> bytes | None:
        """A row for the real mouth, where there is one, and for each method; None without a face."""
        reference = self._faces[item].reference
        try:
            real = self._clip(reference) if reference is not None else None
            videos = {name: self._run.videos.get((item, name)) for name in methods}
            clips = {name: self._clip(path) for name, path in videos.items() if path is not None}
            if not clips:
                return None
            first = real or next(iter(clips.values()))
            shortest = min(clip.seconds for clip in (first, *clips.values()))
            if not times:
                times = [shortest * (place + 0.5) / COLUMNS for place in range(COLUMNS)]
            last = max(0, round(first.seconds * first.fps) - 1)
            frames = sorted({min(last, round(time * first.fps)) for time in times})
            set_ = _set(self._run, Item(item, item, real, clips))
            lanes = [*([REFERENCE] if real else []), *clips]
            cells = cells_of(set_, set_.items[0], lanes, {REFERENCE: self._real})
            style = replace(STYLE, picture=self._run.suite.region == "full")
            picture = draw_frames(set_, set_.items[0], frames, cells, style)
        except (
            LipSyncError,
            OSError,
        ):  # a video without a face, or that cannot be read, has no mouth to show
            return None
        return _jpeg(picture, origin(cells).get("comment", ""))


def _set(run: BenchRun, item: Item) -> ComparisonSet:
    """A set of one item, for what draws sets; its folder remembers where the mouths are."""
    folder = run.folder / CACHE
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    return ComparisonSet(run.suite.name, run.suite.title, folder, tuple(item.clips), (item,), now, now)


def _clip(path: Path) -> ComparisonClip:
    info = probe(path)
    return ComparisonClip(
        path, info.duration, info.fps, info.width, info.height, info.has_audio, file_sha256(path), False, path
    )


def _jpeg(picture: np.ndarray, comment: str) -> bytes:
    packed = BytesIO()
    Image.fromarray(picture).save(packed, "JPEG", quality=QUALITY, comment=comment.encode())
    return packed.getvalue()
