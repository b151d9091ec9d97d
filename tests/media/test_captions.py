"""Captions in a video and beside it, read back by FFmpeg, and as they look."""

from pathlib import Path

import av
import numpy as np
import pytest

from lipsync.media import VideoWriter, WriterOptions
from lipsync.media.label import Label
from lipsync.media.output.burnt_captions import BurntCaptions, unknown_letters
from lipsync.media.output.captions import Caption, write_srt

CAPTIONS = (
    Caption(0.52, 1.64, ("Good morning & <welcome>,", "second line")),
    Caption(1.64, 2.8, ("早上好，每一个音",)),
)


@pytest.mark.parametrize(
    ("ending", "codec", "first"),
    [
        (".mp4", "mov_text", "Good morning & <welcome>,\nsecond line"),
        (".mov", "mov_text", "Good morning & <welcome>,\nsecond line"),
        (".webm", "webvtt", "Good morning &amp; &lt;welcome&gt;,\nsecond line"),
    ],
)
def test_a_track_holds_every_caption_at_its_time(tmp_path: Path, ending: str, codec: str, first: str) -> None:
    path = tmp_path / f"o{ending}"
    options = WriterOptions(captions=CAPTIONS, language="zh")
    with VideoWriter(path, 64, 48, 25, options=options) as writer:
        for _ in range(75):
            writer.write(np.zeros((48, 64, 3), np.uint8))
    with av.open(str(path)) as file:
        (stream,) = file.streams.subtitles
        assert (stream.codec_context.name, stream.metadata["language"]) == (codec, "chi")
        packets = [packet for packet in file.demux(stream) if packet.size > 2]
    found = [
        (round(float(packet.pts * packet.time_base), 3), round(float(packet.duration * packet.time_base), 3),
         bytes(packet)[2 if codec == "mov_text" else 0:].decode())
        for packet in packets
    ]  # fmt: skip
    assert found == [(0.52, 1.12, first), (1.64, 1.16, "早上好，每一个音")]


def test_a_subrip_file_is_what_ffmpeg_reads(tmp_path: Path) -> None:
    write_srt([*CAPTIONS, Caption(3725.5, 3727.0, ("An hour later",))], tmp_path / "o.srt")
    with av.open(str(tmp_path / "o.srt")) as file:
        (stream,) = file.streams.subtitles
        packets = [packet for packet in file.demux(stream) if packet.size]
        times = [float(packet.pts * stream.time_base) for packet in packets]
        texts = [bytes(packet).decode() for packet in packets]
    assert times == pytest.approx([0.52, 1.64, 3725.5])
    assert texts == ["Good morning & <welcome>,\nsecond line", "早上好，每一个音", "An hour later"]


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (384, 384), (360, 640)])
def test_drawn_captions_are_legible_inside_the_picture_and_above_the_mark(width: int, height: int) -> None:
    lines = ("A line of forty-two characters, as wide as", "十六个汉字正好是一行可以放下的宽度")
    mark = Label(width, height)
    captions = BurntCaptions(width, height, [Caption(1, 2, lines)], mark.rows)
    grey = np.full((height, width, 3), 120, np.uint8)
    assert captions.on(grey, 0.96) is grey
    drawn = captions.on(grey, 1.0)
    changed = np.argwhere((drawn != grey).any(axis=2))
    (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0)
    assert bottom < height - mark.rows
    assert left == pytest.approx(width - 1 - right, abs=2)
    assert left > 0
    # Two rows of white letters; each is wide.
    white = (drawn[top : bottom + 1] > 230).all(axis=2).any(axis=1)
    assert np.count_nonzero(np.diff(white.astype(int)) == 1) >= 2
    letters = np.argwhere((drawn > 230).all(axis=2))[:, 1]
    assert letters.max() - letters.min() > (0.75 if height >= width else 0.4) * width
    assert (grey == 120).all()
    assert captions.on(grey, 2.0) is grey


def test_letters_that_the_font_lacks_are_named() -> None:
    assert unknown_letters([Caption(0, 1, ("Grüße, 早上好！ ёж",))]) == ""
    assert unknown_letters([Caption(0, 1, ("한국 abc 🙂",))]) == "국한🙂"
