"""When the frames of a video are shown: rate, length and gaps, read from packets without decoding."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np

from lipsync.errors import MediaError
from lipsync.media.source import open_media, packets, sound_stream, stamp, video_stream

DEFAULT_FPS = 25.0
MIN_FPS, MAX_FPS = 1.0, 240.0
FEW = 0.05  # share of odd intervals that a constant rate may have
RESET = 1.0  # s; a clock that goes back so far has started anew, as in joined transport streams
MAX_HOLD = 60.0  # s; a longer pause between two frames is a broken timestamp, not a still picture


class TimeRange(NamedTuple):
    """A part of a recording, in seconds from time 0 of its picture, or of its sound where it has none."""

    start: float = 0.0
    end: float = inf  # beyond the recording: to its end


WHOLE = TimeRange()


@dataclass(frozen=True)
class Timeline:
    """Timing of the main picture stream.

    Attributes:
        fps: average frames per second, between 1 and 240.
        duration: seconds from the first frame to the end of the last.
        variable: more than a few frames are shown clearly longer or shorter than the others.
        has_sound: there is at least one packet of sound.
        continuous: every frame has a time stamp on one clock without a break, so a place in it can be sought.
    """

    fps: float
    duration: float
    variable: bool
    has_sound: bool
    continuous: bool = False

    @property
    def frames(self) -> int:
        """Frames when read at the average rate."""
        return max(1, round(self.duration * self.fps))


def scan(path: str | Path) -> Timeline:
    """Timeline of a video, from one pass over its packets.

    Raises:
        MediaError: not a readable video.
    """
    with open_media(path) as container:
        stream = video_stream(container)
        if stream is None:
            raise MediaError("media.no_picture", path=Path(path).name)
        sound = sound_stream(container)
        has_sound = False
        shown = _Shown()
        for packet in packets(container, *[s for s in (stream, sound) if s is not None]):
            if not packet.size or packet.is_discard:
                continue
            if packet.stream is not stream:
                has_sound = True
            elif _is_shown(packet):
                shown.add(packet, stamp(container, packet))
        if not shown.runs and not shown.untimed:
            raise MediaError("media.no_video_frame", path=Path(path).name)
        return _summary(shown, float(stream.average_rate or stream.guessed_rate or 0), has_sound)


class _Shown:
    """Display times of the packets of one stream, in runs between resets of the clock."""

    def __init__(self) -> None:
        self.runs: list[list[float]] = []
        self.untimed = 0
        self.last_length = 0.0
        self._latest = 0.0
        self._decoding = 0.0

    def add(self, packet: Any, seconds: float | None) -> None:
        if seconds is None:
            self.untimed += 1
            return
        decoding = seconds if packet.dts is None else float(packet.dts * packet.time_base)
        if not self.runs or decoding < self._decoding - RESET:
            self.runs.append([])
            self._latest = seconds
        self._decoding = decoding
        if seconds >= self._latest:
            self._latest, self.last_length = seconds, float((packet.duration or 0) * packet.time_base)
        self.runs[-1].append(seconds)


def _summary(shown: _Shown, header_fps: float, has_sound: bool) -> Timeline:
    steps = np.concatenate([np.empty(0), *(np.diff(np.sort(run)) for run in shown.runs)])
    continuous = len(shown.runs) == 1 and not shown.untimed and bool((steps <= MAX_HOLD).all())
    steps = steps[(steps > 0) & (steps <= MAX_HOLD)]
    regular = steps[np.abs(steps - np.median(steps)) <= 0.25 * np.median(steps)] if len(steps) else steps
    variable = len(regular) < (1 - FEW) * len(steps)
    # A few lost frames leave gaps but do not change the rate.
    counted = steps if variable else regular
    fps = len(counted) / float(counted.sum()) if len(counted) else header_fps or DEFAULT_FPS
    # Containers with millisecond stamps measure 29.97 as 29.98; the header then knows better.
    if abs(header_fps - fps) < 0.005 * fps:
        fps = header_fps
    fps = min(max(float(Fraction(fps).limit_denominator(1001)), MIN_FPS), MAX_FPS)
    joints = max(0, len(shown.runs) - 1)
    duration = float(steps.sum()) + (shown.untimed + joints) / fps
    if shown.runs:
        duration += hold(shown.last_length, 1 / fps)
    return Timeline(fps, duration, variable, has_sound, continuous)


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
        elif origin is None or not -RESET < seconds - origin - now <= MAX_HOLD:
            now += interval  # the first frame, or a new clock
            origin = seconds - now
        else:
            now = max(now, seconds - origin)
        yield now, frame
