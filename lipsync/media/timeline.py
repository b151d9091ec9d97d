"""When the frames of a video are shown: rate, length and gaps, read from packets without decoding."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from lipsync.errors import MediaError
from lipsync.media.source import open_media, packets, sound_stream, stamp, video_stream

DEFAULT_FPS = 25.0
MIN_FPS, MAX_FPS = 1.0, 240.0
FEW = 0.05  # share of odd intervals that a constant rate may have
MAX_HOLD = 60.0  # s; a longer pause between two frames is a broken timestamp, not a still picture


@dataclass(frozen=True)
class Timeline:
    """Timing of the main picture stream.

    Attributes:
        fps: average frames per second, between 1 and 240.
        duration: seconds from the first frame to the end of the last.
        variable: more than a few frames are shown clearly longer or shorter than the others.
        has_sound: there is at least one packet of sound.
    """

    fps: float
    duration: float
    variable: bool
    has_sound: bool

    @property
    def frames(self) -> int:
        """Frames when read at the average rate."""
        return max(1, round(self.duration * self.fps))


def scan(path: str | Path) -> Timeline:
    """Timeline of a video, from one pass over its packets.

    Raises:
        MediaError: not a readable video.
    """
    stamps: list[float] = []
    latest, last_length = -float("inf"), 0.0
    untimed = 0
    has_sound = False
    with open_media(path) as container:
        stream = video_stream(container)
        if stream is None:
            raise MediaError(f"{Path(path).name} has no picture; choose a video or a photo.")
        sound = sound_stream(container)
        header_fps = float(stream.average_rate or stream.guessed_rate or 0)
        for packet in packets(container, *[s for s in (stream, sound) if s is not None]):
            if not packet.size or packet.is_discard:
                continue
            if packet.stream is not stream:
                has_sound = True
                continue
            if not _is_shown(packet):
                continue
            seconds = stamp(container, packet)
            if seconds is None:
                untimed += 1
                continue
            if seconds >= latest:
                latest, last_length = seconds, float((packet.duration or 0) * packet.time_base)
            stamps.append(seconds)
    if not stamps and not untimed:
        raise MediaError(f"{Path(path).name} holds no video frame; it may be cut short or damaged.")
    return _summary(stamps, untimed, last_length, header_fps, has_sound)


def _summary(stamps: list[float], untimed: int, last: float, header_fps: float, has_sound: bool) -> Timeline:
    steps = np.diff(np.sort(np.asarray(stamps, dtype=np.float64)))
    steps = steps[(steps > 0) & (steps <= MAX_HOLD)]
    span = float(steps.sum())
    regular = steps[np.abs(steps - np.median(steps)) <= 0.25 * np.median(steps)] if len(steps) else steps
    variable = len(regular) < (1 - FEW) * len(steps)
    # A few lost frames leave gaps but do not change the rate.
    counted = steps if variable else regular
    measured = len(counted) / float(counted.sum()) if len(counted) else 0.0
    fps = measured or header_fps or DEFAULT_FPS
    # Containers with millisecond stamps measure 29.97 as 29.98; the header then knows better.
    if measured and abs(header_fps - measured) < 0.005 * measured:
        fps = header_fps
    length = hold(last, 1 / fps)
    fps = min(max(fps, MIN_FPS), MAX_FPS)
    duration = span + length if stamps else untimed / fps
    return Timeline(fps, duration, variable, has_sound)


def hold(declared: float, interval: float) -> float:
    """Seconds that the last frame stays: what the file declares where that can be, else one interval."""
    return declared if 0.5 * interval <= declared <= MAX_HOLD else interval


def _is_shown(packet: Any) -> bool:
    # VP8 keeps its invisible reference pictures in packets of their own; bit 4 says "show" (RFC 6386, 9.1).
    return packet.stream.codec_context.name != "vp8" or bool(bytes(packet)[0] & 0x10)


def steady(
    frames: Iterable[tuple[float | None, av.VideoFrame]], interval: float
) -> Iterator[tuple[float, av.VideoFrame]]:
    """Frames with seconds since the first one, never going back and without absurd jumps.

    Args:
        frames: time stamp in seconds, if known, and decoded frame, in order of display.
        interval: seconds to assume between frames that carry no usable time.
    """
    origin: float | None = None
    now = -interval
    for seconds, frame in frames:
        if seconds is None:
            now += interval
        elif origin is None or not -1.0 < seconds - origin - now <= MAX_HOLD:
            now += interval  # the first frame, or the clock was reset as in joined transport streams
            origin = seconds - now
        else:
            now = max(now, seconds - origin)
        yield now, frame
