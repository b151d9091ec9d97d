"""Opening files that people bring: one check at the door, one sentence when it fails."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.stream import Disposition

from lipsync.errors import MediaError
from lipsync.media.animation import animated_video
from lipsync.texts import Message

# What a person may upload. Play lists (HLS, DASH, concat, SDP) stay out on purpose: they name other
# files and addresses, which this process would then read on behalf of a stranger.
FORMATS = (
    "mov,mp4,matroska,webm,avi,mpeg,mpegts,mpegvideo,h264,hevc,av1,obu,ivf,m4v,mjpeg,dv,mxf,flv,asf,gif,apng,"
    "ogg,wav,w64,aiff,au,caf,flac,mp3,aac,ac3,eac3,amr,amrnb,amrwb,wv,tta,ape"
)
PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".avif"})
VIDEO_SUFFIXES = {
    ".mp4",
    ".m4v",
    ".mov",
    ".mkv",
    ".webm",
    ".avi",
    ".mpg",
    ".mpeg",
    ".ts",
    ".flv",
    ".wmv",
    ".3gp",
}
SOUND_SUFFIXES = {".wav", ".mp3", ".m4a", ".aac", ".ogg", ".opus", ".flac", ".aiff", ".amr"}
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
MAX_PIXELS = 8192 * 4320  # of a frame: 8K; a header of a few bytes may claim more than the memory holds
MAX_ERRORS = 100  # damaged places in a row before a file is given up

PROCESSORS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
THREADS = min(max(1, PROCESSORS // 2), 8)  # of a reader or a writer: other stages are at work beside it


def check_file(path: str | Path) -> Path:
    """The path of a file that is there and holds something.

    Raises:
        MediaError: it is missing, a folder, empty or not readable.
    """
    path = Path(path)
    if path.is_dir():
        raise MediaError("media.is_folder", path=path.name or path)
    if not path.is_file():
        raise MediaError("media.missing", path=path)
    try:
        with path.open("rb") as file:
            first = file.read(1)
    except OSError as error:
        raise MediaError("media.cannot_open", path=path.name, problem=error.strerror) from error
    if not first:
        raise MediaError("media.empty", path=path.name)
    return path


def open_media(path: str | Path) -> InputContainer:
    """An open container of a video or sound file; close it, or use it in ``with``.

    Raises:
        MediaError: not a readable video or sound file, whatever its extension.
    """
    path = check_file(path)
    animation = animated_video(path)
    if animation is not None:
        return av.open(animation, "r")
    if path.suffix.lower() in PHOTO_SUFFIXES:
        raise MediaError("photo.no_photo", path=path.name, ending=path.suffix)
    options = {"protocol_whitelist": "file", "format_whitelist": FORMATS, "max_pixels": str(MAX_PIXELS)}
    try:
        # The "file:" in front keeps names such as "a:b.mp4" from being read as addresses.
        return av.open(f"file:{path}", options=options, metadata_errors="replace")
    except (av.error.FFmpegError, ValueError) as error:
        raise MediaError(_why_unreadable(path)) from error


def _why_unreadable(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"mif1", b"msf1"):
        return Message("photo.heic", path=path.name)
    if head[4:8] == b"ftyp":
        return Message("media.cut_short", path=path.name)
    return Message("media.unreadable", path=path.name)


def video_stream(container: InputContainer) -> Any | None:
    """The main picture stream, or None. Cover art of a song is not a video.

    Raises:
        MediaError: its frames are larger than `MAX_PIXELS`.
    """
    usable = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic
    ]
    best = container.streams.best("video")
    chosen = best if best in usable else next(iter(usable), None)
    if chosen is None:
        return None
    if chosen.width * chosen.height > MAX_PIXELS:
        name = Path(container.name.removeprefix("file:")).name
        raise MediaError("media.too_many_pixels", path=name, width=chosen.width, height=chosen.height)
    if not chosen.codec_context.is_open:
        chosen.codec_context.options = {
            "max_pixels": str(MAX_PIXELS)
        }  # a frame may be larger than its header
        chosen.codec_context.thread_type = "AUTO"
        chosen.codec_context.thread_count = THREADS
    return chosen


def sound_stream(container: InputContainer) -> Any | None:
    """The main sound stream that can be decoded, or None."""
    usable = [stream for stream in container.streams.audio if stream.codec_context is not None]
    best = container.streams.best("audio")
    return best if best in usable else next(iter(usable), None)


def stamp(container: InputContainer, item: Any) -> float | None:
    """Seconds at which a packet or frame of a video is shown, on the clock of the file, if known.

    AVI stores no times, only an order of decoding; what passes for display times there is guessed
    wrongly as soon as there are B-frames. Decoding times run at the same rate.
    """
    count = item.dts if item.pts is None or container.format.name == "avi" else item.pts
    return None if count is None else float(count * item.time_base)


def packets(container: InputContainer, *streams: Any) -> Iterator[Any]:
    """Packets of the streams; damaged places are passed over, a file that is cut short ends early."""
    errors = 0
    while errors < MAX_ERRORS:
        try:
            for packet in container.demux(*streams):
                errors = 0
                yield packet
            return
        except av.error.FFmpegError:
            errors += 1  # the demuxer goes on behind the damage when asked again


def decode(container: InputContainer, stream: Any) -> Iterator[Any]:
    """Decoded frames of one stream in order of display; damaged packets are passed over.

    Interlaced pictures come as whole ones, as many and at the same times.
    """
    frames = _decoded(container, stream)
    return progressive(frames) if stream.type == "video" else frames


def _decoded(container: InputContainer, stream: Any) -> Iterator[Any]:
    decoder = _alpha_decoder(stream)
    for packet in packets(container, stream):
        try:
            frames = decoder.decode(packet if packet.size else None) if decoder else packet.decode()
        except av.error.FFmpegError:
            continue
        yield from frames


def _alpha_decoder(stream: Any) -> Any | None:
    """A decoder that knows the transparency of a WebM, which the usual ones of VP8 and VP9 drop."""
    name = stream.codec_context.name
    if stream.metadata.get("alpha_mode") != "1" or name not in _WITH_ALPHA:
        return None
    try:
        return av.CodecContext.create(_WITH_ALPHA[name], "r")
    except (av.error.FFmpegError, ValueError):  # FFmpeg was built without it
        return None


def progressive(frames: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """The same frames, those that are flagged as interlaced without their combs (bwdif).

    Up to the first flagged frame nothing is filtered. Not more than three frames are held.
    """
    filtering: _Deinterlacer | None = None
    for frame in frames:
        if filtering is not None and not filtering.takes(frame):
            yield from filtering.finish()
            filtering = None
        if filtering is None and frame.interlaced_frame:
            filtering = _Deinterlacer(frame)
        if filtering is None:
            yield frame
        else:
            yield from filtering.push(frame)
    if filtering is not None:
        yield from filtering.finish()


class _Deinterlacer:
    """One filter graph for frames of one size and format; each frame in is one frame out, a frame later."""

    def __init__(self, frame: av.VideoFrame) -> None:
        self._kind = (frame.width, frame.height, frame.format.name)
        self._graph = av.filter.Graph()
        source = self._graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
        )
        bwdif = self._graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
        self._graph.link_nodes(source, bwdif, self._graph.add("buffersink")).configure()
        self._waiting: deque[tuple[Any, ...]] = deque()

    def takes(self, frame: av.VideoFrame) -> bool:
        """Whether a frame has the size and format of the first one."""
        return self._kind == (frame.width, frame.height, frame.format.name)

    def push(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """Take a frame; the frames that are ready by now."""
        self._waiting.append((frame.pts, frame.dts, frame.time_base, frame.duration))
        self._graph.push(frame)
        return self._ready()

    def finish(self) -> Iterator[av.VideoFrame]:
        """The frames that are still held."""
        self._graph.push(None)
        return self._ready()

    def _ready(self) -> Iterator[av.VideoFrame]:
        while True:
            try:
                frame: Any = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            # The filter counts in half units of time.
            frame.pts, frame.dts, frame.time_base, frame.duration = self._waiting.popleft()
            yield frame
