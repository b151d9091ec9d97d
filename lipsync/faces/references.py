"""Reference frames: which pictures of a person show a network the shapes of their mouth.

The patent's figure of the strategy is lost. Here both strategies cut the usable frames of a clip into as
many groups as references are wanted, from the most closed mouths to the most open ones. Training draws
one frame at random from each group, away from the frame to draw; use takes the sharpest of each. So
reference k means the same to the network both times: k = 0 closed, the last one open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from lipsync.faces.covers import uncovered
from lipsync.faces.exposure import grey_levels
from lipsync.faces.tracking.choose import Choice
from lipsync.faces.tracking.face_view import FaceView, views
from lipsync.faces.tracking.landmarks import NOSE_TIP, five_points, mouth_opening
from lipsync.faces.tracking.track import FaceTracker, Tracked
from lipsync.file_cache import cached_per_file
from lipsync.media import WHOLE, TimeRange
from lipsync.media.overview import AHEAD, overview, overview_rate
from lipsync.stream import background

CHEEK_LEFT, CHEEK_RIGHT = 234, 454  # the landmarker's outermost points of the face in the picture
PROFILE = 0.6  # turn beyond which one half of the mouth is hardly seen: about 35 degrees
BLURRED = 0.5  # share of the clip's usual sharpness below which a frame counts as blurred
SIDE = 96  # pixels of the crop on which sharpness is measured, whatever the network's size
EXPOSED = 1.4  # factor between the clip's usual brightness and that of a frame in a fade or a flash


@dataclass(frozen=True)
class Look:
    """What decides whether a frame is a good reference."""

    opening: (
        float  # inner-lip gap in inter-ocular distances (``lipsync.faces.tracking.landmarks.mouth_opening``)
    )
    sharpness: float  # see ``laplacian_variance``; comparable within one clip
    turn: float  # see ``turn``
    brightness: float = 128.0  # mean grey level of the upper face


def turn(landmarks: np.ndarray) -> np.ndarray:
    """(...,) how far a face is turned to a side, -1..1, of (..., 478, 2) landmarks; 0 is frontal.

    The difference of the distances from the tip of the nose to both outlines of the face over their
    sum, along the line of the eyes.
    """
    five = five_points(landmarks)
    across = five[..., 1, :] - five[..., 0, :]
    across = across / np.linalg.norm(across, axis=-1, keepdims=True)
    nose = landmarks[..., NOSE_TIP, :]
    left = ((nose - landmarks[..., CHEEK_LEFT, :]) * across).sum(-1)
    right = ((landmarks[..., CHEEK_RIGHT, :] - nose) * across).sum(-1)
    return (left - right) / np.maximum(np.abs(left) + np.abs(right), 1e-6)


def laplacian_variance(crop: np.ndarray) -> float:
    """Variance of the Laplacian of a (S, S, 3) uint8 face crop, between the eyes' height and the chin.

    Grey levels, at 96 pixels a side. What is blurred by motion or focus has little of it.
    """
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    if len(grey) != SIDE:
        how = cv2.INTER_AREA if len(grey) > SIDE else cv2.INTER_LINEAR
        grey = cv2.resize(grey, (SIDE, SIDE), interpolation=how)
    face = grey[SIDE // 5 : -SIDE // 12, SIDE // 6 : -SIDE // 6]
    return float(cv2.Laplacian(face, cv2.CV_32F).var())


def usable(looks: Sequence[Look]) -> np.ndarray:
    """(K,) indices of the frames that are neither in a fade, nor in profile, nor blurred; at least one.

    All is meant against the clip itself: a dark room or a soft camera is no reason to refuse all of it. The
    usual brightness is the upper quartile, as fades are from and to black, and flashes are short.
    """
    sharp = np.array([look.sharpness for look in looks])
    side = np.abs([look.turn for look in looks])
    bright = np.array([look.brightness for look in looks])
    usual = max(np.percentile(bright, 75, method="nearest"), 1.0)
    exposed = np.flatnonzero((bright >= usual / EXPOSED) & (bright <= usual * EXPOSED))
    frontal = exposed[side[exposed] <= PROFILE]
    if not len(frontal):  # the least turned third
        frontal = exposed[np.argsort(side[exposed], kind="stable")[: max(1, len(exposed) // 3)]]
    return frontal[sharp[frontal] >= BLURRED * np.median(sharp[frontal])]


def choose_for_use(looks: Sequence[Look], count: int) -> list[int]:
    """``count`` frames from closed to open mouths: the sharpest of each group.

    Of the group with the most closed mouths only its most closed third counts: the first reference shows how
    the lips rest. One reference is the sharpest of the middle third: neither pressed shut nor at its widest.

    Args:
        looks: of the frames of a clip; at least one.
        count: R. With fewer usable frames some come twice.
    """
    openings = np.array([look.opening for look in looks])
    groups = _groups(usable(looks), openings, 3 if count == 1 else count)
    if count == 1:
        groups = groups[1:2]
    else:
        groups[0] = groups[0][: -(-len(groups[0]) // 3)]
    sharp = np.array([look.sharpness for look in looks])
    return [int(group[np.argmax(sharp[group])]) for group in groups]


def choose_for_training(
    openings: np.ndarray,
    frames: np.ndarray,
    count: int,
    apart: int,
    rng: np.random.Generator,
    allowed: np.ndarray | None = None,
) -> np.ndarray:
    """(count,) frames from closed to open mouths: one at random of each group, away from ``frames``.

    Args:
        openings: (T,) inner-lip gap of every frame of the clip.
        frames: (B,) frames that are to be drawn; a reference must not show them.
        count: R.
        apart: frames that lie between a reference and any of ``frames``, at least. In a clip too short
            for that, the frames farthest away serve.
        rng: draws.
        allowed: (K,) frames that may serve, as ``usable`` gives them; None: all.
    """
    every = np.arange(len(openings)) if allowed is None else np.asarray(allowed)
    distance = np.abs(every[:, None] - np.asarray(frames)[None]).min(1)  # (K,)
    free = every[distance >= apart]
    if len(free) < count:
        free = every[np.argsort(-distance, kind="stable")[:count]]
    return np.array([rng.choice(group) for group in _groups(free, np.asarray(openings), count)])


def _groups(frames: np.ndarray, openings: np.ndarray, count: int) -> list[np.ndarray]:
    """``count`` groups of frames with about equally many members, from closed to open, none empty."""
    order = frames[np.argsort(openings[frames], kind="stable")]
    if len(order) < count:
        order = order[np.arange(count) * len(order) // count]
    return np.array_split(order, count)


@dataclass(frozen=True)
class Reference:
    """A chosen frame."""

    view: FaceView
    time: float  # s in the source
    box: tuple[int, int, int, int]  # of the face on the picture: x0, y0, x1, y1, pixels


def choose(found: Sequence[tuple[Tracked, FaceView]], count: int) -> list[Reference]:
    """``count`` references among tracked faces, at least one of them, as ``choose_for_use`` ranks them.

    Faces with something before them do not serve where there are others. Without landmarks on all of them
    nothing is known of the mouths: then the groups are of time.
    """
    clear = uncovered([item for item, _ in found])
    found = [found[index] for index in clear] or found
    known = [view.landmarks for _, view in found if view.landmarks is not None]
    if len(known) == len(found):
        points = np.stack(known)
        openings, turns = mouth_opening(points), turn(points)
    else:
        openings, turns = np.arange(len(found)), np.zeros(len(found))
    sharp = [laplacian_variance(view.crop) for _, view in found]
    bright = [grey_levels(view.crop).mean() for _, view in found]
    looks = [Look(*map(float, values)) for values in zip(openings, sharp, turns, bright, strict=True)]
    return [_reference(*found[index]) for index in choose_for_use(looks, count)]


def _reference(item: Tracked, view: FaceView) -> Reference:
    assert item.pose is not None
    height, width = item.frame.image.shape[:2]
    (x, y), half = item.pose.centre, float(item.pose.side) / 2
    box = (max(0, x - half), max(0, y - half), min(width, x + half), min(height, y + half))
    x0, y0, x1, y1 = (round(float(value)) for value in box)
    return Reference(view, item.frame.time, (x0, y0, x1, y1))


@cached_per_file(8)
def scan(
    path: Path, size: int, count: int, landmarker: Path | None, face: Choice, part: TimeRange = WHOLE
) -> tuple[Reference, ...]:
    """References from a quick look at all of a video before it is worked on.

    Kept per clip: the next speech for the same face finds them there.

    Args:
        path: of the video.
        size: pixels, side of the crops.
        count: R.
        landmarker: the artefact, or None.
        face: which one.
        part: of the video that is looked at.

    Returns:
        ``count`` references, or none where no face is seen.

    Raises:
        FaceError: the face asked for is not on the first frame that shows any.
        MediaError: not a readable video.
    """
    tracker = FaceTracker(landmarker, overview_rate(path, part), face)
    try:
        with background(overview(path, part), AHEAD) as frames:
            tracked = tracker.track(frames)
            found = [(item, view) for item, view in views(tracked, size) if view is not None]
    finally:
        tracker.close()
    return tuple(choose(found, count)) if found else ()
