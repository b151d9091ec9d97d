"""probe: facts of good files, one sentence for bad ones."""

import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lipsync.errors import MediaError
from lipsync.media import probe, read_audio, read_frames
from tests.media.clips import card, click, write_clip


def one_sentence(message: str, name: str) -> bool:
    return name in message and "\n" not in message and message.endswith(".") and len(message) < 200


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("probe") / "clip.mp4"
    return write_clip(path, [card(i) for i in range(50)], fps=25, sound=click(2, 1, 44100))


def write_bad_files(folder: Path, clip: Path) -> list[Path]:
    data = clip.read_bytes()
    Image.fromarray(card(5)).save(folder / "photo.jpg")
    jpeg = (folder / "photo.jpg").read_bytes()
    contents = {
        "empty.mp4": b"",
        "text.mp4": b"This is not a video.\n" * 100,
        "page.webm": b"<!doctype html><html><body>404</body></html>",
        "truncated.mp4": data[: len(data) // 2],  # the index is at the end
        "noise.mkv": np.random.default_rng(0).bytes(5000),
        "jpeg.mp4": jpeg,
        "jpeg.wav": jpeg,
        "video.jpg": data,
        "half.jpg": jpeg[: len(jpeg) // 2],
        # Lists that name another file: reading them would hand out files of this machine.
        "list.mp4": b"#EXTM3U\n#EXTINF:2,\nother.ts\n#EXT-X-ENDLIST\n",
        "concat.mp4": b"ffconcat version 1.0\nfile other.ts\n",
        "header.wav": b"RIFF\x24\x00\x00\x00WAVEfmt ",
        "phone.heic": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(200),
    }
    (folder / "photo.jpg").unlink()
    write_clip(folder / "other.ts", [card(i) for i in range(50)], sound=click(2, 1, 44100))
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    (folder / "folder.mp4").mkdir()
    return [*(folder / name for name in contents), folder / "folder.mp4", folder / "missing.mp4"]


def test_bad_files_raise_one_sentence(tmp_path: Path, clip: Path) -> None:
    for path in write_bad_files(tmp_path, clip):
        with pytest.raises(MediaError) as caught:
            probe(path)
        assert one_sentence(str(caught.value), path.name), (path.name, str(caught.value))


def test_bad_files_cannot_be_read_either(tmp_path: Path, clip: Path) -> None:
    for path in write_bad_files(tmp_path, clip):
        with pytest.raises(MediaError):
            read_audio(path)
        with pytest.raises(MediaError):
            next(read_frames(path))


def test_video_facts(clip: Path) -> None:
    info = probe(clip)
    assert (info.kind, info.width, info.height, info.has_audio) == ("video", 80, 64, True)
    assert (info.fps, info.frames, info.rotation, info.variable_rate) == (25, 50, 0, False)
    assert info.duration == pytest.approx(2.0, abs=0.001)


def test_ntsc_rate_is_exact(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mkv"):  # Matroska rounds every time stamp to a millisecond
        path = write_clip(tmp_path / name, [card(i) for i in range(30)], fps=30000 / 1001)
        info = probe(path)
        assert info.fps == pytest.approx(30000 / 1001, rel=1e-6)
        assert (info.frames, info.variable_rate) == (30, False)


def test_uneven_frame_times_are_reported(tmp_path: Path) -> None:
    times = np.cumsum(np.random.default_rng(3).choice([0.02, 0.03, 0.05, 0.1], 60)).tolist()
    info = probe(write_clip(tmp_path / "phone.mp4", [card(i) for i in range(60)], times=times))
    assert info.variable_rate
    assert info.fps == pytest.approx(59 / (times[-1] - times[0]), rel=0.01)


def test_single_frame_video_and_tiny_video(tmp_path: Path) -> None:
    info = probe(write_clip(tmp_path / "one.mp4", [card(1)]))
    assert (info.kind, info.frames) == ("video", 1)
    assert info.duration == pytest.approx(0.04, abs=0.001)
    info = probe(write_clip(tmp_path / "tiny.mp4", [card(i, 20, 20) for i in range(3)]))
    assert (info.width, info.height, info.frames) == (20, 20, 3)


def test_names_with_spaces_signs_and_chinese(tmp_path: Path, clip: Path) -> None:
    for name in ("my clip (final).mp4", "视频 测试.mp4", "a:b%20c#1.mp4", "-y.mp4"):
        path = tmp_path / name
        shutil.copyfile(clip, path)
        assert probe(path).frames == 50
        assert probe(str(path)).frames == 50


def test_sound_only_files(tmp_path: Path) -> None:
    for name, codec in (
        ("a.wav", "pcm_s16le"),
        ("a.mp3", "libmp3lame"),
        ("a.m4a", "aac"),
        ("a.flac", "flac"),
    ):
        info = probe(write_clip(tmp_path / name, sound=click(1.5, 1, 44100, 2), sound_codec=codec))
        assert (info.kind, info.width, info.frames, info.has_audio) == ("audio", 0, 0, True)
        assert info.duration == pytest.approx(1.5, abs=0.001)


def test_non_square_pixels_are_stretched(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "dv.mp4", [card(9)] * 3, aspect=Fraction(16, 11))
    info = probe(path)
    assert (info.width, info.height) == (round(80 * 16 / 11), 64)
    assert next(read_frames(path)).image.shape == (64, round(80 * 16 / 11), 3)


def test_song_with_cover_art_is_audio(tmp_path: Path) -> None:
    """An MP3 with an ID3v2.3 picture, put together by hand from the format's definition."""
    song = write_clip(tmp_path / "plain.mp3", sound=click(1, 0.5, 44100), sound_codec="libmp3lame")
    Image.fromarray(card(5)).save(tmp_path / "cover.jpg")
    picture = b"\x00image/jpeg\x00\x03\x00" + (tmp_path / "cover.jpg").read_bytes()
    frame = b"APIC" + len(picture).to_bytes(4, "big") + b"\x00\x00" + picture
    size = bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0))
    path = tmp_path / "song.mp3"
    path.write_bytes(b"ID3\x03\x00\x00" + size + frame + song.read_bytes())
    assert probe(path).kind == "audio"


def test_real_uploads(shared: Path) -> None:
    expected = {
        "orig01.mp4": (1080, 1920, 30.0, 600, True),  # portrait phone, HEVC
        "orig04.mp4": (1920, 1080, 29.97, 300, True),
        "orig06.mp4": (512, 512, 15.0, 313, True),
        "orig07.mpg": (360, 288, 25.0, 75, True),  # MPEG-1
        "orig10.webm": (1280, 720, 25.0, 276, True),  # VP9
        "orig12.mp4": (704, 1216, 25.0, 268, False),  # no sound track
    }
    for name, (width, height, fps, frames, has_audio) in expected.items():
        info = probe(shared / "data" / "originals" / name)
        assert (info.width, info.height, info.frames, info.has_audio) == (width, height, frames, has_audio)
        assert info.fps == pytest.approx(fps, rel=1e-4)
        assert not info.variable_rate


def test_broken_bytes_raise_media_errors_only(tmp_path: Path, clip: Path) -> None:
    """Cut and flipped bytes: each file is read somehow or refused, and nothing else is raised."""
    picture = Image.fromarray(card(37))
    for suffix in ("jpg", "png", "avif", "tif"):
        picture.save(tmp_path / f"good.{suffix}")
    shutil.copyfile(clip, tmp_path / "good.mp4")
    write_clip(tmp_path / "good.wav", sound=click(0.5, 0.2, 16000), rate=16000, sound_codec="pcm_f32le")
    random = np.random.default_rng(0)
    refused = 0
    for source in sorted(tmp_path.glob("good.*")):
        for attempt in range(12):
            content = bytearray(source.read_bytes())
            if attempt % 3 == 0:
                content = content[: random.integers(1, len(content))]
            for place in random.integers(0, min(len(content), 600), 10):
                content[place] = random.integers(256)
            path = tmp_path / f"bad{source.suffix}"
            path.write_bytes(bytes(content))
            for read in (probe, read_audio, lambda p: list(read_frames(p, 25, 100))):
                try:
                    read(path)
                except MediaError:
                    refused += 1
    assert refused > 50
