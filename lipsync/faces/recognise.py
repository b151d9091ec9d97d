"""Who a face is: embeddings that lie close together for one person."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from lipsync.errors import ArtefactError

SAME = 0.363  # cosine of two SFace embeddings from which OpenCV's model zoo takes them for one person


class SFace:
    """SFace of OpenCV's model zoo; 128-d. It sees the face turned upright on its five points, at 112×112."""

    name = "SFace"

    def __init__(self, recogniser: cv2.FaceRecognizerSF):
        self._recogniser = recogniser

    def __call__(self, pictures: np.ndarray, points: np.ndarray) -> np.ndarray:
        """(N, 128) float32, one embedding per picture.

        Args:
            pictures: (N, H, W, 3) uint8 RGB face regions.
            points: (N, 5, 2) pixels of the region: eyes, nose tip, mouth corners, left ones in the picture
                first.
        """
        rows = [self._embed(picture, five) for picture, five in zip(pictures, points, strict=True)]
        return np.concatenate(rows) if rows else np.zeros((0, 128), np.float32)

    def _embed(self, picture: np.ndarray, five: np.ndarray) -> np.ndarray:
        # OpenCV's row is box (4), five points (10), score (1); its alignment reads only the points.
        row = np.concatenate([np.zeros(4), np.ravel(five), np.ones(1)]).astype(np.float32)
        bgr = np.ascontiguousarray(picture[..., ::-1])
        return self._recogniser.feature(self._recogniser.alignCrop(bgr, row[None])).copy()


def load_sface(path: Path | None = None) -> SFace:
    """SFace from its ONNX file; None fetches the artefact ``sface``.

    Raises:
        ArtefactError: if the file is unavailable or unreadable.
    """
    if path is None:
        from lipsync.weights.hub import fetch

        path = fetch("sface")
    try:
        return SFace(cv2.FaceRecognizerSF.create(str(path), ""))
    except cv2.error as error:
        raise ArtefactError("faces.encoder_unreadable", path=path) from error
