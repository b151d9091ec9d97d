"""loop_frames: ping-pong order, equal pictures both ways, any container."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lipsync.errors import MediaError
from lipsync.media import loop_frames, looped_video, read_frames
from tests.media.clips import card, number_of, write_clip


def ping_pong(frames: int, count: int) -> list[int]:
    """0 1 .. n-1 n-2 .. 1 0 1 .., as a triangle wave."""
    period = max(1, 2 * frames - 2)
    return [min(k % period, period - k % period) for k in range(count)]


@pytest.mark.parametrize(("frames", "count"), [(1, 4), (2, 7), (3, 11), (50, 50), (50, 12), (50, 260)])
def test_order(tmp_path: Path, frames: int, count: int) -> None:
    path = write_clip(tmp_path / "a.mp4", [card(i) for i in range(frames)])
    got = [(frame.index, number_of(frame.image)) for frame in loop_frames(path, 25, count)]
    assert got == [(k, k) for k in ping_pong(frames, count)]


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", {"x264-params": "open-gop=1:keyint=24:bframes=3"}),
        ("b.mp4", "libx265", {"x265-params": "keyint=24:log-level=none"}),  # open GOPs by default
        ("a.webm", "libvpx-vp9", {"deadline": "realtime", "g": "30"}),
        ("a.mkv", "libx264", {"g": "24"}),
        ("a.ts", "libx264", {"g": "24"}),
        ("a.mpg", "mpeg1video", {"bf": "2", "g": "12"}),
        ("a.avi", "libx264", {"g": "24", "bf": "2"}),
        ("a.h264", "libx264", {"g": "24"}),
    ],
)
def test_backwards_in_small_chunks_shows_the_same_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, codec: str, options: dict[str, str]
) -> None:
    path = write_clip(tmp_path / name, [card(i) for i in range(100)], codec=codec, options=options)
    forwards = [frame.image for frame in read_frames(path)]
    monkeypatch.setattr(looped_video, "KEEP_BYTES", 11 * 80 * 64 * 3 // 2)  # eleven pictures
    for frame, number in zip(loop_frames(path, 25, 230), ping_pong(100, 230), strict=True):
        assert frame.index == number
        assert frame.time == pytest.approx(number / 25)
        np.testing.assert_array_equal(frame.image, forwards[number])


def test_index_counts_at_the_reading_rate(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", [card(i) for i in range(15)], fps=15)
    once = [number_of(frame.image) for frame in read_frames(path, 25)]
    got = [(frame.index, number_of(frame.image)) for frame in loop_frames(path, 25, 80)]
    assert got == [(k, once[k]) for k in ping_pong(25, 80)]


def test_images_belong_to_the_caller(tmp_path: Path) -> None:
    """Whoever paints on a frame must not change a later one."""
    Image.fromarray(card(5)).save(tmp_path / "a.png")
    video = write_clip(tmp_path / "a.mp4", [card(5)] * 3, fps=5)
    raw = write_clip(tmp_path / "b.mov", [card(5)] * 3, fps=5, codec="png", pix_fmt="rgb24")
    for path in (tmp_path / "a.png", video, raw):
        for frame in loop_frames(path, 25, 40):
            assert number_of(frame.image) == 5
            frame.image[:] = 0


def test_photo_repeats(tmp_path: Path) -> None:
    Image.fromarray(card(7)).save(tmp_path / "a.png")
    frames = list(loop_frames(tmp_path / "a.png", 25, 30))
    assert [frame.index for frame in frames] == [0] * 30
    np.testing.assert_array_equal(frames[-1].image, card(7))


def test_bad_use(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fps"):
        loop_frames(tmp_path / "a.mp4", 0, 5)
    with pytest.raises(MediaError):
        list(loop_frames(tmp_path / "missing.mp4", 25, 5))
    assert list(loop_frames(write_clip(tmp_path / "a.mp4", [card(1)]), 25, 0)) == []


def test_real_clip_backwards(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shared / "data" / "originals" / "orig08.mp4"
    monkeypatch.setattr(looped_video, "KEEP_BYTES", 40 * 224 * 224 * 3 // 2)
    forwards = [frame.image for frame in read_frames(path)]
    for frame, number in zip(loop_frames(path, 25, 500), ping_pong(203, 500), strict=True):
        np.testing.assert_array_equal(frame.image, forwards[number])
