"""The scoring protocol: which frames are compared, which part of them, and the words that say so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

import cv2
import numpy as np

from lipsync.errors import ConfigError, FaceError
from lipsync.texts import Message

VERSION = "1"
FPS = 25.0
REGION_SIZE = 256
# (x0, y0, x1, y1) in the face region. On 275 frames of 60 clips the lips lay within x 73-182, y 126-216.
MOUTH_BOX = (64, 112, 192, 240)
MIN_FRAMES = 5
# Why a frame is left out.
NO_REFERENCE_FACE = Message("frames.no_face_reference")
NO_GENERATED_FACE = Message("frames.no_face_generated")
NO_SPEAKER_FACE = Message("frames.no_face_speaker")
NO_LANDMARKS = Message("frames.no_landmarks")
BEYOND = Message("frames.beyond_common")

Region = Literal["face", "mouth", "full"]
Variant = Literal["track", "lrs"]  # how LSE cuts the lips, see `eval.scoring.sync.SyncStream`
T = TypeVar("T")
# Parts of a protocol string that say what was found in one video, not how it was scored.
_FOUND = re.compile(
    r"(frames|windows|clips|seconds|skipped) \d|\d+ of \d+ |offset [-+≤≥\d]|mean of \d|short: "
)


@dataclass(frozen=True)
class Protocol:
    """How one score was made; a score without it cannot be compared with another.

    Attributes:
        metric: name in `eval.scoring.metrics`.
        frames: frames (for LSE: windows) that entered the score.
        region: part of the picture, where the metric looks at one.
        network: network and its version, with ``own expert`` where a published one was replaced.
        weights: sha256 of the weights; the string shows the first 12 digits.
        alignment: how the region was placed.
        skipped: frames left out, by reason.
    """

    metric: str
    frames: int
    region: Region | None = None
    network: str | None = None
    weights: str | None = None
    alignment: str = "box of the reference's face track"
    skipped: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        counts = {reason: count for reason, count in self.skipped.items() if count}
        reasons = (
            f" ({', '.join(f'{reason}: {count}' for reason, count in counts.items())})" if counts else ""
        )
        size = {
            "face": f"face {REGION_SIZE} px",
            "mouth": f"mouth of face {REGION_SIZE} px",
            "full": "full frame",
        }
        parts = [
            f"protocol {VERSION}",
            self.metric,
            f"{FPS:g} fps",
            self.region and size[self.region],
            f"alignment: {self.alignment}" if self.region in ("face", "mouth") else None,
            self.network,
            self.weights and f"weights {self.weights[:12]}",
            f"frames {self.frames}",
            f"skipped {sum(counts.values())}{reasons}",
        ]
        return "; ".join(part for part in parts if part)


def settings_of(protocol: str) -> str:
    """The parts of a protocol string that say how a video was scored: without counts and offsets."""
    return "; ".join(part for part in protocol.split("; ") if not _FOUND.match(part))


def require_frames(frames: int, video: str, reason: str | None = None) -> None:
    """Stop where too few frames are left for a score to mean anything.

    Raises:
        FaceError: with fewer than 5 usable frames.
    """
    if frames < MIN_FRAMES:
        raise FaceError(
            "score.too_few_frames",
            video=video,
            count=frames,
            reason=reason or Message("score.no_face_in_others"),
            needed=MIN_FRAMES,
        )


def require_size(generated: tuple[int, int], reference: tuple[int, int], resize: bool, video: str) -> None:
    """Stop where two videos differ in size and nobody asked for a resize.

    Args:
        generated, reference: (height, width) in pixels.
        resize: whether the person asked for it; it moves PSNR by many dB, so it is never silent.

    Raises:
        ConfigError: if they differ and ``resize`` is off.
    """
    if generated != reference and not resize:
        (h, w), (rh, rw) = generated, reference
        raise ConfigError("score.sizes_differ", video=video, size=f"{w}×{h}", reference_size=f"{rw}×{rh}")


# --- pairing by time -----------------------------------------------------------------------------


class PairedFrames(Generic[T]):
    """Two videos side by side, paired by time and not by index of the file.

    Both must be at the rate of the protocol, counted from their own first frame, as
    ``lipsync.media.read_frames(path, fps=FPS)`` yields them whatever their own rate is. Iterate once
    for (generated, reference); afterwards the counters say how many frames had a partner and how
    many of the longer video were left over.
    """

    def __init__(self, generated: Iterable[T], reference: Iterable[T]):
        self._generated, self._reference = iter(generated), iter(reference)
        self.paired = 0
        self.left_over_generated = 0
        self.left_over_reference = 0

    def __iter__(self) -> Iterator[tuple[T, T]]:
        for ours in self._generated:
            theirs = next(self._reference, None)
            if theirs is None:
                self.left_over_generated = 1 + sum(1 for _ in self._generated)
                return
            self.paired += 1
            yield ours, theirs
        self.left_over_reference = sum(1 for _ in self._reference)


# --- regions -------------------------------------------------------------------------------------


def whole_square(box: np.ndarray) -> tuple[int, int, int]:
    """(left, top, side) in whole pixels of a square box (x0, y0, x1, y1).

    Cutting on whole pixels leaves one resampling per frame, and none where the side is 256.

    Raises:
        ValueError: if the box has no area or is not square (within 1 pixel).
    """
    x0, y0, x1, y1 = (float(v) for v in box)
    if not (x1 > x0 and y1 > y0) or abs((x1 - x0) - (y1 - y0)) > 1:
        raise ValueError(f"box {(x0, y0, x1, y1)} is not a square with an area")
    return round(x0), round(y0), max(1, round(x1 - x0))


def cut_face(frame: np.ndarray, box: np.ndarray) -> np.ndarray:
    """(256, 256, 3) uint8 face region of a (H, W, 3) uint8 RGB frame.

    Args:
        box: (x0, y0, x1, y1) square around the face of the *reference* at this time, so that both
            videos are cut at the same place; it may reach beyond the frame, whose edge then repeats.
    """
    left, top, side = whole_square(box)
    height, width = frame.shape[:2]
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + side, width), min(top + side, height)
    if x0 >= x1 or y0 >= y1:
        raise ValueError(f"box {tuple(box)} lies outside the frame of {width}×{height}")
    cut = frame[y0:y1, x0:x1]
    rims = (y0 - top, top + side - y1, x0 - left, left + side - x1)
    if any(rims):
        cut = cv2.copyMakeBorder(cut, *rims, cv2.BORDER_REPLICATE)
    return resize(cut, (REGION_SIZE, REGION_SIZE))


def cut_region(frame: np.ndarray, box: np.ndarray, region: Region) -> np.ndarray:
    """The part of a (H, W, 3) uint8 RGB frame a metric looks at: face 256×256, mouth 128×128, or all."""
    return frame if region == "full" else part_of_face(cut_face(frame, box), region)


def part_of_face(face: np.ndarray, region: Region) -> np.ndarray:
    """``face`` or ``mouth`` of one (256, 256, 3) or many (N, 256, 256, 3) face regions, without a copy."""
    if region == "face":
        return face
    if region == "mouth":
        x0, y0, x1, y1 = MOUTH_BOX
        return face[..., y0:y1, x0:x1, :]
    raise ValueError(f"region {region!r} is not part of the face")


def points_in_region(points: np.ndarray, box: np.ndarray) -> np.ndarray:
    """(..., 2) points in pixels of the 256-pixel face region, from pixels of the frame (0 is its edge)."""
    left, top, side = whole_square(box)
    return (points - np.array([left, top])) * (REGION_SIZE / side)


def resize(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(height, width, 3) from (H, W, 3) uint8: averaged when it shrinks, bicubic when it grows."""
    height, width = size
    if picture.shape[:2] == (height, width):
        return picture
    shrinks = height * width < picture.shape[0] * picture.shape[1]
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
