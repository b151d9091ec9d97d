"""The face on frames that lie between two that were looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np

from lipsync.faces.tracking.crop import Pose, pose_from_points
from lipsync.faces.tracking.detection import Detection, FacePoints, detection

# How far points may lie from a uniform motion, on average; the landmarker's own noise is larger.
STEADY = 0.002  # sides of the face's square


def filled(
    detections: Iterable[Detection], look: Callable[[np.ndarray, Pose], FacePoints | None]
) -> Iterator[Detection]:
    """The same stream, with the face on single frames that were passed over between two looks.

    It is interpolated where the last three looks show that it moves steadily; else the frame is looked at.

    Args:
        look: what is found on a picture near a pose.
    """
    before: Detection | None = None  # the last look
    speed: np.ndarray | None = None  # (478, 2) pixels a frame, up to it
    coming = iter(detections)
    for item in coming:
        if item.passed and before is not None and before.landmarks is not None:
            after = next(coming, None)
            now = _speed(before, after, 2)
            steady = now is not None and speed is not None and _deviation(before, now - speed) < STEADY
            if steady and after is not None:
                yield _halfway(before, after, item)
            else:
                found = look(item.frame.image, _pose(before))
                item = item if found is None else detection(item.frame, found)
                yield item
                before, now = item, _speed(item, after, 1)
            if after is not None:
                yield after
            before, speed = after, now
        else:
            before, speed = item, _speed(before, item, 1)
            yield item


def _speed(before: Detection | None, after: Detection | None, frames: int) -> np.ndarray | None:
    """(478, 2) pixels a frame from one look to another; None where it is unknown."""
    if before is None or after is None or after.new or before.landmarks is None or after.landmarks is None:
        return None
    return (after.landmarks - before.landmarks) / frames


def _pose(found: Detection) -> Pose:
    assert found.points is not None
    return pose_from_points(found.points)


def _deviation(before: Detection, change: np.ndarray) -> float:
    """Sides by which points lie off the middle between two looks, two frames apart, on average.

    Args:
        change: (478, 2) of their speed; where it is steady the points lie a quarter of it off.
    """
    return float(np.linalg.norm(change, axis=1).mean() / 4 / _pose(before).side)


def _halfway(before: Detection, after: Detection, passed: Detection) -> Detection:
    """The face on the frame between two looks."""
    middle = _between(before, after, 0.5, passed)
    if before.blendshapes is None or after.blendshapes is None:
        return middle
    return replace(middle, blendshapes=(before.blendshapes + after.blendshapes) / 2)


def bridge(detections: Iterable[Detection], longest: int) -> Iterator[Detection]:
    """The same stream, where at most ``longest`` frames without a find between two are interpolated."""
    before: Detection | None = None  # the last find, if the frames since then may be bridged
    open_: list[Detection] = []
    for item in detections:
        if item.points is None and before is not None:
            open_.append(item)
            if len(open_) > longest:
                yield from open_
                before, open_ = None, []
            continue
        if item.points is not None:
            if open_ and before is not None and not item.new:
                open_ = [_between(before, item, i / (len(open_) + 1), gap) for i, gap in enumerate(open_, 1)]
            yield from open_
            before, open_ = item, []
        yield item
    yield from open_


def _between(before: Detection, after: Detection, share: float, gap: Detection) -> Detection:
    """The find on a frame without one, ``share`` of the way from the find before to the one after."""
    assert before.points is not None
    assert after.points is not None
    points = before.points + share * (after.points - before.points)
    landmarks = None
    if before.landmarks is not None and after.landmarks is not None:
        landmarks = (before.landmarks + share * (after.landmarks - before.landmarks)).astype(np.float32)
    return replace(gap, points=points, landmarks=landmarks, new=False)
