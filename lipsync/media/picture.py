"""Decoded video frames to upright RGB arrays, with the colours that a player would show."""

import struct

import av
import cv2
import numpy as np
from av.video.plane import VideoPlane
from av.video.reformatter import (
    ColorRange,
    Colorspace,
    Interpolation,
    VideoReformatter,
)

from lipsync.media.animation import BACKGROUND
from lipsync.media.hdr import beyond_bt709, is_hdr, to_bt709
from lipsync.media.source import MAX_PIXELS, THREADS

# Without accurate rounding and full chroma, swscale darkens every picture by about one grey level,
# which shows as a seam where a generated mouth meets the untouched face.
TO_RGB = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT

_UNTAGGED = (2, 3)  # AVCOL_SPC_UNSPECIFIED, _RESERVED
_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def orientation(frame: av.VideoFrame) -> tuple[int, bool]:
    """How to stand a frame upright: mirror it left-right if asked to, then turn it clockwise.

    Returns:
        Clockwise degrees (0, 90, 180 or 270) and whether to mirror first.

    Source: display matrix of ISO/IEC 14496-12, 6.2.2: (x', y') = (a x + c y, b x + d y), y down.
    """
    try:
        matrix = struct.unpack("=9i", bytes(frame.side_data["DISPLAYMATRIX"])[:36])  # type: ignore[typeddict-item]
    except (KeyError, struct.error):
        return 0, False
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    mirror = a * d - b * c < 0
    if mirror:
        a, b = -a, -b
    angle = np.degrees(np.arctan2(b, a)) if a or b else 0.0
    return round(angle / 90) % 4 * 90, mirror


def _square_size(frame: av.VideoFrame, pixel_aspect: float) -> tuple[int, int]:
    """Width and height with square pixels, before rotation."""
    possible = 0.1 < pixel_aspect < 10 and frame.width * frame.height * pixel_aspect <= MAX_PIXELS
    if not possible or abs(pixel_aspect - 1) < 0.01:
        return frame.width, frame.height
    return max(1, round(frame.width * pixel_aspect)), frame.height


class UprightRGB:
    """Converts the frames of one stream; keeps swscale's tables between frames.

    Screen recordings and broadcasts may change their size on the way: all frames come out in the size
    of the first.

    Args:
        pixel_aspect: width over height of one stored pixel; other than 1 the picture is stretched.
    """

    def __init__(self, pixel_aspect: float = 1.0) -> None:
        self._aspect = pixel_aspect
        self._size: tuple[int, int] | None = None
        self._scaler = VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        """(H, W, 3) uint8 RGB, contiguous, the caller's to write on."""
        image = self._rgb(frame)
        turn, mirror = orientation(frame)
        if mirror:
            image = cv2.flip(image, 1)
        if turn:
            image = cv2.rotate(image, _TURNS[turn])
        return image

    def _rgb(self, frame: av.VideoFrame) -> np.ndarray:
        self._size = self._size or _square_size(frame, self._aspect)
        width, height = self._size
        has_alpha = any(component.is_alpha for component in frame.format.components)
        beyond = beyond_bt709(frame.color_trc, frame.color_primaries)
        converted = self._scaler.reformat(
            frame,
            width=width,
            height=height,
            # Planes, joined below: the same numbers as "rgb24" in less than half the time.
            format=("gbrap" if has_alpha else "gbrp") + ("16le" if beyond else ""),
            src_colorspace=_assumed_matrix(frame),
            dst_color_range=ColorRange.JPEG,
            interpolation=TO_RGB,
            threads=THREADS,
        )
        kind = np.dtype("<u2") if beyond else np.dtype("u1")
        green, blue, red, *alpha = (_pixels(plane, width, height, kind) for plane in converted.planes)
        image = cv2.merge([red, green, blue])
        if beyond:
            # Not left to swscale: asked for other transfer curves together with full chroma, it garbles
            # the channels.
            image = to_bt709(image, frame.color_trc, frame.color_primaries)
        return _over_background(image, alpha[0], np.iinfo(kind).max) if alpha else image


def _assumed_matrix(frame: av.VideoFrame) -> Colorspace | None:
    """What to decode a frame with that does not name its matrix; None where it does."""
    if frame.colorspace not in _UNTAGGED:
        return None
    if is_hdr(frame.color_trc):
        return Colorspace.BT2020
    # What browsers assume of an untagged file: HD is BT.709, smaller is BT.601.
    return Colorspace.ITU709 if frame.height >= 720 else Colorspace.ITU601


def _pixels(plane: VideoPlane, width: int, height: int, kind: np.dtype) -> np.ndarray:
    lines = np.frombuffer(memoryview(plane), kind, plane.line_size // kind.itemsize * height)
    return lines.reshape(height, -1)[:, :width]


def _over_background(image: np.ndarray, alpha: np.ndarray, opaque: int) -> np.ndarray:
    share = alpha[..., None].astype(np.float32) / opaque
    return (image * share + BACKGROUND * (1 - share) + 0.5).astype(np.uint8)
