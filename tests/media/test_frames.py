"""read_frames: the right picture at the right time, upright, in the right colours."""

import os
import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from lipsync.errors import MediaError
from lipsync.media import probe, read_frames
from tests.media.clips import card, number_of, write_clip

Formula = Callable[[float, float, float], list[float]]


def numbers(path: Path, fps: float | None = None) -> list[int]:
    return [number_of(frame.image) for frame in read_frames(path, fps)]


def astronaut(width: int, height: int) -> np.ndarray:
    return cv2.resize(data.astronaut(), (width, height), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", {}),
        ("a.mkv", "libx264", {}),
        ("b.mp4", "libx265", {"x265-params": "keyint=24:log-level=none"}),
        ("a.webm", "libvpx-vp9", {"deadline": "realtime"}),
        ("b.webm", "libvpx", {}),
        ("a.mpg", "mpeg1video", {"bf": "2", "g": "12"}),
        ("a.ts", "libx264", {}),
        ("a.avi", "libx264", {"bf": "2"}),  # a container without display times
        ("a.h264", "libx264", {}),  # no times at all
    ],
)
def test_every_frame_once_and_in_order(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    path = write_clip(tmp_path / name, [card(i) for i in range(60)], codec=codec, options=options)
    frames = list(read_frames(path))
    assert [number_of(frame.image) for frame in frames] == list(range(60))
    assert [frame.index for frame in frames] == list(range(60))
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(60) / 25)


def test_invisible_reference_pictures_are_not_counted(tmp_path: Path) -> None:
    """VP8's two-pass encodes carry them in packets of their own; here a hidden copy of each key frame."""
    plain = write_clip(
        tmp_path / "a.webm",
        [card(i) for i in range(60)],
        codec="libvpx",
        options={"g": "6", "keyint_min": "6"},
    )
    path = tmp_path / "b.webm"
    hidden = 0
    with av.open(str(plain)) as source, av.open(str(path), "w") as target:
        track = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if not packet.size:
                continue
            content, pts, is_key = bytearray(bytes(packet)), packet.pts, packet.is_keyframe
            packet.stream = track
            target.mux(packet)
            if is_key:
                content[0] &= ~0x10
                copy = av.Packet(bytes(content))
                copy.pts = copy.dts = pts + 20
                copy.time_base, copy.stream = Fraction(1, 1000), track
                target.mux(copy)
                hidden += 1
    assert hidden >= 5
    info = probe(path)
    assert (info.fps, info.frames, info.variable_rate) == (25, 60, False)
    assert numbers(path) == list(range(60))


def shown_by_a_player(times: np.ndarray, fps: float, count: int) -> list[int]:
    """Number of the frame on screen in the middle of every output frame."""
    middles = (np.arange(count) + 0.5) / fps
    return (np.searchsorted(times, middles, side="right") - 1).tolist()


def test_variable_rate_shows_what_a_player_shows(tmp_path: Path) -> None:
    times = np.cumsum([0, *np.random.default_rng(1).choice([0.0173, 0.0331, 0.0507, 0.2003], 79)])
    path = write_clip(tmp_path / "phone.mp4", [card(i) for i in range(80)], times=times.tolist())
    got = numbers(path, 100)  # faster than every interval of the source
    assert abs(len(got) - 100 * (times[-1] + 0.04)) < 20
    assert got == shown_by_a_player(times, 100, len(got))


@pytest.mark.parametrize(
    ("source", "wanted"), [(50, 25), (60, 30), (30, 25), (15, 25), (25, 30), (29.97, 25)]
)
def test_other_rates_neither_drift_nor_stumble(tmp_path: Path, source: float, wanted: float) -> None:
    count = round(4 * source)
    path = write_clip(tmp_path / "a.mkv", [card(i) for i in range(count)], fps=source)
    got = np.array(numbers(path, wanted))
    assert len(got) == round(count / source * wanted)
    lag = got / source - np.arange(len(got)) / wanted
    assert np.abs(lag).max() <= 0.5 / min(source, wanted) + 0.5 / source + 0.001
    steps = np.diff(got)
    assert set(steps) <= {int(np.floor(source / wanted)), int(np.ceil(source / wanted))}


def test_late_first_frame_is_time_zero(tmp_path: Path) -> None:
    times = [0.5 + i / 25 for i in range(10)]
    frames = list(read_frames(write_clip(tmp_path / "a.mkv", [card(i) for i in range(10)], times=times)))
    assert frames[0].time == 0
    assert [number_of(frame.image) for frame in frames] == list(range(10))


def test_max_frames_and_early_end(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", [card(i) for i in range(60)])
    assert [f.index for f in read_frames(path, max_frames=7)] == list(range(7))
    reading = read_frames(path)
    next(reading)
    del reading
    if Path("/proc/self/fd").is_dir():
        open_files = [
            os.readlink(f"/proc/self/fd/{fd}")
            for fd in os.listdir("/proc/self/fd")
            if fd.isdigit() and os.path.exists(f"/proc/self/fd/{fd}")
        ]
        assert str(path) not in open_files
    with pytest.raises(ValueError, match="fps"):
        read_frames(path, fps=0)


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


@pytest.mark.parametrize("name", ["a.mp4", "a.ts"])
def test_damage_in_the_middle_keeps_the_rest_in_its_place(tmp_path: Path, name: str) -> None:
    path = write_clip(tmp_path / name, [card(i) for i in range(100)], options={"g": "10"})
    content = bytearray(path.read_bytes())
    third = len(content) // 3
    content[third : third + 100] = np.random.default_rng(0).bytes(100)
    path.write_bytes(bytes(content))
    got = numbers(path)
    assert got[:20] == list(range(20))
    assert got[-40:] == list(range(60, 100))
    assert len(got) == 100


def test_video_cut_short_behind_its_index_keeps_what_is_there(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mkv", [card(i) for i in range(100)], options={"g": "10"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    got = numbers(path)
    assert 30 < len(got) < 90
    assert got == list(range(len(got)))
    assert probe(path).frames == pytest.approx(len(got), abs=1)


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


def test_transparency_lies_over_white(tmp_path: Path) -> None:
    rgba = np.dstack([astronaut(64, 64), np.full((64, 64), 255, np.uint8)])
    rgba[:32, :, 3] = 0
    Image.fromarray(rgba).save(tmp_path / "a.png")
    video = write_clip(tmp_path / "a.mov", [rgba] * 2, codec="png", pix_fmt="rgba")
    for path in (tmp_path / "a.png", video):
        image = next(read_frames(path)).image
        assert (image[:32] == 255).all()
        np.testing.assert_array_equal(image[32:], rgba[32:, :, :3])


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


def test_animated_gif_is_a_video(tmp_path: Path) -> None:
    pages = [Image.fromarray(card(i)) for i in range(6)]
    pages[0].save(tmp_path / "a.gif", save_all=True, append_images=pages[1:], duration=100, loop=0)
    assert probe(tmp_path / "a.gif").kind == "video"
    assert numbers(tmp_path / "a.gif", 10) == list(range(6))


PEAK = """
import resource, sys
from lipsync.media import loop_frames, read_frames
frames = read_frames(sys.argv[1]) if sys.argv[2] == "read" else loop_frames(sys.argv[1], 25, int(sys.argv[3]))
for _ in frames: pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_kilobytes(path: Path, *arguments: str) -> int:
    command = [sys.executable, "-c", PEAK, str(path), *arguments]
    return int(subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout)


@pytest.mark.skipif(not hasattr(resource, "getrusage"), reason="needs getrusage")
def test_memory_stays_flat(tmp_path: Path) -> None:
    """1000 decoded frames of 640x360 would take 690 MB as RGB, 345 MB as decoded."""
    still = astronaut(640, 360)
    pictures = [np.roll(still, 4 * i, axis=1) for i in range(20)]
    options = {"preset": "ultrafast", "g": "250"}
    short = write_clip(tmp_path / "short.mp4", pictures * 2, options=options)
    long = write_clip(tmp_path / "long.mp4", pictures * 50, options=options)
    base = peak_kilobytes(short, "read")
    assert peak_kilobytes(long, "read") - base < 40_000
    assert peak_kilobytes(long, "loop", "1400") - base < 220_000
