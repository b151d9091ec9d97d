"""Who a face is: embeddings that lie close together for one person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import cv2
import numpy as np

from lipsync.errors import ArtefactError
from lipsync.nn.memory import CachedWhileUsed

SAME = 0.363  # cosine of two SFace embeddings from which OpenCV's model zoo takes them for one person
UNKNOWN = 0.2  # cosine below which a face is nobody's, though it be nearer to them than to anybody else


class SFace:
    """SFace of OpenCV's model zoo; 128-d. It sees the face turned upright on its five points, at 112×112.

    What knows a person by it may be kept for long: the network itself, 85 MB, is shared, let go when nobody
    asks it for a while, and then read again.
    """

    name = "SFace"

    def __init__(self, path: Path):
        self._path = path

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
        recogniser, alone = _recogniser(self._path)
        with alone:
            return recogniser.feature(recogniser.alignCrop(bgr, row[None])).copy()


def load_sface(path: Path | None = None) -> SFace:
    """SFace from its ONNX file; None fetches the artefact ``sface``.

    Raises:
        ArtefactError: if the file is unavailable or unreadable.
    """
    if path is None:
        from lipsync.weights.hub import fetch

        path = fetch("sface")
    _recogniser(path)
    return SFace(path)


@CachedWhileUsed
def _recogniser(path: Path) -> tuple[cv2.FaceRecognizerSF, Lock]:
    """The network, and a lock for it: it serves one thread at a time."""
    try:
        return cv2.FaceRecognizerSF.create(str(path), ""), Lock()
    except cv2.error as error:
        raise ArtefactError("faces.encoder_unreadable", path=path) from error


def embed(recognise: SFace, image: np.ndarray, points: Sequence[np.ndarray]) -> np.ndarray:
    """(N, 128) float32 embeddings of length 1 of the faces of one (H, W, 3) uint8 RGB picture.

    Args:
        points: N times (5, 2) pixels of the picture.
    """
    rows = []
    for five in points:
        margin = 2 * np.ptp(five, axis=0).max()  # around the points is all that the network sees
        x0, y0 = np.maximum(five.min(0) - margin, 0).astype(int)
        x1, y1 = (five.max(0) + margin).astype(int) + 1
        rows.append(recognise(image[None, y0:y1, x0:x1], (five - (x0, y0))[None])[0])
    found = np.array(rows, np.float32).reshape(-1, 128)
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-6)


class Identity:
    """One person among those of a video, as :class:`~lipsync.faces.tracking.choose.Who` asks for them.

    Args:
        recognise: one for all; threads wait for one another.
        people: (P, 128) float32 embeddings of length 1, of everybody.
        chosen: which of them.
    """

    def __init__(self, recognise: SFace, people: np.ndarray, chosen: int) -> None:
        self._recognise, self._people, self._chosen = recognise, people, chosen
        self.several = len(people) > 1

    def likeness(self, image: np.ndarray, points: Sequence[np.ndarray]) -> np.ndarray:
        """(N,) cosines of faces of a picture with this person; -1 for those that are somebody else's."""
        cosines = embed(self._recognise, image, points) @ self._people.T  # (N, P)
        own = cosines[:, self._chosen]
        return np.where((own >= cosines.max(1)) & (own >= UNKNOWN), own, -1.0)
