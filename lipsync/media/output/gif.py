"""An animated GIF of a video: one palette for all its frames, and a comment."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
from av.filter import Graph

from lipsync.media.output.formats import Quality

COLOURS: dict[Quality, int] = {"high": 256, "medium": 128, "small": 64}
# Ordered dithering stays where it is from frame to frame, so what rests in the video costs nothing.
DITHER = {"dither": "bayer", "bayer_scale": "4", "diff_mode": "rectangle"}
SCREEN, FLAGS = 13, 10  # bytes before the palette, and which of them says how large that is
BLOCK = 255  # bytes at most of each part of a comment


def write_gif(video: Path, target: Path, colours: int) -> None:
    """Write ``target`` in two passes over ``video``, which are not held in memory.

    Args:
        video: any video that FFmpeg reads.
        target: file to write, whatever its ending.
        colours: of the palette, 2 to 256.

    Raises:
        av.error.FFmpegError, OSError: the file cannot be written.
    """
    palette = _palette(video, colours)
    with av.open(f"file:{video}") as source, av.open(f"file:{target}", "w", format="gif") as container:
        pictures: Any = source.streams.video[0]
        stream: Any = container.add_stream("gif", rate=pictures.average_rate)
        stream.width, stream.height, stream.pix_fmt = pictures.width, pictures.height, "pal8"
        graph = Graph()
        shown, colour = graph.add_buffer(template=pictures), _palette_buffer(graph, palette)
        use, sink = graph.add("paletteuse", **DITHER), graph.add("buffersink")
        shown.link_to(use, 0, 0)
        colour.link_to(use, 0, 1)
        use.link_to(sink)
        graph.configure()
        colour.push(palette)
        colour.push(None)
        for frame in source.decode(pictures):
            shown.push(frame)
            for drawn in _ready(sink):
                container.mux(stream.encode(drawn))
        shown.push(None)
        for drawn in _ready(sink):
            container.mux(stream.encode(drawn))
        container.mux(stream.encode(None))


def _palette(video: Path, colours: int) -> av.VideoFrame:
    """The colours of a whole video, those of what moves before others."""
    graph = Graph()
    with av.open(f"file:{video}") as source:
        pictures = source.streams.video[0]
        buffer = graph.add_buffer(template=pictures)
        generate = graph.add(
            "palettegen", max_colors=str(colours), stats_mode="full", reserve_transparent="0"
        )
        sink = graph.add("buffersink")
        buffer.link_to(generate)
        generate.link_to(sink)
        graph.configure()
        for frame in source.decode(pictures):
            buffer.push(frame)
        buffer.push(None)
    return sink.pull()  # type: ignore[return-value]


def _palette_buffer(graph: Graph, palette: av.VideoFrame) -> Any:
    return graph.add_buffer(
        width=palette.width, height=palette.height, format=palette.format, time_base=palette.time_base
    )


def _ready(sink: Any) -> Iterator[av.VideoFrame]:
    """All frames that have come out of a filter so far."""
    with suppress(BlockingIOError, EOFError):
        while True:
            yield sink.pull()


def copy_with_comment(gif: Path, target: Path, comment: str) -> None:
    """Write a GIF again with a comment before its frames; one after them, FFmpeg takes for a frame.

    Raises:
        OSError: the file cannot be written.
    """
    with gif.open("rb") as source, target.open("wb") as file:
        head = source.read(SCREEN)
        entries = 2 << (head[FLAGS] & 7) if head[FLAGS] & 0x80 else 0  # colours of the palette
        text = comment.encode()
        blocks = [text[start : start + BLOCK] for start in range(0, len(text), BLOCK)]
        file.write(head + source.read(3 * entries))
        if blocks:  # FFmpeg finds no frames behind an empty comment
            file.write(b"\x21\xfe" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0")
        shutil.copyfileobj(source, file)
