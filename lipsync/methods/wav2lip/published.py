"""The published checkpoints of Wav2Lip, shown what the authors' own inference shows them.

They were trained on boxes of the face detector S3FD, stretched to squares, and in use the frame itself takes
the place of the reference. This project's crop is wider and shorter.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np

from lipsync.methods.base import Batch
from lipsync.methods.wav2lip.infer import Wav2LipMethod

SIDE = 112  # pixels of the face square that is drawn: S3FD's box has about the network's 96 in it


class Scale(NamedTuple):
    """How a picture lies on a face: pixel = ``scale`` x sides of its square from the centre + ``zero``."""

    scale: np.ndarray  # (2,) pixels a side, x then y
    zero: np.ndarray  # (2,) pixels

    @classmethod
    def of_box(cls, edges: tuple[float, float, float, float], size: int) -> Scale:
        """Of a box stretched to ``size`` pixels square; left, top, right and bottom edge in sides."""
        left_top, right_bottom = np.array(edges[:2]), np.array(edges[2:])
        scale = size / (right_bottom - left_top)
        return cls(scale, -left_top * scale - 0.5)

    @classmethod
    def of_square(cls, size: int, margin: float = 1.0) -> Scale:
        """Of an upright crop of ``size`` pixels that is ``margin`` sides wide."""
        return cls.of_box((-margin / 2, -margin / 2, margin / 2, margin / 2), size)

    def to(self, other: Scale) -> np.ndarray:
        """(2, 3) affine map from these pixels to the other picture's."""
        factor = other.scale / self.scale
        return np.column_stack([np.diag(factor), other.zero - factor * self.zero])


# Left, top, right, bottom in sides of the face square from its centre: medians over 36 frames of 12 people
# (``python -m tests.benchmarks.wav2lip_box``). Without the ten pixels that the authors' inference adds below,
# whatever the size of the face: training had none.
S3FD = (-0.41, -0.72, 0.41, 0.50)


class PublishedWav2Lip(Wav2LipMethod):
    """A generator that is shown S3FD's box twice: its upper half, and the whole in place of a reference."""

    crop_margin = 1.45  # S3FD's box begins above the face square

    def __init__(self, *loaded, **options) -> None:
        super().__init__(*loaded, **options)
        self.crop_size = SIDE

    def synthesize(self, batch: Batch) -> np.ndarray:
        """(B, S, S, 3) uint8 face squares with new mouths; beside the box they are the frame's own."""
        size = self.config.size
        crop = Scale.of_square(batch.faces.shape[1], self.crop_margin)
        box, square = Scale.of_box(S3FD, size), Scale.of_square(SIDE)
        boxes = np.stack([_warp(face, crop.to(box), size) for face in batch.faces])
        drawn = super().synthesize(replace(batch, faces=boxes, references=boxes))
        inside = _warp(np.ones((size, size), np.float32), box.to(square), SIDE)[..., None]
        faces = []
        for face, new in zip(batch.faces, drawn, strict=True):
            own, laid = _warp(face, crop.to(square), SIDE), _warp(new, box.to(square), SIDE)
            faces.append((laid + (1 - inside) * own).round().clip(0, 255).astype(np.uint8))  # laid over black
        return np.stack(faces)


def _warp(picture: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """The picture under a map; black, or 0, where it has nothing."""
    return cv2.warpAffine(picture, matrix, (size, size), flags=cv2.INTER_LINEAR)
