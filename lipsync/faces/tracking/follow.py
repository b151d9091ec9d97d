"""One face from frame to frame: where it is looked for, and when it counts as lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from lipsync.faces.tracking.between import filled
from lipsync.faces.tracking.choose import Choice, pauses
from lipsync.faces.tracking.crop import Pose, crop_face, crop_matrix, pose_from_points, transform_points
from lipsync.faces.tracking.detect import Face, FaceDetector
from lipsync.faces.tracking.detection import Detection, FacePoints, detection
from lipsync.faces.tracking.landmarks import Landmarker, five_points
from lipsync.media import Frame

WINDOW, MARGIN = 256, 1.6  # pixels and sides of the face square: what the landmarker sees
COARSE_WINDOW, COARSE_MARGIN, COARSE_FACE = 144, 1.6, 40  # the same for MTCNN
JUMP = 0.4  # sides that a face does not move within one frame
GROWTH = 1.4  # nor does its size change by this factor
LOYAL = 2.0  # s for which only a face near the place of the lost one counts as the same
CUT = 0.5  # correlation of two small grey pictures below which they are two shots
CHANGED = 0.9  # the same, below which they may be: where people can be told apart it is better to look
LOST = 0.2  # s without a find after which a face comes in anew
ENTERED = 0.12  # sides of the square that lie between eyes or mouth and the border, once a face has come in
ENTERING = 0.4  # s after which a face that begins nearer to the border is drawn too: it fills the picture
MEMORY = 16_384  # frames whose result is kept for playing backwards: 64 MB


@dataclass(frozen=True)
class Strides:
    """Frames from one look to the next at a face that is followed."""

    fine: int  # with the landmarker
    coarse: int  # with five points


class Follower:
    """Follows the chosen face. One run through one video at a time; not for several threads.

    Where the landmarker is missing or fails, it looks less often, with the slower MTCNN, and leaves the other
    frames open.
    """

    def __init__(
        self,
        landmarker: Path | None,
        rate: float,
        choose: Choice,
        strides: Strides,
        blendshapes: bool = False,
    ) -> None:
        self.faces_seen = 0  # in the first frame that shows any
        self.cuts = 0
        self._rate = rate
        self._choose = choose
        self._strides = strides
        self._landmarker = None if landmarker is None else Landmarker(landmarker, blendshapes)
        self._several = choose.who is not None and choose.who.several
        self._detect = FaceDetector()
        self._near = FaceDetector(((COARSE_WINDOW, COARSE_FACE),), turned=False)
        self._known: dict[int, FacePoints | None] = {}
        self._last: Pose | None = None  # of the last find
        self._others: list[np.ndarray] = []  # (2,) places of the faces that are not the chosen one
        self._last_time = 0.0  # s
        self._coarse = True  # the last find has five points
        self._cut = False  # since the last find

    def follow(self, frames: Iterable[Frame]) -> Iterator[Detection]:
        """What is found on every frame, in order; a face that is not inside the picture is none."""
        found = self._find(frames)
        return inside(found if self._strides.fine == 1 else filled(found, self._nearby), self._rate)

    def _find(self, frames: Iterable[Frame]) -> Iterator[Detection]:
        """What is found on every frame, in order.

        While no face is in hand, frames wait for the next look (at most half a second, at most 200
        MB) so that they can be filled in backwards from the frame where it appears.
        """
        waiting: list[Frame] = []
        in_hand, looked, due = False, 0, 0
        waits = pauses(self._rate)
        for count, (frame, cut, ends) in enumerate(shots(frames, CHANGED if self._several else CUT)):
            self._cut |= cut
            if cut:
                self.cuts += 1
                yield from map(Detection, waiting)
                waiting, in_hand, due = [], False, count
            known = frame.index in self._known
            stride = self._strides.coarse if self._coarse else self._strides.fine
            if in_hand and not known and not ends and count - looked < stride:
                yield Detection(frame, passed=True)
                continue
            if not in_hand and not known and not ends and count < due:
                waiting.append(frame)
                if len(waiting) * frame.image.nbytes > 200e6:
                    yield Detection(waiting.pop(0))
                continue
            looked = count
            previous, shot = self._last, self._cut
            find = self._look(frame, in_hand)
            if find is None:
                yield from map(Detection, waiting)
                waiting = []
                waits = pauses(self._rate) if in_hand else waits
                # A face that was just there is looked for on the next frame too: it may have blinked.
                due = count + (1 if in_hand else next(waits))
                in_hand = False
                yield Detection(frame)
                continue
            new = shot or previous is None or _jumped(previous, find.pose)
            backwards = self._fill_in(waiting, find) if waiting else []
            found = [*backwards, detection(frame, find)]
            waiting = []
            first = next(i for i, each in enumerate(found) if each.points is not None)
            for i, each in enumerate(found):
                yield replace(each, new=new and i == first)
            in_hand = True
        yield from map(Detection, waiting)

    def close(self) -> None:
        if self._landmarker is not None:
            self._landmarker.close()

    def _look(self, frame: Frame, in_hand: bool) -> FacePoints | None:
        """The chosen face on this frame, looked for near its last place first."""
        if frame.index in self._known:
            find = self._known[frame.index]
        else:
            find = self._nearby(frame.image, self._last) if in_hand and self._last is not None else None
            find = find or self._anywhere(frame)
            self._remember(frame, find)
        if find is not None:
            self._last, self._last_time, self._cut = find.pose, frame.time, False
            self._coarse = find.landmarks is None
        return find

    def _remember(self, frame: Frame, find: FacePoints | None) -> None:
        if len(self._known) < MEMORY:
            self._known[frame.index] = find

    def _nearby(self, image: np.ndarray, pose: Pose) -> FacePoints | None:
        """The face in a window around ``pose``, unless it is too far from it to be the same."""
        find = self._landmarks(image, pose) or self._five_points(image, pose)
        return None if find is None or _jumped(pose, find.pose) else find

    def _landmarks(self, image: np.ndarray, pose: Pose) -> FacePoints | None:
        if self._landmarker is None:
            return None
        matrix = crop_matrix(pose, WINDOW, MARGIN)
        found = self._landmarker(crop_face(image, matrix, WINDOW))
        if found is None:
            return None
        points = transform_points(found.points.astype(np.float64), cv2.invertAffineTransform(matrix))
        return FacePoints(five_points(points), points.astype(np.float32), found.blendshapes)

    def _five_points(self, image: np.ndarray, pose: Pose) -> FacePoints | None:
        matrix = crop_matrix(pose, COARSE_WINDOW, COARSE_MARGIN)
        faces = self._near(crop_face(image, matrix, COARSE_WINDOW))
        if not faces:
            return None
        inverse = cv2.invertAffineTransform(matrix)
        finds = [FacePoints(transform_points(face.points, inverse), None) for face in faces]
        return min(finds, key=lambda find: float(np.linalg.norm(find.pose.centre - pose.centre)))

    def _anywhere(self, frame: Frame) -> FacePoints | None:
        """The chosen face after a search of the whole picture; the others are noted."""
        faces = self._detect(frame.image)
        if not faces:
            return None
        self.faces_seen = self.faces_seen or len(faces)
        poses = [pose_from_points(face.points) for face in faces]
        chosen = self._chosen(frame, faces, poses)
        if chosen is None:
            self._others = [pose.centre for pose in poses]
            return None
        self._others = [pose.centre for i, pose in enumerate(poses) if i != chosen]
        coarse = FacePoints(faces[chosen].points, None)
        fine = self._landmarks(frame.image, poses[chosen])
        # In a window with two faces the landmarker may take the other one.
        return coarse if fine is None or _jumped(poses[chosen], fine.pose) else fine

    def _chosen(self, frame: Frame, faces: list[Face], poses: list[Pose]) -> int | None:
        """The number of the chosen face among those found, or None when all of them are other people."""
        who = self._choose.who
        if self._last is None and (who is None or not self._choose.largest):
            return next(i for i, face in enumerate(faces) if face is self._choose.pick(faces))
        if who is not None:
            likeness = who.likeness(frame.image, [face.points for face in faces])
            return int(np.argmax(likeness)) if likeness.max() > 0 else None
        if self._cut:
            return self._after_cut([face.area for face in faces], poses)
        return self._again(poses, frame.time)

    def _after_cut(self, areas: list[float], poses: list[Pose]) -> int:
        """After a cut faces cannot be matched: the largest face, or the nearest where one was chosen."""
        if self._last is None or self._choose.largest:
            return int(np.argmax(areas))
        place = self._last.centre
        return int(np.argmin([np.linalg.norm(pose.centre - place) for pose in poses]))

    def _again(self, poses: list[Pose], time: float) -> int | None:
        """The lost face among those found now, or None when all of them are other people.

        For ``LOYAL`` seconds it must be about where it was; later anywhere, but nearer to its own
        last place than to that of any other face that was seen. So nobody takes the place of
        someone who turns away.
        """
        last = self._last
        assert last is not None
        recent = abs(time - self._last_time) <= LOYAL
        own = [float(np.linalg.norm(pose.centre - last.centre)) for pose in poses]
        for i in np.argsort(own):
            pose = poses[i]
            ratio = float(pose.side / last.side)
            if recent and (own[i] > 0.8 * last.side or not 1 / 2 < ratio < 2):
                continue
            if all(own[i] <= np.linalg.norm(pose.centre - other) for other in self._others):
                return int(i)
        return None

    def _fill_in(self, frames: list[Frame], find: FacePoints) -> list[Detection]:
        """What the frames before ``find`` show, followed backwards until the face is not there."""
        detections: list[Detection] = []
        here: FacePoints | None = find
        for frame in reversed(frames):
            if here is not None:
                here = self._nearby(frame.image, here.pose)
                self._remember(frame, here)
            detections.append(Detection(frame) if here is None else detection(frame, here))
        return detections[::-1]


def inside(detections: Iterable[Detection], rate: float) -> Iterator[Detection]:
    """The same stream without faces of which eyes, nose or mouth lie outside the picture.

    A face that comes in counts once they are ``ENTERED`` sides inside: before that, landmarks are guessed.
    """
    age, missing = 0, rate  # frames since the face came, and since it was there
    entered, new = False, True
    for item in detections:
        if item.points is None:
            missing += 1
            yield item
            continue
        if item.new or missing > LOST * rate:
            age, entered = 0, False
        age, missing, new = age + 1, 0, new or item.new
        entered = entered or age > ENTERING * rate or _inside(item, ENTERED)
        if entered and _inside(item, 0.0):
            yield replace(item, new=new)
            new = False
        else:
            yield Detection(item.frame)


def _inside(item: Detection, margin: float) -> bool:
    """Whether eyes, nose and mouth lie in the picture, so many sides of the face's square from its border."""
    assert item.points is not None
    height, width = item.frame.image.shape[:2]
    free = margin * float(pose_from_points(item.points).side)
    low, high = item.points.min(0), item.points.max(0)
    return bool((low >= free).all() and high[0] <= width - 1 - free and high[1] <= height - 1 - free)


def _jumped(before: Pose, now: Pose) -> bool:
    """True if a face cannot have moved like this from one frame to the next."""
    ratio = float(now.side / before.side)
    moved = float(np.linalg.norm(now.centre - before.centre))
    return moved > JUMP * float(before.side) or not 1 / GROWTH < ratio < GROWTH


def shots(frames: Iterable[Frame], alike: float) -> Iterator[tuple[Frame, bool, bool]]:
    """Each frame, whether it begins another shot, and whether it is the last one of its shot.

    Small grey pictures that correlate by less than ``alike`` are of two shots.
    """
    held: tuple[Frame, bool, np.ndarray] | None = None
    for frame in frames:
        thumbnail = _thumbnail(frame.image)
        cut = held is not None and _is_cut(held[2], thumbnail, alike)
        if held is not None:
            yield held[0], held[1], cut
        held = frame, cut, thumbnail
    if held is not None:
        yield held[0], held[1], True


def _thumbnail(image: np.ndarray) -> np.ndarray:
    """About 48 x 48 grey samples of a picture, without reading the rest of it."""
    height, width = image.shape[:2]
    return image[:: max(1, height // 48), :: max(1, width // 48), 1].astype(np.float32)


def _is_cut(before: np.ndarray, now: np.ndarray, alike: float) -> bool:
    """True if two thumbnails correlate by less than ``alike``, whatever their brightness."""
    if before.shape != now.shape:
        return True
    a, b = before - before.mean(), now - now.mean()
    power = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return power > 0 and float((a * b).sum()) < alike * power
