"""Video as a stream of upright RGB frames at a constant rate."""

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.container import InputContainer

from lipsync.errors import MediaError
from lipsync.media.photo import read_photo
from lipsync.media.picture import UprightRGB
from lipsync.media.source import decode, open_media, stamp, video_stream
from lipsync.media.timeline import Timeline, hold, scan, steady

INDEXED = {"mp4", "matroska", "mpegts"}  # formats whose time stamps are the same after a seek
SEEK_BACK = 10.0  # s to step back when the key frame before a picture turns out not to be enough


class Frame(NamedTuple):
    """One frame of a video read at a constant rate.

    Attributes:
        image: (H, W, 3) uint8 RGB, upright, contiguous, the caller's to write on.
        time: seconds from the first frame of the source; ``index / fps``.
        index: number of the frame at the reading rate, from 0.
        drawn: whether a face was drawn on it since it was read.
    """

    image: np.ndarray
    time: float
    index: int  # type: ignore[assignment]
    drawn: bool = False


def read_frames(
    path: str | Path, fps: float | None = None, max_frames: int | None = None, start: float = 0.0
) -> Iterator[Frame]:
    """Stream the frames of a video at a constant rate; a photo is one frame.

    Each tick shows what a player would show in the middle of that frame's time, so a variable or a
    different rate of the source neither shifts nor drifts. Damaged packets are passed over.

    Args:
        path: video or photo.
        fps: frames per second to read at; None is the average rate of the source.
        max_frames: stop after so many frames.
        start: seconds in the video of the first frame wanted; ``index`` and ``time`` count from time 0 all
            the same.

    Raises:
        MediaError: not a readable video or photo, or no frame can be decoded.
        ValueError: fps is not above 0.
    """
    if fps is not None and not 0 < fps < float("inf"):
        raise ValueError(f"fps must be a number above 0, not {fps}")
    return islice(_read(path, fps, start), max_frames)


def _read(path: str | Path, fps: float | None, start: float) -> Iterator[Frame]:
    photo = read_photo(path)
    if photo is not None:
        yield Frame(photo, 0.0, 0)
        return
    timeline = scan(path)
    fps = fps or timeline.fps
    with open_media(path) as container:
        convert = converter(container)
        for index, frame in ticks(container, timeline, fps, round(start * fps)):
            # Repeats are converted again: the caller may have painted on the first one.
            yield Frame(convert(frame), index / fps, index)


def converter(container: InputContainer) -> UprightRGB:
    """The RGB converter for the container's video stream, which must exist."""
    aspect = video_stream(container).sample_aspect_ratio  # type: ignore[union-attr]
    return UprightRGB(float(aspect or 1))


def ticks(
    container: InputContainer, timeline: Timeline, fps: float, first: int = 0
) -> Iterator[tuple[int, av.VideoFrame]]:
    """The decoded frame that is shown at every tick ``index / fps``, from the ``first`` on.

    The frame of a tick is the latest one that has begun by ``slack`` after it. Half a tick of slack is
    the middle of the output frame; where the source is faster, half of its own interval keeps exact
    multiples (50 to 25 fps) away from ties that jitter would decide. The first one is sought where the file
    allows it, else what comes before is decoded and passed over.

    Raises:
        MediaError: no frame can be decoded.
    """
    interval = 1 / timeline.fps
    slack = 0.5 * min(1 / fps, interval)
    shown: av.VideoFrame | None = None
    index, now = first, 0.0
    for now, frame in _timed(container, timeline, first / fps):
        while shown is not None and now > index / fps + slack:
            yield index, shown
            index += 1
        shown = frame
    if shown is None:
        raise MediaError("media.no_frame", path=Path(container.name).name)
    length = float((shown.duration or 0) * (shown.time_base or 0))
    for last in range(index, max(first + 1, round((now + hold(length, interval)) * fps))):
        yield last, shown


def _timed(
    container: InputContainer, timeline: Timeline, start: float
) -> Iterator[tuple[float, av.VideoFrame]]:
    """Decoded frames with seconds since the first of the video, the one shown at ``start`` among them."""
    interval = 1 / timeline.fps
    if start > 0 and timeline.continuous and INDEXED & set(container.format.name.split(",")):
        found = _sought(container, start)
        if found is not None:
            origin, now = found[0], 0.0
            for frame in found[1]:
                seconds = stamp(container, frame)
                now = now + interval if seconds is None else max(now, seconds - origin)
                yield now, frame
            return
    frames = decode(container, video_stream(container))
    yield from steady(((stamp(container, frame), frame) for frame in frames), interval)


def _sought(container: InputContainer, start: float) -> tuple[float, Iterator[av.VideoFrame]] | None:
    """Time stamp of the first frame, and the frames from a key frame before ``start`` on.

    None where that cannot be found; the container is at its beginning again then.
    """
    stream: Any = video_stream(container)
    first = next(decode(container, stream), None)
    origin = None if first is None else stamp(container, first)
    if origin is None:  # there is nothing to count from
        container.seek(stream.start_time or 0, stream=stream)
        return None
    for back in (0.0, SEEK_BACK):
        try:
            container.seek(max(0, int((origin + start - back) / stream.time_base)), stream=stream)
        except av.error.FFmpegError:
            break
        frames = decode(container, stream)
        nearest = next(frames, None)
        seconds = None if nearest is None else stamp(container, nearest)
        if nearest is not None and seconds is not None and seconds - origin <= start:
            return origin, chain([nearest], frames)
    container.seek(stream.start_time or 0, stream=stream)
    return None
