"""Upright frames in the right colours."""

from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from lipsync.media import probe, read_frames
from tests.media.clips import astronaut, write_clip

Formula = Callable[[float, float, float], list[float]]


@pytest.mark.parametrize(
    "turn",
    [
        (0, False, False),
        (90, False, False),
        (180, False, False),
        (-90, False, False),
        (0, True, False),
        (90, True, False),
        (0, False, True),
    ],
)
def test_rotation_metadata_is_applied(tmp_path: Path, turn: tuple[float, bool, bool]) -> None:
    """The flag as PyAV documents it: degrees counter-clockwise, then the flips."""
    stored = astronaut(96, 64)
    path = write_clip(tmp_path / "phone.mp4", [stored] * 3, rotation=turn, options={"crf": "8"})
    upright = np.rot90(stored, round(turn[0] / 90))
    if turn[1]:
        upright = upright[:, ::-1]
    if turn[2]:
        upright = upright[::-1]
    frame = next(read_frames(path))
    assert frame.image.shape == upright.shape
    assert frame.image.flags.c_contiguous
    assert np.abs(frame.image.astype(int) - upright).mean() < 6
    info = probe(path)
    assert (info.height, info.width) == upright.shape[:2]


def test_rotation_agrees_with_opencv(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "phone.mp4", [astronaut(96, 64)] * 3, rotation=(-90, False, False))
    _, theirs = cv2.VideoCapture(str(path)).read()
    assert np.abs(next(read_frames(path)).image[..., ::-1].astype(int) - theirs).mean() < 3
    assert probe(path).rotation == 90


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "name"),
    [
        ("libx265", "yuv420p10le", "a.mp4"),
        ("libx264", "yuv444p", "b.mp4"),
        ("ffv1", "gray", "c.mkv"),
        ("prores_ks", "yuv422p10le", "d.mov"),
        ("ffv1", "bgr0", "e.mkv"),
    ],
)
def test_pixel_formats(tmp_path: Path, codec: str, pix_fmt: str, name: str) -> None:
    picture = astronaut(128, 96)
    options = {"x265-params": "log-level=none", "crf": "12"} if codec.startswith("libx26") else {}
    path = write_clip(tmp_path / name, [picture] * 6, codec=codec, pix_fmt=pix_fmt, options=options)
    if pix_fmt == "gray":
        picture = np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    image = next(read_frames(path)).image
    assert (image.dtype, image.shape) == (np.uint8, picture.shape)
    assert np.abs(image.astype(int) - picture).mean() < 5


def bt709_to_rgb(y: float, cb: float, cr: float) -> list[float]:
    """ITU-R BT.709, limited range, written from the recommendation."""
    luma, blue, red = (y - 16) / 219, (cb - 128) / 224, (cr - 128) / 224
    rgb = (luma + 1.5748 * red, luma - 0.1873 * blue - 0.4681 * red, luma + 1.8556 * blue)
    return [min(max(255 * v, 0), 255) for v in rgb]


def bt601_to_rgb(y: float, cb: float, cr: float) -> list[float]:
    luma, blue, red = (y - 16) / 219, (cb - 128) / 224, (cr - 128) / 224
    rgb = (luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue)
    return [min(max(255 * v, 0), 255) for v in rgb]


@pytest.mark.parametrize(
    ("height", "tag", "formula"),
    [(64, 1, bt709_to_rgb), (64, 6, bt601_to_rgb), (64, 2, bt601_to_rgb), (720, 2, bt709_to_rgb)],
)
def test_colour_matrix_follows_the_tag_or_the_size(
    tmp_path: Path, height: int, tag: int, formula: Formula
) -> None:
    yuv = (120, 100, 160)
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, height, "yuv444p"
        stream.codec_context.colorspace = tag
        stream.codec_context.color_range = 1
        planes = np.stack([np.full((height, 64), value, np.uint8) for value in yuv])
        frame = av.VideoFrame.from_ndarray(planes, "yuv444p")
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    image = next(read_frames(path)).image
    np.testing.assert_allclose(image[height // 2, 32], formula(*yuv), atol=1.5)


def test_hdr_is_brought_to_screen_brightness(tmp_path: Path) -> None:
    """A mid grey in HLG (signal 0.5) is far brighter than half of a screen's range when shown as SDR."""
    path = tmp_path / "hlg.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265", rate=25, options={"x265-params": "log-level=none"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p10le"
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = 9, 9, 18, 1
        for level in range(3):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 128, np.uint8), "rgb24").reformat(
                format="yuv420p10le", dst_color_range="MPEG"
            )
            frame.pts = level
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    image = next(read_frames(path)).image
    assert 140 < image.mean() < 230
    assert image.reshape(-1, 3).mean(axis=0).std() < 3
