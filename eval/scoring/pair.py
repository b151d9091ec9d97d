"""What is seen on one frame of the generated video and the reference frame at the same time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eval.scoring.protocol import (
    NO_GENERATED_FACE,
    NO_LANDMARKS,
    NO_REFERENCE_FACE,
    Region,
    cut_face,
    part_of_face,
    points_in_region,
)
from lipsync.faces.tracking.crop import Pose
from lipsync.faces.tracking.detection import FacePoints
from lipsync.faces.tracking.landmarks import mouth_opening
from lipsync.faces.tracking.landmarks68 import to_68
from lipsync.faces.tracking.track import Tracked


@dataclass(frozen=True)
class Pair:
    """One moment. Large frames are cut to their face region here and let go, unless all is compared.

    Attributes:
        index: frame number at 25 fps.
        generated, reference: what the tracker measured; None without a face.
        paired: whether there is a reference.
        box: square region, of the reference's face (without a reference of the generated one); None
            without a face.
        faces: (2, 256, 256, 3) uint8 RGB, or (1, ...) without a reference; None without a box.
        whole: both full frames, where the region is ``full``.
        speaks: whether the video of the speaker lasts until this moment.
        speaker: what the tracker measured on it; None without a face.
    """

    index: int
    generated: FacePoints | None
    reference: FacePoints | None
    paired: bool
    box: np.ndarray | None
    faces: np.ndarray | None
    whole: tuple[np.ndarray, np.ndarray] | None
    speaks: bool = False
    speaker: FacePoints | None = None

    @property
    def reason(self) -> str:
        """Why this frame has no landmarks or no embedding, if it has none."""
        if self.paired and self.reference is None:
            return NO_REFERENCE_FACE
        return NO_GENERATED_FACE if self.generated is None else NO_LANDMARKS


def look(
    generated: Tracked, reference: Tracked | None, region: Region, speaker: Tracked | None = None
) -> Pair:
    """Cut both frames at the place of the reference's face."""
    pose = generated.pose if reference is None else reference.pose
    images = [item.frame.image for item in (generated, reference) if item is not None]
    box = None if pose is None else face_square(pose)
    if box is not None and not _inside(box, images[0]):
        box = None
    faces = None if box is None else np.stack([cut_face(image, box) for image in images])
    whole = (images[0], images[1]) if region == "full" and reference is not None else None
    return Pair(
        generated.frame.index, generated.measured, None if reference is None else reference.measured,
        reference is not None, box, faces, whole, speaker is not None,
        None if speaker is None else speaker.measured,
    )  # fmt: skip


def face_square(pose: Pose) -> np.ndarray:
    """(4,) upright box (x0, y0, x1, y1) of a pose: its square without its turn."""
    half = float(pose.side) / 2
    return np.concatenate([pose.centre - half, pose.centre + half])


class PairBatch:
    """Some pairs, looked at by all metrics: everything is computed on first use and only once.

    Per-frame arrays have one row for every pair, NaN where a frame has none.
    """

    def __init__(self, pairs: Sequence[Pair], region: Region):
        self.pairs, self._region = pairs, region

    @cached_property
    def reasons(self) -> list[str]:
        """Of every pair, why it has no landmarks in both videos; empty where it has."""
        return [pair.reason if _blind(pair) else "" for pair in self.pairs]

    @cached_property
    def cut(self) -> np.ndarray:
        """(N,) bool: frames with a face region."""
        return np.array([pair.faces is not None for pair in self.pairs])

    @cached_property
    def faces(self) -> np.ndarray:
        """(2 or 1, M, 256, 256, 3) uint8 face regions of the frames that have one."""
        return np.stack([pair.faces for pair in self.pairs if pair.faces is not None], axis=1)

    @cached_property
    def compared(self) -> np.ndarray:
        """(N,) bool: frames whose pictures can be compared in the chosen region."""
        return np.ones(len(self.pairs), bool) if self._region == "full" else self.cut

    @cached_property
    def pictures(self) -> tuple[np.ndarray, np.ndarray]:
        """(M, H, W, 3) of generated and reference in the chosen region, of the compared frames."""
        if self._region == "full":
            sides = list(zip(*(pair.whole for pair in self.pairs if pair.whole), strict=True))
            return np.stack(sides[0]), np.stack(sides[1])
        parts = part_of_face(self.faces, self._region)
        return parts[0], parts[1]

    @cached_property
    def meshes(self) -> tuple[np.ndarray, np.ndarray]:
        """(N, 478, 2) of generated and reference, pixels of the frame."""
        return tuple(self._rows(side, "landmarks", (478, 2), np.asarray, (478, 2)) for side in (0, 1))  # type: ignore[return-value]

    @cached_property
    def landmarks(self) -> tuple[np.ndarray, np.ndarray]:
        """(N, 68, 2) of generated and reference, pixels of the frame."""
        return tuple(self._rows(side, "landmarks", (478, 2), to_68, (68, 2)) for side in (0, 1))  # type: ignore[return-value]

    @cached_property
    def landmarks_in_region(self) -> tuple[np.ndarray, np.ndarray]:
        """(N, 68, 2) of generated and reference, pixels of the 256-pixel face region."""
        sides = tuple(np.full_like(side, np.nan) for side in self.landmarks)
        for side, points in zip(sides, self.landmarks, strict=True):
            for row, pair in enumerate(self.pairs):
                if pair.box is not None:
                    side[row] = points_in_region(points[row], pair.box)
        return sides  # type: ignore[return-value]

    @cached_property
    def openings(self) -> tuple[np.ndarray, np.ndarray]:
        """(N,) mouth opening of generated and reference."""
        return tuple(self._rows(side, "landmarks", (478, 2), mouth_opening, ()) for side in (0, 1))  # type: ignore[return-value]

    @cached_property
    def speaks(self) -> np.ndarray:
        """(N,) bool: frames until the end of the speaker's video."""
        return np.array([pair.speaks for pair in self.pairs])

    @cached_property
    def speaker_openings(self) -> np.ndarray:
        """(N,) mouth opening of the person who said the driving speech."""
        return self._rows(2, "landmarks", (478, 2), mouth_opening, ())

    @cached_property
    def expressions(self) -> tuple[np.ndarray, np.ndarray]:
        """(N, 52) blendshape scores of generated and reference."""
        return tuple(self._rows(side, "blendshapes", (52,), np.asarray, (52,)) for side in (0, 1))  # type: ignore[return-value]

    def embed(self, encoder: Callable[[np.ndarray, np.ndarray], np.ndarray], side: int) -> np.ndarray:
        """(N, D) embeddings of the faces of generated (0) or reference (1).

        Args:
            encoder: of (M, 256, 256, 3) face regions and the (M, 5, 2) points in them.
        """
        rows, points = [], []
        for row, pair in enumerate(self.pairs):
            seen = (pair.generated, pair.reference)[side]
            if pair.box is not None and seen is not None:
                rows.append(row)
                points.append(points_in_region(seen.points, pair.box))
        if not rows:
            return np.full((len(self.pairs), 1), np.nan)
        pictures = np.stack([self.pairs[row].faces[side] for row in rows])  # type: ignore[index]
        found = encoder(pictures, np.stack(points))
        out = np.full((len(self.pairs), found.shape[1]), np.nan)
        out[rows] = found
        return out

    def _rows(self, side: int, name: str, shape: tuple[int, ...], read, out: tuple[int, ...]) -> np.ndarray:
        values = np.full((len(self.pairs), *out), np.nan)
        for row, pair in enumerate(self.pairs):
            found = getattr((pair.generated, pair.reference, pair.speaker)[side], name, None)
            if found is not None and found.shape == shape:
                values[row] = read(found.astype(np.float64))
        return values


def _blind(pair: Pair) -> bool:
    """Whether one of the two has no landmarks."""
    sides = (pair.generated, pair.reference) if pair.paired else (pair.generated,)
    return any(side is None or side.landmarks is None for side in sides)


def _inside(box: np.ndarray, image: np.ndarray) -> bool:
    """Whether a box and the picture have anything in common."""
    height, width = image.shape[:2]
    return bool(box[0] < width - 1 and box[1] < height - 1 and box[2] > 1 and box[3] > 1)
