"""Small files that claim to be enormous are one sentence, in little memory, which is measured."""

import json
import resource
import struct
import subprocess
import sys
import wave
import zlib
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from lipsync.errors import MediaError
from lipsync.media import photo, probe, read_audio
from lipsync.media.sound import MAX_HOURS
from tests.media.clips import card, write_clip
from tests.portal import ROOT

MOST = 300  # MB that may come on top of what the program itself takes
# Read in every way; prints the sentences, and the most memory in MB before and after.
READER = """
import json, resource, sys
from pathlib import Path
from lipsync.errors import LipSyncError
from lipsync.media import probe, read_audio, read_frames
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
probe(Path(sys.argv[1])), read_audio(sys.argv[1]), list(read_frames(sys.argv[1], 25, 5))
said, before = [], peak()
for name in sys.argv[2:]:
    for read in (probe, read_audio, lambda path: list(read_frames(path, 25, 5))):
        try:
            read(Path(name))
            said.append([Path(name).name, ""])
        except LipSyncError as error:
            said.append([Path(name).name, str(error)])
print(json.dumps([said, before, peak()]))
"""


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@cache
def black_png(side: int) -> bytes:
    """Written from the format's definition: an encoder would hold the picture."""
    packer, row = zlib.compressobj(), bytes(1 + 3 * side)
    lines = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")


def png_video(path: Path, picture: bytes, claimed: int) -> Path:
    """A video of PNG frames, whose container claims another size than the frames have."""
    with av.open(str(path), "w", format="mov") as container:
        stream = container.add_stream("png", rate=25)
        stream.width = stream.height = claimed
        stream.pix_fmt = "rgb24"
        for number in range(3):
            packet = av.Packet(picture)
            packet.stream, packet.pts, packet.dts = stream, number, number
            packet.time_base, packet.is_keyframe = Fraction(1, 25), True
            container.mux(packet)
    return path


def many_frames(path: Path, count: int) -> Path:
    """An animated PNG of two frames that claims to have many."""
    first, second = (Image.fromarray(card(number)) for number in (1, 2))
    first.save(path, save_all=True, append_images=[second])
    data = bytearray(path.read_bytes())
    at = data.index(b"acTL")
    struct.pack_into(">I", data, at + 4, count)
    struct.pack_into(">I", data, at + 12, zlib.crc32(data[at : at + 12]))
    path.write_bytes(data)
    return path


def slow_wav(path: Path, rate: int, samples: int = 100_000) -> Path:
    head = struct.pack("<IHHIIHH", 16, 1, 1, rate, rate, 1, 8)
    body = b"WAVEfmt " + head + b"data" + struct.pack("<I", samples) + b"\x80" * samples
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def lying_flac(path: Path) -> Path:
    """A FLAC file of a tenth of a second that claims 2^36 - 1 samples."""
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), "s16", "mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    data = bytearray(path.read_bytes())
    data[21] |= 0x0F  # of STREAMINFO (RFC 9639, 8.2): the 36 bits of the number of samples
    data[22:26] = b"\xff" * 4
    path.write_bytes(data)
    return path


def read_apart(clip: Path, *files: Path) -> tuple[list[list[str]], int]:
    """What is said to each file in each of three ways of reading, and the memory in MB that it took."""
    done = subprocess.run(
        [sys.executable, "-c", READER, str(clip), *map(str, files)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (6 << 30, 6 << 30)),
        timeout=240,
    )
    said, before, after = json.loads(done.stdout)
    return said, after - before


def test_what_claims_to_be_enormous_is_refused_in_little_memory(tmp_path: Path) -> None:
    sound = np.zeros((1, 8000), np.float32)
    clip = write_clip(tmp_path / "clip.mp4", [card(number) for number in range(5)], sound=sound)
    large = black_png(12_000)
    (tmp_path / "huge.png").write_bytes(black_png(30_000))
    (tmp_path / "large.png").write_bytes(large)
    bombs = [
        tmp_path / "huge.png",
        tmp_path / "large.png",
        png_video(tmp_path / "honest.mov", large, 12_000),
        png_video(tmp_path / "small.mov", large, 64),
        many_frames(tmp_path / "frames.png", 100_000),
        slow_wav(tmp_path / "slow.wav", 1),
        slow_wav(tmp_path / "fast.wav", 0x7FFFFFFF),
    ]
    said, memory = read_apart(clip, *bombs)
    assert len(said) == 3 * len(bombs)
    for name, sentence in said:
        assert name in sentence, "refused, and the file is named"
        assert "\n" not in sentence
        assert len(sentence) < 200
    assert memory < MOST


def test_a_flac_that_claims_days_is_as_long_as_it_is(tmp_path: Path) -> None:
    assert probe(lying_flac(tmp_path / "days.flac")).duration == pytest.approx(0.1)


def test_a_frame_that_grows_on_the_way_is_passed_over(tmp_path: Path) -> None:
    sound = np.zeros((1, 8000), np.float32)
    clip = write_clip(tmp_path / "clip.mp4", [card(number) for number in range(5)], sound=sound)
    small, large = black_png(64), black_png(12_000)
    path = png_video(tmp_path / "grows.mov", small + bytes(len(large) - len(small)), 64)
    data = path.read_bytes()
    path.write_bytes(large.join(data.rsplit(small + bytes(len(large) - len(small)), 1)))
    said, memory = read_apart(clip, path)
    assert said[0] == ["grows.mov", ""]
    assert memory < MOST


def test_a_video_of_more_than_8k_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lipsync.media.source.MAX_PIXELS", 79 * 64)
    path = write_clip(tmp_path / "large.mp4", [card(number) for number in range(3)])  # of 80 x 64
    with pytest.raises(MediaError, match=r"large.mp4 has frames of 80 × 64 pixels; the largest are 8192"):
        probe(path)


@pytest.mark.parametrize(("kind", "change"), [
    ("frames", lambda patch: patch.setattr("lipsync.media.animation.MAX_PIXELS", 3 * 80 * 64)),
    ("bytes", lambda patch: patch.setattr("lipsync.media.animation.MAX_BYTES", 0)),
])  # fmt: skip
def test_an_animation_takes_no_more_than_its_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, change: Callable[[pytest.MonkeyPatch], None]
) -> None:
    change(monkeypatch)
    frames = [Image.fromarray(card(number)) for number in range(60 if kind == "bytes" else 4)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    with pytest.raises(MediaError, match=r"a.webp has too many frames \(\d+\)"):
        probe(tmp_path / "a.webp")


def test_a_photo_of_a_phone_is_taken_and_a_larger_one_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(card(3)).save(tmp_path / "photo.png")  # 80 x 64
    monkeypatch.setattr(photo, "MAX_PIXELS", 80 * 64)
    assert photo.read_photo(tmp_path / "photo.png") is not None
    monkeypatch.setattr(photo, "MAX_PIXELS", 80 * 64 - 1)
    with pytest.raises(MediaError, match="too many pixels"):
        photo.read_photo(tmp_path / "photo.png")


def test_sound_longer_than_a_working_morning_is_refused(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "long.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(1000)
        for _ in range(int(MAX_HOURS) * 60 + 1):
            file.writeframes(b"\x80" * 60_000)
    with pytest.raises(MediaError, match=r"long\.wav holds more than 4 hours of sound"):
        read_audio(tmp_path / "long.wav", 1000)
