"""Faces in one picture, with five points each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np

from lipsync.media.size import reduced

# Longest side the picture is reduced to and the smallest face looked for in it (pixels), in order:
# the first pass finds every face of a talking-head video, the others small ones in large pictures.
PASSES = ((640, 36), (1280, 32), (2560, 32))
SMALLEST = 24  # pixels, shortest side of a picture that can hold a face
MIN_SCORE = 0.9  # MTCNN is near certain of real faces; below this it sees them in cloth and foliage
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


class FaceDetector:
    """MTCNN (Zhang et al. 2016) on a picture of bounded size; its weights are part of facenet-pytorch."""

    def __init__(self, passes: tuple[tuple[int, int], ...] = PASSES) -> None:
        from lipsync.compat import ensure_torchvision

        ensure_torchvision()
        from facenet_pytorch import MTCNN

        self._network = MTCNN(keep_all=True, post_process=False).eval()
        self._passes = passes

    def __call__(self, image: np.ndarray) -> list[Face]:
        """The faces of a (H, W, 3) uint8 RGB picture of any size, from left to right; maybe none."""
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
