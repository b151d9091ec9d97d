"""Photos as one frame."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lipsync.errors import MediaError
from lipsync.media import probe, read_frames
from tests.media.clips import astronaut, write_clip


def test_transparency_lies_over_white(tmp_path: Path) -> None:
    rgba = np.dstack([astronaut(64, 64), np.full((64, 64), 255, np.uint8)])
    rgba[:32, :, 3] = 0
    Image.fromarray(rgba).save(tmp_path / "a.png")
    video = write_clip(tmp_path / "a.mov", [rgba] * 2, codec="png", pix_fmt="rgba")
    for path in (tmp_path / "a.png", video):
        image = next(read_frames(path)).image
        assert (image[:32] == 255).all()
        np.testing.assert_array_equal(image[32:], rgba[32:, :, :3])


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.webm", "libvpx-vp9", "yuva420p"),
        ("b.webm", "libvpx", "yuva420p"),
        ("a.mov", "prores_ks", "yuva444p10le"),
        ("b.mov", "qtrle", "argb"),
        ("a.mkv", "ffv1", "yuva420p"),
    ],
)
def test_transparency_of_videos_lies_over_white(tmp_path: Path, name: str, codec: str, pix_fmt: str) -> None:
    rgba = np.dstack([astronaut(64, 64), np.full((64, 64), 255, np.uint8)])
    rgba[:32] = (10, 20, 90, 0)
    options = {"auto-alt-ref": "0"} if codec.startswith("libvpx") else {}
    path = write_clip(tmp_path / name, [rgba] * 4, codec=codec, pix_fmt=pix_fmt, options=options)
    frames = list(read_frames(path))
    assert len(frames) == 4
    for frame in frames:
        assert frame.image[:28].min() > 250
        assert np.abs(frame.image[36:].astype(int) - rgba[36:, :, :3]).mean() < 9


def test_photos(tmp_path: Path) -> None:
    picture = astronaut(90, 61)
    for name in ("a.png", "a.bmp", "a.tif"):
        Image.fromarray(picture).save(tmp_path / name)
        frames = list(read_frames(tmp_path / name, fps=25))
        assert [(frame.time, frame.index) for frame in frames] == [(0.0, 0)]
        np.testing.assert_array_equal(frames[0].image, picture)
    for name in ("a.jpg", "a.webp", "a.avif"):
        Image.fromarray(picture).save(tmp_path / name, quality=95)
        assert np.abs(next(read_frames(tmp_path / name)).image.astype(int) - picture).mean() < 5
    assert probe(tmp_path / "a.jpg").kind == "photo"


def test_photo_oddities(tmp_path: Path) -> None:
    picture = astronaut(90, 61)
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn 90 degrees clockwise to view"
    Image.fromarray(picture).save(tmp_path / "phone.jpg", exif=exif, quality=95)
    assert (
        np.abs(next(read_frames(tmp_path / "phone.jpg")).image.astype(int) - np.rot90(picture, -1)).mean() < 5
    )
    info = probe(tmp_path / "phone.jpg")
    assert (info.width, info.height, info.rotation) == (61, 90, 90)

    ramp = np.linspace(0, 65535, 90 * 61).reshape(61, 90).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    np.testing.assert_allclose(next(read_frames(tmp_path / "deep.png")).image[..., 0], ramp / 257, atol=0.51)

    Image.fromarray(picture).convert("CMYK").save(tmp_path / "print.jpg", quality=95)
    assert np.abs(next(read_frames(tmp_path / "print.jpg")).image.astype(int) - picture).mean() < 5


def test_8k_photo(tmp_path: Path) -> None:
    Image.new("RGB", (7680, 4320), (10, 200, 30)).save(tmp_path / "8k.jpg")
    assert next(read_frames(tmp_path / "8k.jpg")).image.shape == (4320, 7680, 3)
    header = b"IHDR" + struct.pack(">IIBBBBB", 20000, 20000, 8, 2, 0, 0, 0)
    checked = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + checked)
    with pytest.raises(MediaError, match=r"bomb\.png"):
        probe(tmp_path / "bomb.png")
