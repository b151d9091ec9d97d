"""A quick look at all of a video: evenly spread frames, however long it is, in bounded time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from lipsync.media.frames import Frame, converter, read_frames
from lipsync.media.probe import probe
from lipsync.media.source import decode, open_media, stamp, video_stream
from lipsync.media.timeline import WHOLE, TimeRange

FRAMES, FASTEST, SLOWEST = 60, 5.0, 1.0  # looked at; Hz
AHEAD = 2  # frames that a reader on another thread may be ahead
GROUP, STEP = 3, 0.4  # frames from one place of a video that is too long to be decoded, and s between them


def overview_rate(path: Path, part: TimeRange = WHOLE) -> float:
    """Hz at which ``overview`` looks: 5 for videos of up to 12 s, less for longer ones, 1 at least.

    Raises:
        MediaError: not a readable video or photo.
    """
    return float(np.clip(FRAMES / max(_length(path, part), 1e-3), SLOWEST, FASTEST))


def _length(path: Path, part: TimeRange) -> float:
    """Seconds of a video that lie in a part of it."""
    return min(part.end, probe(path).duration) - part.start


def overview(path: Path, part: TimeRange = WHOLE) -> Iterator[Frame]:
    """At most ``FRAMES`` frames spread over a part of a video; of one beyond a minute in groups, from key
    frames on.

    ``Frame.index`` counts at ``overview_rate``, rising.

    Raises:
        MediaError: not a readable video or photo.
    """
    rate, length = overview_rate(path, part), _length(path, part)
    if length * rate <= FRAMES + 1:
        yield from read_frames(path, rate, min(FRAMES, max(1, round(length * rate))), part.start)
    else:
        yield from _groups(path, part.start + np.linspace(0, length, FRAMES // GROUP + 1)[:-1])


def _groups(path: Path, moments: np.ndarray) -> Iterator[Frame]:
    """Frames from the key frame before each of the (M,) moments on, seconds, rising; none twice."""
    last, count = -1.0, 0
    with open_media(path) as container:
        stream = video_stream(container)
        if stream is None:
            return
        convert = converter(container)
        began = float((stream.start_time or 0) * stream.time_base)
        for moment in moments:
            try:
                container.seek(int((began + moment) / stream.time_base), stream=stream)
            except av.error.FFmpegError:
                return  # a format that cannot be searched: what was read so far has to do
            taken = 0
            for picture in decode(container, stream):
                time = (stamp(container, picture) or 0.0) - began
                if taken == 0 and time <= last:
                    break
                if taken == 0 or time >= last + STEP:
                    last, taken = time, taken + 1
                    yield Frame(convert(picture), time, count)
                    count += 1
                if taken == GROUP:
                    break
