"""A video as long as needed: it plays forwards and backwards in bounded memory."""

from collections.abc import Iterator
from itertools import islice
from math import isinf
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer

from lipsync.errors import MediaError
from lipsync.media.frames import INDEXED, SEEK_BACK, Frame, converter, ticks
from lipsync.media.photo import read_photo
from lipsync.media.source import decode, open_media, video_stream
from lipsync.media.timeline import WHOLE, Timeline, TimeRange, scan

KEEP_BYTES = 96 * 2**20  # decoded pictures held while playing backwards: about 70 frames of 720p


def loop_frames(
    path: str | Path,
    fps: float,
    count: int,
    longest_photo: int | None = None,
    part: TimeRange = WHOLE,
) -> Iterator[Frame]:
    """Exactly ``count`` frames at a constant rate, from a video of any length or a photo.

    A video that is too short plays forwards, backwards, forwards and so on; the end frames are not
    doubled: 0 1 2 3 2 1 0 1 ... A photo repeats. ``Frame.index`` is the index in the source (as
    :func:`~lipsync.media.frames.read_frames` counts), so what was computed for it can be used again,
    and ``Frame.time`` its time in the source.

    Args:
        path: video or photo.
        fps: frames per second.
        count: frames to deliver.
        longest_photo: pixels a side that a photo is reduced to where it has more.
        part: of the video that plays; its start is sought and what follows its end is not read.

    Raises:
        MediaError: not a readable video or photo, or no frame can be decoded.
        ValueError: fps is not above 0.
    """
    if not 0 < fps < float("inf"):
        raise ValueError(f"fps must be a number above 0, not {fps}")
    return islice(_endless(path, fps, longest_photo, part), max(0, count))


def _endless(path: str | Path, fps: float, longest_photo: int | None, part: TimeRange) -> Iterator[Frame]:
    photo = read_photo(path, longest_photo)
    if photo is not None:
        while True:
            yield Frame(photo.copy(), 0.0, 0)
    clip = _Clip(Path(path), fps, part)
    while True:
        yield from clip.forwards()
        yield from clip.backwards()


class _Clip:
    """Plays one video, or a part of it, in both directions."""

    def __init__(self, path: Path, fps: float, part: TimeRange) -> None:
        self._path = path
        self._fps = fps
        self._timeline: Timeline = scan(path)
        self._first = round(part.start * fps)
        self._count = None if isinf(part.end) else max(1, round(part.end * fps) - self._first)  # ticks
        self._shown: list[int] = []  # number of the decoded frame at each tick from the first
        self._stamps: list[int | None] = []  # time stamp of each decoded frame that is shown
        self._frame_bytes = 1
        self._cached: tuple[int, int, list[av.VideoFrame]] = (0, 0, [])

    def forwards(self) -> Iterator[Frame]:
        """Every tick from the first; the first time through it notes which frame each one shows."""
        learn = not self._shown
        with open_media(self._path) as container:
            playing = self._ticks(container)
            if learn:
                playing = self._learn(playing)
            convert = converter(container)
            for index, frame in playing:
                yield Frame(convert(frame), index / self._fps, index)

    def _ticks(self, container: InputContainer) -> Iterator[tuple[int, av.VideoFrame]]:
        return islice(ticks(container, self._timeline, self._fps, self._first), self._count)

    def _learn(self, playing: Iterator[tuple[int, av.VideoFrame]]) -> Iterator[tuple[int, av.VideoFrame]]:
        previous: av.VideoFrame | None = None
        for index, frame in playing:
            if frame is not previous:
                previous = frame
                self._stamps.append(frame.pts)
                self._frame_bytes = sum(plane.buffer_size for plane in frame.planes)
            self._shown.append(len(self._stamps) - 1)
            yield index, frame

    def backwards(self) -> Iterator[Frame]:
        """Every tick from the last but one down to the second, decoded chunk by chunk."""
        size = max(1, KEEP_BYTES // self._frame_bytes)
        last = len(self._shown) - 2
        with open_media(self._path) as container:
            convert = converter(container)
            for tick, frame in self._reversed_ticks(container, last, size):
                index = self._first + tick
                yield Frame(convert(frame), index / self._fps, index)

    def _reversed_ticks(
        self, container: InputContainer, last: int, size: int
    ) -> Iterator[tuple[int, av.VideoFrame]]:
        start, stop, held = self._cached
        for tick in range(last, 0, -1):
            number = self._shown[tick]
            if not start <= number < stop:
                start, stop = max(0, number + 1 - size), number + 1
                held = []  # let go before the next chunk is decoded
                held = self._chunk(container, start, stop)
                if tick == last and start == 0:
                    self._cached = (start, stop, held)  # a small clip: decoded for all rounds
            yield tick, held[number - start]

    def _chunk(self, container: InputContainer, start: int, stop: int) -> list[av.VideoFrame]:
        """Shown frames start..stop-1, decoded again from the key frame before them."""
        wanted = self._stamps[start:stop]
        stream: Any = video_stream(container)
        for back in (0.0, SEEK_BACK):
            if None in wanted or not INDEXED & set(container.format.name.split(",")):
                break
            try:
                container.seek(wanted[0] - round(back / stream.time_base), stream=stream)
            except av.error.FFmpegError:
                continue
            found = _collect(decode(container, stream), wanted)
            if len(found) == len(wanted):
                return found
        return self._replay(start, stop)

    def _replay(self, start: int, stop: int) -> list[av.VideoFrame]:
        """The same from the very beginning, for files without time stamps or a usable index."""
        found: list[av.VideoFrame] = []
        number, previous = -1, None
        with open_media(self._path) as container:
            for _, frame in self._ticks(container):
                if frame is previous:
                    continue
                number, previous = number + 1, frame
                if number >= start:
                    found.append(frame)
                if len(found) == stop - start:
                    return found
        raise MediaError("media.not_backwards", path=self._path.name)


def _collect(frames: Iterator[av.VideoFrame], wanted: list[int | None]) -> list[av.VideoFrame]:
    """The frames with these rising time stamps; fewer as soon as one is missing."""
    found: list[av.VideoFrame] = []
    for frame in frames:
        stamp = wanted[len(found)]
        if frame.pts == stamp:
            found.append(frame)
            if len(found) == len(wanted):
                break
        elif frame.pts is None or stamp is None or frame.pts > stamp:
            break
    return found
