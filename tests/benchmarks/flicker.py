"""``python -m tests.benchmarks.flicker CLIP ...``: does a drawn mouth flicker, or the skin around it?

Drives each clip with its own speech and compares the result with the clip, frame by frame, in the crop of
the clip's own track: so a head that moves moves alike in both. Looked at is the skin where the result fades
into the frame, above the corners of the mouth and away from the lips (what stands still there in the clip
is to stand still in the result), and the mouth within the outline of the lips. Printed are grey levels of the
result, of the clip, and their ratio, which is to be 1 or less:

- fine: change of a pixel from frame to frame beyond what a steady motion explains (grain, crawling edges);
- broad: the same of a wide average of the skin (pulsing colours, a mask that comes and goes);
- mouth: as fine, of lips and teeth.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from lipsync.faces.blend import mouth_mask
from lipsync.faces.tracking.crop import crop_face, crop_matrix, transform_points
from lipsync.faces.tracking.track import FaceTracker, Tracked
from lipsync.media import probe, read_frames
from lipsync.weights import hub

SIDE = 160  # pixels of the crop that is looked at
SEAM = (0.04, 0.96)  # of the mask: where two pictures mix
LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)  # outline
AWAY = 0.07  # sides of the crop between the lips and the skin that is looked at
BROAD = 0.05  # sides, sigma of the wide average


@dataclass
class Flicker:
    """Sums over the frames of one video; ``fine`` and ``broad`` are root mean squares in grey levels."""

    seam: tuple[float, float] = SEAM
    _past: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    _sums: np.ndarray = field(default_factory=lambda: np.zeros(2))
    frames: int = 0  # that were judged

    def update(self, crop: np.ndarray, skin: np.ndarray) -> None:
        """The next frame.

        Args:
            crop: (S, S, 3) uint8.
            skin: (S, S) bool, the pixels that count.
        """
        values = crop.astype(np.float32)
        broad = cv2.GaussianBlur(values, (0, 0), BROAD * len(crop))
        self._past = [*self._past[-2:], (np.stack([values, broad]), skin)]
        if len(self._past) < 3:
            return
        (a, m), (b, n), (c, o) = self._past
        where = m & n & o
        if where.any():
            # What the neighbours in time do not explain; a third of it is the middle frame's own noise.
            odd = (b - (a + c) / 2)[:, where]
            self._sums += (odd**2).mean((1, 2))
            self.frames += 1

    def cut(self) -> None:
        """The next frame does not continue this one."""
        self._past = []

    @property
    def fine(self) -> float:
        return float(np.sqrt(self._sums[0] / max(1, self.frames)))

    @property
    def broad(self) -> float:
        return float(np.sqrt(self._sums[1] / max(1, self.frames)))


def inside_lips(landmarks: np.ndarray, size: int = SIDE) -> np.ndarray:
    """(S, S) uint8: 1 within the outline of the lips, whose landmarks are (478, 2) pixels of the crop."""
    inside: np.ndarray = np.zeros((size, size), np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(landmarks[list(LIPS)].round().astype(np.int32)), 1)
    return inside


def static_skin(landmarks: np.ndarray, size: int = SIDE) -> np.ndarray:
    """(S, S) bool: the seam above the corners of the mouth, away from the lips.

    Args:
        landmarks: (478, 2) pixels of the crop.
    """
    mask = mouth_mask(size, landmarks)
    reach = 2 * round(AWAY * size) + 1
    near = cv2.dilate(
        inside_lips(landmarks, size), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    )
    skin = (mask > SEAM[0]) & (mask < SEAM[1]) & (near == 0)
    skin[round(float(landmarks[list(LIPS), 1].mean())) :] = False  # below, the jaw moves with the speech
    return skin


def tracked(clip: Path, most: int) -> Iterator[Tracked]:
    """The first frames of a clip with its face; those with landmarks alone."""
    tracker = FaceTracker(hub.locate("face_landmarker"), probe(clip).output_fps)
    try:
        yield from tracker.track(islice(read_frames(clip, fps=probe(clip).output_fps), most))
    finally:
        tracker.close()


@dataclass
class Found:
    """Of one video, in the places that the clip's own landmarks give."""

    skin: Flicker = field(default_factory=Flicker)
    mouth: Flicker = field(default_factory=Flicker)

    def update(self, crop: np.ndarray, landmarks: np.ndarray) -> None:
        self.skin.update(crop, static_skin(landmarks))
        self.mouth.update(crop, inside_lips(landmarks) > 0)

    def cut(self) -> None:
        self.skin.cut()
        self.mouth.cut()

    @property
    def figures(self) -> tuple[float, float, float]:
        """Fine, broad, mouth."""
        return self.skin.fine, self.skin.broad, self.mouth.fine


def flickers(track: Iterable[Tracked], result: Iterable[np.ndarray]) -> tuple[Found, Found]:
    """Of the result and of the clip itself, in the same places.

    Args:
        track: of the clip.
        result: (H, W, 3) uint8, as many frames.
    """
    ours, own = Found(), Found()
    for item, image in zip(track, result, strict=False):
        if item.pose is None or item.landmarks is None or item.new:
            ours.cut()
            own.cut()
        if item.pose is None or item.landmarks is None:
            continue
        matrix = crop_matrix(item.pose, SIDE)
        landmarks = transform_points(item.landmarks, matrix)
        ours.update(crop_face(image, matrix, SIDE), landmarks)
        own.update(crop_face(item.frame.image, matrix, SIDE), landmarks)
    return ours, own


def main() -> None:
    from lipsync.generate import Request, generate
    from lipsync.methods import EMBEDDED

    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("clips", type=Path, nargs="+", metavar="CLIP")
    parser.add_argument(
        "--method", default=EMBEDDED, help="one of the portal's methods (default: %(default)s)"
    )
    parser.add_argument("--frames", type=int, default=150, help="at most, of each clip")
    options = parser.parse_args()
    names = "".join(f"   {name + ': result, clip, ratio':<26}" for name in ("fine", "broad", "mouth"))
    print(f"{'clip':<24} {'frames':>6}{names}")
    ratios = []
    for clip in options.clips:
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / "out.mp4"
            rate = probe(clip).output_fps
            generate(Request(clip, None, made, options.method, length="video", label=False))
            result = (frame.image for frame in read_frames(made, fps=rate))
            ours, own = flickers(tracked(clip, options.frames), result)
        pairs = list(zip(ours.figures, own.figures, strict=True))
        ratios.append([result / clip for result, clip in pairs])
        told = "".join(f"   {a:8.3f} {b:8.3f} {a / b:8.2f}" for a, b in pairs)
        print(f"{clip.stem:<24} {ours.skin.frames:6d}{told}", flush=True)
    means = "".join(f"   {mean:26.2f}" for mean in np.mean(ratios, axis=0))
    print(f"{'mean ratio':<24} {'':6}{means}")


if __name__ == "__main__":
    main()
