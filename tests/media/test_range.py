"""A part of a recording is what the whole holds there: the same pictures, the same samples, together."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from lipsync.media import (
    TimeRange,
    VideoWriter,
    WriterOptions,
    audio_duration,
    frames,
    loop_frames,
    read_audio,
    read_frames,
)
from lipsync.media.overview import overview

FPS, SECONDS, RATE = 25.0, 8, 48_000
FLASH = 5.2  # s; a white frame and a click begin there


def write_wav(path: Path, samples: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())


@pytest.fixture(scope="module")
def click(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """(8 s) a click of 5 ms at `FLASH`, else next to nothing."""
    samples = np.random.default_rng(0).normal(0, 0.002, SECONDS * RATE)
    at = round(FLASH * RATE)
    samples[at : at + RATE // 200] = 0.8
    path = tmp_path_factory.mktemp("sound") / "click.wav"
    write_wav(path, samples)
    return path


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory, click: Path) -> Path:
    """Each frame has a grey of its own, but for one white flash where the click is."""
    path = tmp_path_factory.mktemp("video") / "flash.mp4"
    with VideoWriter(path, 64, 48, FPS, click, WriterOptions(crf=4)) as writer:
        for k in range(round(SECONDS * FPS)):
            writer.write(np.full((48, 64, 3), 255 if k == round(FLASH * FPS) else 20 + k % 150, np.uint8))
    return path


def clicked(samples: np.ndarray) -> int:
    """The first loud sample."""
    return int(np.flatnonzero(np.abs(samples) > 0.3)[0])


def greys(shown: Iterator[frames.Frame]) -> list[int]:
    return [round(float(frame.image.mean())) for frame in shown]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".avi", ".ts"])
def test_pictures_of_a_part_are_those_of_the_whole(video: Path, tmp_path: Path, suffix: str) -> None:
    path = video
    if suffix != ".mp4":
        path = tmp_path / f"other{suffix}"
        encoder = {".webm": "libvpx-vp9", ".avi": "mpeg4"}.get(suffix, "libx264")
        with av.open(path, "w") as out:
            stream = out.add_stream(encoder, rate=25, options={"crf": "4", "bf": "2"})
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.codec_context.gop_size = 30
            for frame in read_frames(video):
                out.mux(stream.encode(av.VideoFrame.from_ndarray(frame.image, format="rgb24")))
            out.mux(stream.encode(None))
    whole = list(read_frames(path, FPS))
    part = list(read_frames(path, FPS, 40, start=3.08))
    assert [frame.index for frame in part] == [*range(77, 117)]
    assert greys(iter(part)) == greys(iter(whole[77:117]))
    # Back and forth within it, from its first frame to its last.
    played = list(loop_frames(path, FPS, 60, part=TimeRange(3.08, 4.08)))
    there = [*range(77, 102)]
    assert [frame.index for frame in played] == (there + there[-2:0:-1] + there)[:60]
    assert greys(iter(played)) == [greys(iter([whole[frame.index]]))[0] for frame in played]


def test_what_lies_before_a_part_is_not_decoded(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []
    real = frames.decode
    monkeypatch.setattr(
        frames, "decode", lambda *given: (decoded.append(frame) or frame for frame in real(*given))
    )
    assert len(list(loop_frames(video, FPS, 10, part=TimeRange(6.4, 7.0)))) == 10
    assert len(decoded) <= 1 + 2 * FPS + 10 + 5  # key frames are 2 s apart


@pytest.mark.parametrize("suffix", [".wav", ".m4a", ".mp3", ".opus", ".flac", ".mkv"])
def test_sound_of_a_part_is_that_of_the_whole(click: Path, tmp_path: Path, suffix: str) -> None:
    path = click
    if suffix != ".wav":
        path = tmp_path / f"other{suffix}"
        encoder = {".m4a": "aac", ".mp3": "libmp3lame", ".opus": "libopus", ".mkv": "libopus"}
        with av.open(click) as source, av.open(path, "w") as out:
            stream = out.add_stream(encoder.get(suffix, "flac"), rate=RATE)
            for frame in source.decode(audio=0):
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    whole, part = read_audio(path, RATE), read_audio(path, RATE, TimeRange(4.7, 5.9))
    assert len(part) == round(1.2 * RATE)
    begin = round(4.7 * RATE)
    expected = whole[begin : begin + len(part)]
    slip = clicked(part) - clicked(expected)
    assert abs(slip) <= (RATE // 1000 if suffix == ".mkv" else 0)  # whose stamps are whole milliseconds
    if suffix != ".mkv":
        assert np.abs(part - expected).max() < 0.02
    assert audio_duration(path, TimeRange(4.7, 5.9)) == pytest.approx(1.2, abs=1e-4)
    assert audio_duration(path, TimeRange(4.7)) == pytest.approx(audio_duration(path) - 4.7, abs=1e-3)


def test_picture_and_sound_of_a_part_are_written_together(video: Path, tmp_path: Path) -> None:
    part = TimeRange(4.4, 6.4)
    path = tmp_path / "part.mp4"
    options = WriterOptions(duration=2.0, sound_part=part)
    with VideoWriter(path, 64, 48, FPS, video, options) as writer:
        for frame in loop_frames(video, FPS, 50, part=part):
            writer.write(frame.image)
    flash = int(np.argmax(greys(read_frames(path)))) / FPS
    sound = read_audio(path, RATE)
    assert flash == pytest.approx(FLASH - part.start)
    assert clicked(sound) / RATE == pytest.approx(FLASH - part.start, abs=0.003)
    assert len(sound) / RATE == pytest.approx(2.0, abs=0.03)


def test_a_quick_look_stays_within_the_part(video: Path) -> None:
    times = [frame.time for frame in overview(video, TimeRange(3.0, 5.0))]
    assert times[0] == pytest.approx(3.0)
    assert 4.5 < times[-1] < 5.0
    assert len(list(islice(overview(video), 100))) > len(times)
