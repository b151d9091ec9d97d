"""Blind copies: what a rater, or a viewer in blind mode, gets instead of a video.

A copy says nothing of the program that made the video: its packets are in a new MP4 without tags, encoder's
names and comments, and all copies of a group have one size in bytes and one time. Picture and sound are the
same to the bit; how a codec was set can still be read from the stream by somebody who takes it apart.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import av
from av.bitstream import BitStreamFilterContext

from eval.compare import set_cache
from eval.compare.index import ComparisonSet
from lipsync.errors import MediaError
from lipsync.media.source import open_media, sound_stream, video_stream

log = logging.getLogger(__name__)
VERSION = 2
STEP = 2**16  # bytes; sizes are multiples of it, so that not even the largest video's own size is known
CHUNK = 2**20  # bytes of padding written at once
TIME = 946_684_800  # 2000-01-01, of all copies: their headers Last-Modified and ETag are the same
OPTIONS = {
    "movflags": "+faststart",
    "fflags": "+bitexact",  # without the muxer's name
    "write_btrt": "0",  # without the encoder's bit rate
    "video_track_timescale": "120000",  # ticks a second; all usual frame rates are whole numbers of them
}
NO_SEI = "filter_units=remove_types=6"  # H.264's supplemental information, where x264 writes its settings
ENCODERS = re.compile(rb"(?:Lav[cf]|LAME|libfaac|Nero)[ \d.]+")  # in fill bytes of AAC and MP3


def write_blind_copies(targets: Mapping[Path, Path]) -> None:
    """Write blind copies of videos, all of one size: that of the largest, rounded up to 64 KiB.

    Args:
        targets: video (H.264 in an MP4, as :func:`eval.compare.clip.take_in` leaves it) to its copy, which
            may be the video itself. A copy appears whole or not at all, and none before all are made.

    Raises:
        MediaError: a video is gone or cannot be read.
    """
    parts = {video: copy.with_name(f".{secrets.token_hex(12)}.part") for video, copy in targets.items()}
    try:
        for video, part in parts.items():
            _copy_packets(video, part)
        size = max((part.stat().st_size for part in parts.values()), default=0)
        for video, part in parts.items():
            _pad(part, -(-(size + len(_free(0))) // STEP) * STEP)
            os.utime(part, (TIME, TIME))
            part.replace(targets[video])
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def cached_blind_copies(set_: ComparisonSet, videos: Sequence[Path]) -> dict[Path, Path]:
    """The blind copies of videos of a set that are shown together, made once and deleted with the set.

    Args:
        videos: under random names, which stand for what is in them. One that is gone is left out.

    Returns:
        video to its copy; nothing where a video is damaged, rather than copies of several sizes.

    Raises:
        ConfigError: the set was deleted meanwhile.
    """
    videos = sorted(video for video in videos if video.is_file())
    names = [video.name for video in videos]
    copies = {video: set_cache.place(set_, "blind", ".mp4", VERSION, video.name, *names) for video in videos}
    if all(copy.is_file() for copy in copies.values()):
        return copies
    try:
        write_blind_copies(copies)
    except MediaError as problem:
        log.warning("no blind copies: %s", problem)
        return {}
    return copies


def _copy_packets(video: Path, part: Path) -> None:
    """Copy picture and sound of a video into a new MP4, and nothing besides."""
    try:
        with open_media(video) as source, av.open(
            f"file:{part}", "w", format="mp4", container_options=OPTIONS
        ) as out:  # fmt: skip
            picture, sound = video_stream(source), sound_stream(source)
            streams = [stream for stream in (picture, sound) if stream is not None]
            tracks = {stream.index: out.add_stream_from_template(stream) for stream in streams}  # type: ignore[type-var]
            for track in tracks.values():
                track.metadata.clear()
            out.metadata.clear()
            for packet in _without_names(source, picture, streams):
                packet.stream = tracks[packet.stream_index]
                out.mux(packet)
    except (av.error.FFmpegError, ValueError) as problem:
        raise MediaError("media.unreadable", path=video.name) from problem


def _without_names(source: Any, picture: Any, streams: Sequence[Any]) -> Iterator[Any]:
    """The packets without what encoders write of themselves."""
    plain = BitStreamFilterContext(NO_SEI, picture)
    for packet in source.demux(*streams):
        if packet.stream_index == picture.index:
            yield from plain.filter(packet if packet.size else None)
        elif packet.size:
            yield _with_blank_names(packet)


def _with_blank_names(packet: Any) -> Any:
    data = bytes(packet)
    if ENCODERS.search(data):
        packet.update(ENCODERS.sub(lambda name: bytes(len(name[0])), data))
    return packet


def _pad(path: Path, size: int) -> None:
    """Bring an MP4 to a size by a box that players skip (ISO/IEC 14496-12, 8.1.2).

    It is full of noise: zeros, or a hole in the file, would be read, sent or packed faster than a video.
    """
    with path.open("r+b") as file:
        left = size - file.seek(0, os.SEEK_END)
        file.write(_free(left))
        for begin in range(len(_free(0)), left, CHUNK):
            file.write(secrets.token_bytes(min(CHUNK, left - begin)))


def _free(size: int) -> bytes:
    """The head of a box ``free`` of any size, head included."""
    return struct.pack(">I4sQ", 1, b"free", size)
