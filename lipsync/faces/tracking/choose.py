"""Which of several faces is meant, and the picture on which a person decides it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from lipsync.errors import FaceError
from lipsync.faces.tracking.detect import Face, FaceDetector
from lipsync.media import WHOLE, TimeRange, probe, read_frames
from lipsync.media.photo import reduced

SEARCH = 60.0  # s of a video that are searched for a first face
COLOUR = (255, 176, 0)


class Who(Protocol):
    """A person who is known by their face, and told apart from others."""

    several: bool  # whether there are others in the video

    def likeness(self, image: np.ndarray, points: Sequence[np.ndarray]) -> np.ndarray:
        """(N,) how much each face, (5, 2) points of a picture, is like this person; below 0: another."""
        ...


@dataclass(frozen=True)
class Choice:
    """The face to follow: on the first frame that shows any by number, by place, or the largest; or a person.

    ``lipsync.faces.speakers.who_speaks`` finds out who is meant; where that is known, others are passed over.
    """

    index: int | None = None  # counted from the left, from 0
    point: tuple[float, float] | None = None  # x, y, pixels of the upright picture
    person: int | None = None  # counted from 1, the largest over the whole video
    who: Who | None = None

    @property
    def largest(self) -> bool:
        """Whether no face of the first frame with any is asked for."""
        return self.index is None and self.point is None

    def pick(self, faces: Sequence[Face]) -> Face:
        """The one that is meant of at least one face, ordered from left to right.

        Raises:
            FaceError: there is no face of that number or near that place.
        """
        if self.index is not None:
            if not 0 <= self.index < len(faces):
                raise FaceError("face.choose", count=len(faces), last=len(faces) - 1)
            return faces[self.index]
        if self.point is not None:
            x, y = self.point
            nearest = min(faces, key=lambda face: _outside(face, x, y))
            if _outside(nearest, x, y) > 0.5:
                raise FaceError("face.none_near", x=x, y=y)
            return nearest
        return max(faces, key=lambda face: face.area)


def _outside(face: Face, x: float, y: float) -> float:
    """How far a point lies outside a face's box, in widths or heights of it; inside it is below 0."""
    x0, y0, x1, y1 = face.box
    across = abs(x - (x0 + x1) / 2) / (x1 - x0)
    down = abs(y - (y0 + y1) / 2) / (y1 - y0)
    return max(across, down) - 0.5


def pauses(rate: float) -> Iterator[int]:
    """Frames to let pass between looks for a face that is not there: 0.16 s at first, later 0.5 s."""
    first, last = max(1, round(0.16 * rate)), max(1, round(0.5 * rate))
    return chain((first, first, first), repeat(last))


def first_faces(
    path: str | Path, detector: FaceDetector | None = None, part: TimeRange = WHOLE
) -> tuple[np.ndarray, list[Face]]:
    """The first frame that shows faces, (H, W, 3) uint8 RGB, and its faces from left to right.

    Looks at the frames at which a :class:`~lipsync.faces.tracking.track.FaceTracker` at
    ``MediaInfo.output_fps`` looks, so numbers and places mean the same to both.

    Args:
        part: of the video that is searched.

    Raises:
        FaceError: no face in the first minute.
        MediaError: not a readable video or photo.
    """
    detector = detector or FaceDetector()
    info = probe(path)
    rate = info.output_fps
    due, waits = round(part.start * rate), pauses(rate)
    seconds = min(SEARCH, part.end - part.start)
    for frame in read_frames(path, rate, max(1, round(seconds * rate)), part.start):
        if frame.index < due:
            continue
        faces = detector(frame.image)
        if faces:
            return frame.image, faces
        due = frame.index + next(waits)
    if info.duration > SEARCH == seconds:
        raise FaceError("face.none_in_first_minute", path=Path(path).name)
    raise FaceError("face.none_in_video", path=Path(path).name)


def faces_in(path: str | Path, detector: FaceDetector | None = None) -> list[Face]:
    """The faces of the first frame that shows any, from left to right: ``Choice.index`` counts these.

    Raises:
        FaceError: no face in the first minute.
        MediaError: not a readable video or photo.
    """
    return first_faces(path, detector)[1]


def preview(
    path: str | Path,
    longest: int = 960,
    detector: FaceDetector | None = None,
    part: TimeRange = WHOLE,
) -> tuple[np.ndarray, np.ndarray]:
    """The first frame with faces, each in a box, numbered from 1 where there are several.

    Returns:
        (H, W, 3) uint8 RGB, at most ``longest`` pixels a side, and the (N, 4) boxes on it from left to
        right: x0, y0, x1, y1.

    Raises:
        FaceError: no face in the first minute.
        MediaError: not a readable video or photo.
    """
    picture, boxes = first_picture(path, longest, detector, part)
    number_faces(picture, boxes)
    return picture, boxes


def first_picture(
    path: str | Path, longest: int = 960, detector: FaceDetector | None = None, part: TimeRange = WHOLE
) -> tuple[np.ndarray, np.ndarray]:
    """The same without anything drawn on it."""
    image, faces = first_faces(path, detector, part)
    small = reduced(image, longest)
    return small, np.stack([face.box for face in faces]) * (small.shape[1] / image.shape[1])


def number_faces(image: np.ndarray, boxes: np.ndarray) -> None:
    """Draw (N, 4) boxes on a (H, W, 3) uint8 picture, numbered from 1 where there are several."""
    line = max(1, round(min(image.shape[:2]) / 240))
    for number, box in enumerate(boxes, 1):
        x0, y0, x1, y1 = (round(float(value)) for value in box)
        cv2.rectangle(image, (x0, y0), (x1, y1), COLOUR, 2 * line)
        if len(boxes) == 1:
            continue
        size = float(np.clip((x1 - x0) / 90, 0.4, 2.0))
        (width, height), _ = cv2.getTextSize(str(number), cv2.FONT_HERSHEY_SIMPLEX, size, 2 * line)
        x, y = max(0, x0), max(0, y0)
        cv2.rectangle(image, (x, y), (x + width + 6 * line, y + height + 6 * line), COLOUR, -1)
        where = (x + 3 * line, y + height + 3 * line)
        cv2.putText(
            image, str(number), where, cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 2 * line, cv2.LINE_AA
        )
