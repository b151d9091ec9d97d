"""Faces in one picture, with five points each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np

from lipsync.media.photo import reduced

# Longest side the picture is reduced to and the smallest face looked for in it (pixels), in order:
# the first pass finds every face of a talking-head video, the others small ones in large pictures.
PASSES = ((640, 36), (1280, 32), (2560, 32))
SMALLEST = 24  # pixels, shortest side of a picture that can hold a face
MIN_SCORE = 0.9  # MTCNN is near certain of real faces; below this it sees them in cloth and foliage
SURE = 0.9995  # score of most faces that stand upright; in one that lies it sees another, less sure one
LYING_PASS = (320, 24)  # as PASSES, for faces that lie
LYING = 0.999  # score of a face that lies, at least: few do
TILTED, SKEWED = 50.0, 40.0  # degrees: a face that lies; mouth and eyes that cannot be of one face
FLAT = 0.45  # eyes to mouth in distances of the eyes, below which it is no face either
DARK = 60  # grey level; a picture of this mean or less is brightened before a second look


@dataclass(frozen=True)
class Face:
    """One face of a picture."""

    box: np.ndarray  # (4,) float64 x0, y0, x1, y1, pixels; may reach over the border
    points: np.ndarray  # (5, 2) float64 pixels: eye, eye, nose tip, mouth corner, mouth corner, left first
    score: float  # 0..1

    @property
    def area(self) -> float:
        """Square pixels of the box."""
        return float((self.box[2] - self.box[0]) * (self.box[3] - self.box[1]))

    @property
    def upright(self) -> bool:
        """Whether eyes and mouth are where an upright face has them."""
        across = self.points[1] - self.points[0]
        down = (self.points[3] + self.points[4] - self.points[0] - self.points[1]) / 2
        tilt = np.degrees(np.arctan2(across[1], across[0]))
        skew = np.degrees(np.arctan2(-down[0], down[1])) - tilt
        long_enough = bool(np.linalg.norm(down) >= FLAT * np.linalg.norm(across))
        return long_enough and abs(tilt) <= TILTED and abs((skew + 180) % 360 - 180) <= SKEWED


class FaceDetector:
    """MTCNN (Zhang et al. 2016) on a picture of bounded size; its weights are part of facenet-pytorch.

    Where it is not sure of an upright face, it looks for one that lies on its side or upside down.

    Args:
        passes: longest side of the picture and smallest face, pixels, of one look after the other.
        turned: whether faces that lie are looked for.
    """

    def __init__(self, passes: tuple[tuple[int, int], ...] = PASSES, turned: bool = True) -> None:
        from lipsync.compat import ensure_torchvision

        ensure_torchvision()
        from facenet_pytorch import MTCNN

        self._network = MTCNN(keep_all=True, post_process=False).eval()
        self._passes, self._turned = passes, turned

    def __call__(self, image: np.ndarray) -> list[Face]:
        """The faces of a (H, W, 3) uint8 RGB picture of any size, from left to right; maybe none."""
        faces = self._upright(image)
        score = max((face.score for face in faces), default=0.0)
        return (self._turned and score < SURE and self._lying(image, score)) or faces

    def _upright(self, image: np.ndarray) -> list[Face]:
        longest = max(image.shape[:2])
        previous = 0
        for side, min_face in self._passes:
            side = min(side, longest)
            if side == previous:
                break
            previous = side
            faces = self._at(reduced(image, side), min_face, image.shape[1])
            if faces:
                return faces
        if image.size and image.mean() <= DARK:
            side, min_face = self._passes[0]
            return self._at(_brightened(reduced(image, side)), min_face, image.shape[1])
        return []

    def _lying(self, image: np.ndarray, score: float) -> list[Face]:
        """The faces of the picture turned to a side or upside down, whichever shows the surest one.

        None where no turn shows one that is surer than ``score``.
        """
        side, min_face = LYING_PASS
        small = reduced(image, side)
        factor = image.shape[1] / small.shape[1]
        best: list[Face] = []
        for quarters in (1, 3, 2):
            picture = np.ascontiguousarray(np.rot90(small, quarters))
            found = self._at(picture, min_face, picture.shape[1])
            sure = [face for face in found if face.score > max(score, LYING) and face.upright]
            if sure:
                score = max(face.score for face in sure)
                best = [_turned_back(face, quarters, small.shape[:2]) for face in sure]
        faces = [Face(_enlarged(f.box, factor), _enlarged(f.points, factor), f.score) for f in best]
        return sorted(faces, key=lambda face: float(face.box[0] + face.box[2]))

    def _at(self, small: np.ndarray, min_face: int, full_width: int) -> list[Face]:
        """Faces in a reduced picture, in pixels of the full one."""
        if min(small.shape[:2]) < SMALLEST:
            return []
        self._network.min_face_size = min(min_face, min(small.shape[:2]))
        with _one_thread():
            boxes, scores, points = self._network.detect(small, landmarks=True)
        if boxes is None:
            return []
        factor = full_width / small.shape[1]
        faces = [
            Face(_enlarged(box, factor), _enlarged(five, factor), float(score))
            for box, five, score in zip(boxes, points, scores, strict=True)
            if score >= MIN_SCORE
        ]
        return sorted(faces, key=lambda face: float(face.box[0] + face.box[2]))


def _brightened(image: np.ndarray) -> np.ndarray:
    """The picture with its contrast raised locally, as eyes adapt to the dark."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(clipLimit=4.0, tileGridSize=(4, 4)).apply(lab[..., 0])
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)


def _turned_back(face: Face, quarters: int, shape: tuple[int, int]) -> Face:
    """A face of ``np.rot90(picture, quarters)`` as it lies in the picture of (height, width) pixels."""
    height, width = shape
    places = np.concatenate([face.box.reshape(2, 2), face.points])
    x, y = places.T
    back = {1: (width - 1 - y, x), 2: (width - 1 - x, height - 1 - y), 3: (y, height - 1 - x)}[quarters]
    places = np.stack(back, 1)
    box = np.concatenate([places[:2].min(0), places[:2].max(0)])
    return Face(box, places[2:], face.score)


def _enlarged(places: np.ndarray, factor: float) -> np.ndarray:
    """Places in a reduced picture as places in the full one; pixel centres are whole numbers in both."""
    return (np.asarray(places, np.float64) + 0.5) * factor - 0.5


@contextmanager
def _one_thread() -> Iterator[None]:
    """Torch on one thread: MTCNN's layers are so small that threads wait for one another instead.

    On two busy cores one look at a 144-pixel window took 240 ms with two threads and 17 ms with one.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
