"""One smooth pose per frame, from a stream of frames, with a bounded look into the future."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np

from lipsync.faces.tracking.between import bridge
from lipsync.faces.tracking.choose import Choice
from lipsync.faces.tracking.crop import Pose, pose_from_points, smooth_pose
from lipsync.faces.tracking.detection import Detection, FacePoints
from lipsync.faces.tracking.follow import Follower, Strides
from lipsync.media import Frame

LOOKAHEAD = 0.6  # s to each side that smooth_pose looks: 2.5 of its widest sigma
GAP = 0.2  # s without a find that are bridged inside a track
BUFFER = 192e6  # bytes of frames that wait for their future


@dataclass(frozen=True)
class Tracked:
    """A frame and the face on it. Pixels of the frame."""

    frame: Frame
    pose: Pose | None  # smoothed, of one frame; None: no face
    landmarks: np.ndarray | None = None  # (478, 2) float32, not smoothed; None: coarse or no face
    points: np.ndarray | None = None  # (5, 2) float64, not smoothed
    blendshapes: np.ndarray | None = None  # (52,) float32 in 0..1, where asked for; not interpolated
    new: bool = False  # the first frame of a track

    @property
    def measured(self) -> FacePoints | None:
        """The face without its picture; None: no face."""
        return None if self.points is None else FacePoints(self.points, self.landmarks, self.blendshapes)


class FaceTracker:
    """Tracks the chosen face through a video of any length in bounded memory.

    Poses equal :func:`~lipsync.faces.tracking.crop.smooth_pose` over each whole unbroken track, except where
    fewer than 0.6 s of frames fit in ``BUFFER`` bytes or ``lookahead`` is shorter: then the last
    known pose stands for the future. Gaps up to 0.2 s are interpolated; longer ones are frames
    without a face. A cut or a jump begins a new track, across which nothing is smoothed.

    Args:
        landmarker: the ``face_landmarker`` artefact; None works on MTCNN's five points alone.
        rate: frames per second.
        choose: which face, when there are several.
        lookahead: seconds of future frames that are held for smoothing.
        blendshapes: whether the landmarker also gives expression coefficients.
        every: frames from one look to the next while the face moves little; between them it is interpolated.
    """

    def __init__(
        self,
        landmarker: Path | None,
        rate: float,
        choose: Choice | None = None,
        lookahead: float = LOOKAHEAD,
        blendshapes: bool = False,
        every: int = 1,
    ) -> None:
        self._rate = rate
        self._gap = round(GAP * rate)
        self._lookahead = ceil(lookahead * rate)
        self._history = ceil(LOOKAHEAD * rate) + 1
        strides = Strides(fine=every, coarse=max(1, self._gap - 1))
        self._follower = Follower(landmarker, rate, choose or Choice(), strides, blendshapes)
        self.coarse = landmarker is None  # True: five points instead of 478, not on every frame

    @property
    def faces_seen(self) -> int:
        """Faces on the first frame that shows any; 0 before that."""
        return self._follower.faces_seen

    @property
    def cuts(self) -> int:
        """How many cuts there were so far."""
        return self._follower.cuts

    def track(self, frames: Iterable[Frame]) -> Iterator[Tracked]:
        """Every frame, in order, with its face; one frame more than the look-ahead is held.

        Results are kept by ``Frame.index``: a video that plays back and forth is tracked once.

        Raises:
            FaceError: the face asked for is not on the first frame that shows any.
        """
        return self.smooth(self._follower.follow(frames))

    def smooth(self, detections: Iterable[Detection]) -> Iterator[Tracked]:
        """The second half of :meth:`track`: gaps bridged, poses smoothed."""
        past: deque[Pose] = deque(maxlen=self._history)  # raw poses of this track, already given out
        waiting: deque[tuple[Detection, Pose]] = deque()
        for item in bridge(detections, self._gap):
            if item.points is None or item.new:
                while waiting:
                    yield self._next(past, waiting)
                past.clear()
            if item.points is None:
                yield Tracked(item.frame, None)
                continue
            waiting.append((item, pose_from_points(item.points)))
            room = max(1, int(BUFFER // max(1, item.frame.image.nbytes)))
            while len(waiting) > min(self._lookahead, room):
                yield self._next(past, waiting)
        while waiting:
            yield self._next(past, waiting)

    def close(self) -> None:
        """Let go of the networks."""
        self._follower.close()

    def _next(self, past: deque[Pose], waiting: deque[tuple[Detection, Pose]]) -> Tracked:
        """The oldest waiting frame, smoothed with what is known around it."""
        around = [*past, *(pose for _, pose in waiting)]
        track = Pose(
            np.stack([pose.centre for pose in around]),
            np.array([pose.side for pose in around]),
            np.array([pose.angle for pose in around]),
        )
        pose = smooth_pose(track, self._rate)[len(past)]
        detection, raw = waiting.popleft()
        first = not past
        past.append(raw)
        return Tracked(
            detection.frame, pose, detection.landmarks, detection.points, detection.blendshapes, first
        )
