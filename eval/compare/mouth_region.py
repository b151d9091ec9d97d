"""Where to look: one region around the mouth over time, the same for all videos of an item."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from eval.compare import set_cache
from eval.compare.index import ComparisonSet, Item
from eval.scoring.pair import face_square
from eval.scoring.protocol import FPS, REGION_SIZE
from lipsync.errors import FaceError
from lipsync.faces.tracking.track import FaceTracker
from lipsync.media import read_frames
from lipsync.weights import hub

VERSION = 2
# (x0, y0, x1, y1) in the 256-pixel face region: as wide as the mouth region of the protocol, 4:3, lips in
# the middle (they lay within x 73-182, y 126-216 on 275 frames of 60 clips).
REGION = (64, 122, 192, 218)
ASPECT = (REGION[2] - REGION[0]) / (REGION[3] - REGION[1])  # width / height in pixels
STILL = 0.25  # s, sigma: the place follows the head, not the jitter of the track
AT_ONCE = 0.05  # s, sigma: in single pictures nothing jitters, but a head that nods is elsewhere 0.25 s later
STEADY = 1.0  # s, sigma: the size changes only as fast as somebody walks towards the camera
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class MouthTrack:
    """A region over time, relative to the picture: 0 is its left or upper edge, 1 the other one.

    Attributes:
        fps: boxes per second, the first one at time 0.
        boxes: (x0, y0, x1, y1) each, inside the picture; 4:3 in pixels of the video that was tracked.
    """

    fps: float
    boxes: tuple[tuple[float, float, float, float], ...]

    def at(self, seconds: float) -> tuple[float, float, float, float]:
        """The box at a time; the first and last box hold outside their range."""
        return self.boxes[min(max(0, round(seconds * self.fps)), len(self.boxes) - 1)]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for the browser."""
        return {"fps": self.fps, "boxes": [list(box) for box in self.boxes]}


def mouth_track(
    set_: ComparisonSet, item: Item, report: Report | None = None, *, pictures: bool = False
) -> MouthTrack:
    """The mouth region of an item, from its reference, else from a video with a face, whichever method's.

    Args:
        report: called with (frames done, frames expected).
        pictures: for single pictures, in which the mouth has to be in the middle; else it moves calmly, for
            a video.

    Raises:
        FaceError: there is no face in any of its videos.
    """
    landmarker = hub.locate("face_landmarker")
    for clip in item.videos:
        path = set_cache.place(set_, "mouth", ".json", VERSION, clip.sha256, landmarker is None)
        make = partial(_boxes, clip.source, round(clip.seconds * FPS), landmarker, report)
        boxes = set_cache.remembered(path, make)["pictures" if pictures else "boxes"]
        if boxes:
            return MouthTrack(FPS, tuple(tuple(box) for box in boxes))
    raise FaceError("curves.no_mouth", item=item.name)


def _boxes(path: Path, total: int, landmarker: Path | None, report: Report | None) -> dict[str, Any]:
    """Relative ``boxes`` and those of single ``pictures``, at 25 per second; none where there is no face."""
    squares: list[np.ndarray | None] = []
    starts: list[int] = []
    size = (1, 1)
    tracker = FaceTracker(landmarker, FPS)
    try:
        for item in tracker.track(read_frames(path, fps=FPS)):
            size = item.frame.image.shape[1], item.frame.image.shape[0]
            if item.new:
                starts.append(len(squares))
            squares.append(None if item.pose is None else face_square(item.pose))
            if report is not None:
                report(len(squares), max(total, len(squares)))
    finally:
        tracker.close()
    if all(square is None for square in squares):
        return {"boxes": [], "pictures": []}
    return {
        name: smooth(squares, starts, size, still).round(5).tolist()
        for name, still in (("boxes", STILL), ("pictures", AT_ONCE))
    }


def smooth(
    squares: list[np.ndarray | None], starts: list[int], size: tuple[int, int], still: float = STILL
) -> np.ndarray:
    """(T, 4) mouth boxes, relative and inside the picture, of face squares that may be missing.

    Args:
        squares: (x0, y0, x1, y1) pixels at 25 per second, None without a face.
        starts: where a track begins after a cut; nothing is smoothed across.
        size: width and height in pixels.
        still: s, sigma of the place.
    """
    known = np.array([index for index, square in enumerate(squares) if square is not None])
    found = np.stack([squares[index] for index in known])  # type: ignore[misc]
    side = found[:, 2] - found[:, 0]
    x0, y0, x1, y1 = (edge / REGION_SIZE for edge in REGION)
    place = found[:, :2] + side[:, None] * [(x0 + x1) / 2, (y0 + y1) / 2]
    parts = np.split(np.arange(len(known)), np.searchsorted(known, [start for start in starts if start]))
    values = np.column_stack([place, side])
    for part in parts:
        if len(part):
            values[part, :2] = gaussian_filter1d(values[part, :2], still * FPS, axis=0, mode="nearest")
            values[part, 2] = gaussian_filter1d(values[part, 2], STEADY * FPS, mode="nearest")
    time = np.arange(len(squares))
    # Across a cut the nearest known value stands; inside a shot a gap is bridged straight.
    filled = np.column_stack([np.interp(time, known, column) for column in values.T])
    half = filled[:, 2, None] * [(x1 - x0) / 2, (y1 - y0) / 2]
    half *= np.minimum(1.0, (np.array(size) / 2 / half).min(axis=1, keepdims=True))
    centre = np.clip(filled[:, :2], half, np.array(size) - half)
    return np.concatenate([centre - half, centre + half], axis=1) / np.tile(size, 2)
