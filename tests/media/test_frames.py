"""read_frames: the right picture at the right time."""

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from lipsync.media import probe, read_frames
from tests.media.clips import astronaut, card, number_of, write_clip


def numbers(path: Path, fps: float | None = None) -> list[int]:
    return [number_of(frame.image) for frame in read_frames(path, fps)]


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


@pytest.mark.slow
def test_memory_stays_flat(tmp_path: Path) -> None:
    """1000 decoded frames of 640x360 would take 690 MB as RGB, 345 MB as decoded."""
    pytest.importorskip("resource")
    still = astronaut(640, 360)
    pictures = [np.roll(still, 4 * i, axis=1) for i in range(20)]
    options = {"preset": "ultrafast", "g": "250"}
    short = write_clip(tmp_path / "short.mp4", pictures * 2, options=options)
    long = write_clip(tmp_path / "long.mp4", pictures * 50, options=options)
    base = peak_kilobytes(short, "read")
    assert peak_kilobytes(long, "read") - base < 40_000
    assert peak_kilobytes(long, "loop", "1400") - base < 220_000
